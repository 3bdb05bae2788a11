// Does the demo shop work as a shop, on the kit alone, and is it what it promises to its visitor? With the mock engine.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { answered, eventually, serveShop, shown } from './helper.mjs';
import { inShop } from './mount.mjs';

const BESIDE = '.item-view vitrine-recs';
const WITH_BAG = '.bag-view vitrine-recs';
/** Enough for the shop's side to be open. */
const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

const { site, visit } = inShop({
  beginAt: null,
  options: { viewport: WIDE },
  leave: async ({ page, problems }) => {
    assert.deepEqual(await page.evaluate(() => window.violations ?? []), []);
    assert.deepEqual(problems, []);
  },
});

/** Opens the shop at its entrance; the engine answers from here on. */
async function enter(base = site.url) {
  await visit.page.goto(`${base}/`);
  await visit.page.waitForFunction(async () => (await document.querySelector('#home-recs')?.recommender?.info())?.tier === 2);
  await visit.page.waitForSelector('#collection .tile');
}

/** Goes to another page of the shop as a link does. */
async function go(hash, selector) {
  await visit.page.evaluate((to) => (location.hash = to), hash);
  await visit.page.waitForSelector(selector);
}

async function look(item) {
  await go(`#/item/${item}`, `[data-vitrine-page="${item}"]`);
  await eventually(() => noted('view'), (views) => views.includes(item));
}

/** What is remembered. */
function events() {
  return visit.page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.events());
}

/** The items of all events of a type. */
async function noted(type) {
  return (await events()).filter((event) => event.type === type).map(({ item }) => item);
}

/** The line under an item that says why. */
function reasons(selector) {
  return visit.page.locator(selector).evaluate((recs) => [...recs.shadowRoot.querySelectorAll('.reason')].map((line) => line.textContent));
}

/** Everything that a page can leave on a device, by name. */
function stored() {
  return visit.page.evaluate(async () => ({
    local: { ...localStorage }, session: { ...sessionStorage }, cookie: document.cookie,
    databases: (await indexedDB.databases()).map(({ name }) => name), caches: await caches.keys(),
  }));
}
const NOTHING = { local: {}, session: {}, cookie: '', databases: [], caches: [] };

async function buy(item) {
  const { page } = visit;
  await look(item);
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await go('#/bag', '.lines');
  await page.getByRole('link', { name: 'Go to checkout' }).click();
  await page.getByRole('button', { name: 'Place the order' }).click();
  await page.getByText('Thank you. Your order is noted').waitFor();
}

test('the collection is shown by rooms and kinds, searched, ordered, and grows', async () => {
  const { page } = visit;
  await enter();
  const tiles = page.locator('main .grid .tile');
  assert.equal(await tiles.count(), 24);
  await page.getByRole('button', { name: 'Show more' }).click();
  assert.equal(await tiles.count(), 40);
  assert.ok(!(await page.getByRole('button', { name: 'Show more' }).isVisible()));
  await page.getByPlaceholder('Search').fill('fedora');
  assert.equal(await tiles.count(), 3);
  await page.getByRole('navigation', { name: 'Collection' }).getByRole('link', { name: 'Leather' }).click();
  await page.getByRole('heading', { name: 'Leather', level: 1 }).waitFor();
  assert.equal(await tiles.count(), 6);
  await page.getByRole('combobox', { name: 'Order' }).selectOption({ label: 'Price, from low to high' });
  assert.match(await tiles.first().innerText(), /Ink boots/);
  await page.getByRole('navigation', { name: 'Leather' }).getByRole('link', { name: 'Bags' }).click();
  await page.getByRole('heading', { name: 'Bags', level: 1 }).waitFor();
  assert.equal(await tiles.count(), 3);
  await go('#/category/Nowhere', '.failure');
  assert.equal(await page.title(), 'Not in the collection | Maison Aurelle');
});

test('two jackets are looked at: the row changes, says why, and the reason leads to the note', async () => {
  const { page } = visit;
  await enter();
  assert.equal(await shown(page, '#home-recs'), null, 'of a stranger nothing is known');
  await page.locator('#collection').getByRole('link', { name: /Navy jacket/ }).click();
  await page.getByRole('heading', { name: 'Navy jacket' }).waitFor();
  const beside = await answered(page, undefined, BESIDE);
  assert.ok(beside[0].startsWith('jacket-') && !beside.includes('jacket-navy'), `the item of the page is not beside itself: ${beside}`);
  await look('jacket-olive');
  await page.getByRole('link', { name: 'Maison Aurelle' }).first().click();
  const ids = await answered(page, ([first]) => first.startsWith('jacket-'), '#home-recs');
  assert.equal(ids.length, 8);
  const lines = await eventually(() => reasons('#home-recs'), ({ length }) => length > 0);
  assert.match(lines[0], /^Because you viewed (Navy|Olive) jacket$/);
  assert.deepEqual(await noted('view'), ['jacket-navy', 'jacket-olive']);

  await page.locator('#home-recs').getByRole('button', { name: lines[0] }).first().click();
  const drawer = page.getByRole('dialog', { name: 'What this house knows' });
  await drawer.waitFor();
  const focused = () => page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.getAttribute('aria-label'));
  await eventually(focused, (label) => label === lines[0].replace('Because you viewed', 'Forget'));
});

test('who only passes by is a stranger: what stood in the window is noted, and no row is picked for it', async () => {
  const { page } = visit;
  await enter();
  await page.locator('#collection').evaluate((section) => section.scrollIntoView());
  await eventually(() => noted('impression'), ({ length }) => length > 0);
  await page.waitForTimeout(1000);
  assert.equal(await shown(page, '#home-recs'), null);
  await look('hat-ink');
  await go('#/', '#home-recs');
  await answered(page, ([first]) => first.startsWith('hat-'), '#home-recs');
});

test('the bag: counted, recommended with, never recommended itself, and emptied again', async () => {
  const { page } = visit;
  await enter();
  await look('bag-ink');
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await page.getByText('In your bag.').waitFor();
  await page.getByRole('link', { name: 'Bag, 1 piece' }).click();
  await page.getByRole('heading', { name: 'Your bag', exact: true }).waitFor();
  const ids = await answered(page, undefined, WITH_BAG);
  assert.ok(ids.length === 6 && ids[0].startsWith('bag-') && !ids.includes('bag-ink'), `${ids}`);
  assert.equal((await reasons(WITH_BAG))[0], 'Goes with Ink handbag in your bag');
  await page.getByRole('button', { name: 'One more: Ink handbag' }).click();
  await page.getByRole('link', { name: 'Bag, 2 pieces' }).waitFor();
  assert.match(await page.getByRole('region', { name: 'Summary' }).innerText(), /€3,480/);
  await go('#/', '#home-recs');
  await answered(page, (row) => row[0].startsWith('bag-') && !row.includes('bag-ink'), '#home-recs');
  await go('#/bag', '.lines');
  await page.getByRole('button', { name: 'Remove Ink handbag' }).click();
  await page.getByText('Nothing here yet.').waitFor();
  assert.equal(await page.locator(WITH_BAG).count(), 0);
  assert.deepEqual([await noted('cart_add'), await noted('cart_remove')], [['bag-ink', 'bag-ink'], ['bag-ink']]);
});

test('ordered and sent back because it was not liked: it and its like go away', async () => {
  const { page } = visit;
  await enter();
  await buy('jacket-navy');
  await look('bag-ink');
  await go('#/', '#home-recs');
  await answered(page, (ids) => ids.some((id) => id.startsWith('jacket-')) && !ids.includes('jacket-navy'), '#home-recs');

  await go('#/orders', '.orders');
  await page.locator('summary', { hasText: 'Send back Navy jacket' }).click();
  await page.getByRole('combobox', { name: 'Why do you send back Navy jacket?' }).selectOption('dislike');
  await page.getByRole('button', { name: 'Return it' }).click();
  await page.getByText('Sent back: i did not like it').waitFor();
  const { reason } = (await events()).find(({ type }) => type === 'return');
  assert.equal(reason, 'dislike');
  await go('#/', '#home-recs');
  await answered(page, (ids) => ids[0].startsWith('bag-') && !ids.some((id) => id.startsWith('jacket-')), '#home-recs');
});

test('every act on an item becomes its event, once', async () => {
  const { page } = visit;
  await enter();
  await look('coat-camel');
  await page.getByRole('button', { name: 'Look closer: Camel coat' }).click();
  await page.getByRole('dialog', { name: 'Picture' }).getByRole('button', { name: 'Close' }).click();
  const save = page.getByRole('button', { name: 'Save', exact: true });
  await save.click();
  assert.equal(await save.getAttribute('aria-pressed'), 'true');
  await save.click();
  await buy('coat-camel');
  const kept = (await events()).filter(({ item, type }) => item === 'coat-camel' && type !== 'impression' && type !== 'dwell');
  assert.deepEqual(kept.map(({ type }) => type), ['view', 'zoom', 'wishlist_add', 'wishlist_remove', 'cart_add', 'checkout', 'purchase']);
  const bought = kept.at(-1);
  assert.deepEqual([bought.qty, bought.price, bought.currency], [1, 145_000, 'EUR']);
});

test('followed from a row and bought: the purchase knows the row it came from', async () => {
  const { page } = visit;
  await enter();
  await look('jacket-navy');
  await go('#/', '#home-recs');
  const [first] = await answered(page, ([id]) => id.startsWith('jacket-'), '#home-recs');
  await page.locator('#home-recs').locator(`li[data-item="${first}"] a`).click();
  await page.waitForSelector(`[data-vitrine-page="${first}"]`);
  await buy(first);
  const kept = (await events()).filter(({ item }) => item === first);
  const click = kept.find(({ type, list }) => type === 'click' && list === 'home');
  assert.ok(click.rec_id);
  assert.equal(kept.find(({ type }) => type === 'purchase').rec_id, click.rec_id);
});

test('"Not for me" sends an item away', async () => {
  const { page } = visit;
  await enter();
  await look('bag-ink');
  await look('bag-cognac');
  await go('#/', '#home-recs');
  const [first] = await answered(page, ([id]) => id.startsWith('bag-'), '#home-recs');
  await page.locator('#home-recs').getByRole('button', { name: /^Not for me/ }).first().click();
  await answered(page, (ids) => !ids.includes(first), '#home-recs');
  assert.deepEqual(await noted('dismiss'), [first]);
});

test('before the visitor says yes nothing is on the device, whatever was done; a new page knows nothing', async () => {
  const { page } = visit;
  await enter();
  const notice = page.getByRole('region', { name: 'May this house remember you?' });
  assert.ok(await notice.isVisible());
  const [yes, no] = await notice.getByRole('button').evaluateAll((all) => all.map((each) => ({ ...each.getBoundingClientRect().toJSON(), ...{ class: each.className } })));
  assert.deepEqual([yes.width, yes.height, yes.class], [no.width, no.height, no.class], 'yes and no weigh the same');
  await buy('coat-camel');
  await look('coat-ink');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await go('#/', '#home-recs');
  await answered(page, undefined, '#home-recs');
  assert.deepEqual(await stored(), NOTHING);
  await page.reload();
  await page.waitForSelector('#collection .tile');
  assert.deepEqual(await events(), []);
  await go('#/orders', '.orders-view');
  await page.getByText('No orders yet.').waitFor();
});

test('yes: notes, bag and orders are there after a reload; in the privacy panel a no takes all of it back', async () => {
  const { page } = visit;
  await enter();
  await look('coat-camel');
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await page.getByRole('button', { name: 'Remember me on this device' }).click();
  await page.getByText('Kept on this device, and nowhere else.').waitFor();
  assert.ok(!(await page.locator('#consent').isVisible()));
  await eventually(stored, ({ databases }) => databases.includes('vitrine'));
  await enter();
  assert.ok((await noted('cart_add')).includes('coat-camel'));
  await page.getByRole('link', { name: 'Bag, 1 piece' }).waitFor();
  assert.ok(!(await page.locator('#consent').isVisible()), 'it asks once');
  await answered(page, ([first]) => first.startsWith('coat-'), '#home-recs');

  await page.getByRole('button', { name: 'What this house knows' }).first().click();
  await page.getByRole('switch', { name: 'Remember me on this device' }).click();
  await eventually(stored, ({ local, databases }) => databases.length === 0 && Object.keys(local).join() === 'vitrine-consent');
  assert.deepEqual(await events(), []);
});

test('no: it asks no more, remembers only the word, and the shop works on', async () => {
  const { page } = visit;
  await enter();
  await page.getByRole('button', { name: 'Only for this visit' }).click();
  await page.locator('#consent').waitFor({ state: 'hidden' });
  assert.deepEqual(await stored(), { ...NOTHING, local: { 'vitrine-consent': 'denied' } });
  await look('hat-ink');
  await go('#/', '#home-recs');
  await answered(page, ([first]) => first.startsWith('hat-'), '#home-recs');
  await enter();
  assert.ok(!(await page.locator('#consent').isVisible()));
});

test('what this house knows: notes in words, one forgotten, then all of them and the bag with them', async () => {
  const { page } = visit;
  await enter();
  await look('bag-ink');
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await look('hat-ink');
  await go('#/', '#home-recs');
  await answered(page, undefined, '#home-recs');
  await page.getByRole('button', { name: 'What this house knows' }).first().click();
  const drawer = page.getByRole('dialog', { name: 'What this house knows' });
  const note = (name) => drawer.getByRole('listitem').filter({ has: page.getByRole('button', { name: `Forget ${name}` }) });
  await note('Ink handbag').getByText('Put in the bag').waitFor();
  await drawer.getByRole('button', { name: 'Forget Ink fedora' }).click();
  await note('Ink fedora').waitFor({ state: 'detached' });
  assert.ok(!(await events()).some(({ item }) => item === 'hat-ink'));
  await drawer.getByRole('button', { name: 'Forget me' }).click();
  await drawer.getByRole('button', { name: 'Erase' }).click();
  await drawer.getByText('Forgotten. There was nothing to delete anywhere else.').waitFor();
  assert.deepEqual(await events(), []);
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'hidden' });
  await page.getByRole('link', { name: 'Bag, 0 pieces' }).waitFor();
  await eventually(() => shown(page, '#home-recs'), (ids) => ids === null);
});

test('behind the glass: open beside the shop where there is room, with each event and what it weighs', async () => {
  const { page } = visit;
  await enter();
  const side = page.getByRole('complementary', { name: 'Behind the glass' });
  assert.ok(await side.isVisible());
  await look('bag-ink');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const saved = side.getByRole('row').filter({ hasText: 'wishlist_add' });
  await saved.filter({ hasText: 'bag-ink' }).filter({ hasText: '+0.60' }).waitFor();
  await side.getByRole('row').filter({ hasText: 'bag-cognac' }).filter({ hasText: 'saved bag-ink' }).waitFor();
  await side.getByText('tier 2').first().waitFor();

  await side.getByRole('button', { name: 'Close' }).click();
  assert.ok(!(await side.isVisible()));
  assert.equal(await page.evaluate(() => document.activeElement.dataset.opens), 'glass');
  await go('#/', '#home-recs');
  assert.ok(!(await side.isVisible()), 'what is closed stays closed');
});

test('behind the glass on a phone: a sheet that is fetched when it is opened, and closed by Escape', async () => {
  const { page, requests } = visit;
  await page.setViewportSize(PHONE);
  await enter();
  const side = page.getByRole('complementary', { name: 'Behind the glass' });
  assert.ok(!(await side.isVisible()));
  const isFetched = () => requests.some((request) => request.url().endsWith('/debug-element.js'));
  assert.ok(!isFetched());
  const opener = page.getByRole('button', { name: 'Behind the glass' }).first();
  await opener.click();
  await side.getByRole('searchbox', { name: 'Filter rows' }).waitFor();
  assert.ok(isFetched());
  const [width, top] = await page.locator('#glass').evaluate((sheet) => [sheet.offsetWidth, sheet.offsetTop]);
  assert.ok(width === PHONE.width && top > 100, `the shop stays in sight above: ${width}, ${top}`);
  assert.equal(await opener.getAttribute('aria-expanded'), 'true');
  await page.keyboard.press('Escape');
  assert.ok(!(await side.isVisible()));
});

test('nothing leaves: every request is a plain GET of a file of this site, whatever the visitor does', async () => {
  const { page, requests } = visit;
  await enter();
  await page.getByRole('button', { name: 'Remember me on this device' }).click();
  await buy('bag-ink');
  await page.locator('summary', { hasText: 'Send back' }).click();
  await page.getByRole('button', { name: 'Return it' }).click();
  await page.getByRole('button', { name: 'What this house knows' }).first().click();
  await page.keyboard.press('Escape');
  await look('hat-ink');
  await go('#/', '#home-recs');
  await answered(page, undefined, '#home-recs');
  assert.ok(requests.some((request) => request.url() === `${site.url}/rules.json`), 'the rules are asked for');
  for (const request of requests) {
    const url = new URL(request.url());
    if (url.protocol === 'data:') continue;
    assert.equal(url.origin, site.url);
    assert.equal(request.method(), 'GET');
    assert.equal(url.search, '');
    assert.equal(request.postData(), null);
    const { referer = '', cookie = '' } = await request.allHeaders();
    assert.ok(!referer.includes('bag-ink') && cookie === '', 'no header carries what was looked at');
  }
});

test('the rules of the shop speak of its three places, and of no other', async () => {
  const { placements, version } = JSON.parse(await readFile(new URL('../../www/rules.json', import.meta.url), 'utf8'));
  assert.equal(version, 1);
  const { page } = visit;
  const used = [];
  const collect = async () => used.push(...await page.locator('main vitrine-recs[rules="./rules.json"]').evaluateAll((all) => all.map((each) => each.getAttribute('placement'))));
  await enter();
  await collect();
  await look('bag-ink');
  await collect();
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await go('#/bag', WITH_BAG);
  await collect();
  assert.deepEqual(used, Object.keys(placements));
});

test('answers move nothing: no layout shift at the entrance, beside an item, or with the bag', async () => {
  await visit.context.addInitScript(() => {
    window.shifts = [];
    // The side for the curious grows with what it tells; the shop is what must stand still.
    const isOfSide = ({ previousRect, currentRect }) => {
      const { left, width } = document.querySelector('#glass').getBoundingClientRect();
      return width > 0 && previousRect.left >= left && currentRect.left >= left;
    };
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries()) {
        if (!sources.every(isOfSide)) window.shifts.push([value, ...sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? node?.nodeName)]);
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const { page } = visit;
  await enter();
  await page.getByRole('button', { name: 'Remember me on this device' }).click();
  await look('bag-ink');
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await eventually(stored, ({ local }) => 'aurelle' in local);
  for (const viewport of [WIDE, { width: 820, height: 1180 }, PHONE, { width: 320, height: 700 }]) {
    await page.setViewportSize(viewport);
    for (const [hash, selector] of [['#/', '#home-recs'], ['#/item/bag-cognac', BESIDE], ['#/bag', WITH_BAG]]) {
      await page.goto('about:blank');
      await page.goto(`${site.url}/${hash}`);
      await page.waitForSelector(selector);
      await page.locator(selector).evaluate((recs) => recs.scrollIntoView({ block: 'center' }));
      await answered(page, undefined, selector);
      await page.waitForTimeout(400);
      assert.deepEqual(await page.evaluate(() => window.shifts), [], `${viewport.width} ${hash}`);
      // Nor are pictures cut to make it fit: the shop's own list leaves room for the line that says why.
      const shape = await page.locator(selector).evaluate((recs) => {
        const { width, height } = recs.shadowRoot.querySelector('.image').getBoundingClientRect();
        return height / width;
      });
      assert.ok(Math.abs(shape - 4 / 3) < 0.02, `${viewport.width} ${hash}: a picture is ${shape.toFixed(2)} times as high as wide`);
    }
  }
});

test('the way back leads to the same place on the page', async () => {
  const { page } = visit;
  await enter();
  const tile = page.locator('#collection .tile a').nth(16);
  await tile.scrollIntoViewIfNeeded();
  const before = await page.evaluate(() => scrollY);
  assert.ok(before > 500);
  await tile.click();
  await page.waitForSelector('.item');
  assert.equal(await page.evaluate(() => scrollY), 0);
  await page.goBack();
  await page.waitForSelector('#home-recs');
  await eventually(() => page.evaluate(() => scrollY), (now) => Math.abs(now - before) < 2);
});

test('films: covers instead of pictures, stars instead of a bag, the catalogue in pages', async () => {
  const films = await serveShop({ package: 'films' });
  try {
    const { page } = visit;
    await enter(films.url);
    const tiles = page.locator('#collection .tile');
    assert.equal(await tiles.count(), 24);
    await page.getByRole('button', { name: 'Show more' }).click();
    assert.equal(await tiles.count(), 48);
    assert.ok(!(await page.locator('#bag-link').isVisible()));
    await look('3');
    assert.equal(await page.getByRole('button', { name: 'Add to bag' }).count(), 0);
    await page.getByRole('radio', { name: '4 stars' }).check({ force: true });
    await go('#/', '#home-recs');
    // What is rated is not recommended again.
    await answered(page, (ids) => !ids.includes('3'), '#home-recs');
    assert.match((await reasons('#home-recs'))[0], /^Because you liked /);
    assert.equal((await events()).find(({ type }) => type === 'rate').rating, 4);
    await go('#/bag', '.failure');
  } finally {
    await visit.page.goto('about:blank');
    await films.close();
  }
});
