// Does the demo shop work as a shop, and does it tell Vitrine what happens? With the mock engine.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { answered, launch, openPage, serveShop, shown } from './helper.mjs';

let site;
let browser;
let visit;
before(async () => {
  site = await serveShop();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await site?.close();
});
beforeEach(async () => {
  visit = await openPage(browser, { viewport: { width: 1280, height: 900 } });
});
afterEach(async () => {
  assert.deepEqual(await visit.page.evaluate(() => window.violations), []);
  assert.deepEqual(visit.problems, []);
  await visit.context.close();
});

async function enter(hash = '', base = site.url) {
  await visit.page.goto(`${base}/${hash}`);
  await visit.page.waitForFunction(() => document.documentElement.dataset.vitrineTier === '2');
}

/** What is remembered, as `[type, item]`. */
function events() {
  return visit.page.evaluate(async () => {
    const all = await document.querySelector('#home-recs').recommender.events();
    return all.map(({ type, item }) => [type, item]);
  });
}

test('the catalogue is shown, filtered and searched', async () => {
  const { page } = visit;
  await enter();
  assert.equal(await page.locator('#grid .tile').count(), 40);
  await page.getByRole('link', { name: 'Bags', exact: true }).click();
  await page.waitForFunction(() => document.querySelectorAll('#grid .tile').length === 3);
  assert.equal(await page.locator('#collection-title').innerText(), 'Bags');
  await page.getByRole('link', { name: 'All', exact: true }).click();
  await page.getByPlaceholder('Search').fill('fedora');
  assert.equal(await page.locator('#grid .tile').count(), 3);
});

test('looking at two jackets changes the row', async () => {
  const { page } = visit;
  await enter();
  assert.equal(await shown(page, '#home-recs'), null);
  await page.getByRole('link', { name: /Navy jacket/ }).last().click();
  await page.getByRole('heading', { name: 'Navy jacket' }).waitFor();
  await enter('#/item/jacket-olive');
  await page.getByRole('link', { name: /Maison Aurelle/i }).first().click();
  const ids = await answered(page, undefined, '#home-recs');
  assert.equal(ids[0].split('-')[0], 'jacket');
  assert.deepEqual((await events()).filter(([type]) => type === 'view'), [['view', 'jacket-navy'], ['view', 'jacket-olive']]);
});

test('every act on an item becomes its event', async () => {
  const { page } = visit;
  await enter('#/item/coat-camel');
  await page.getByRole('button', { name: 'Look closer: Camel coat' }).click();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'Saved', exact: true }).click();
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await page.getByRole('button', { name: 'Remove Camel coat' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await page.getByRole('button', { name: 'Check out' }).click();
  await page.getByText('Return', { exact: true }).click();
  await page.getByRole('combobox').selectOption('dislike');
  await page.getByRole('button', { name: 'Send back' }).click();
  await page.getByText('Returned: i did not like it').waitFor();
  const types = (await events()).map(([type]) => type);
  assert.deepEqual(types.filter((type) => type !== 'dwell'), [
    'view', 'zoom', 'wishlist_add', 'wishlist_remove', 'cart_add', 'cart_remove', 'cart_add', 'purchase', 'return',
  ]);
  assert.ok(types.includes('dwell'));
  const returned = await page.evaluate(async () => (await document.querySelector('#home-recs').recommender.events()).at(-1));
  assert.equal(returned.reason, 'dislike');
});

test('what is in the bag is not recommended', async () => {
  const { page } = visit;
  await enter('#/item/bag-ink');
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await page.keyboard.press('Escape');
  await page.goto(`${site.url}/#/`);
  await answered(page, (ids) => ids[0].startsWith('bag-') && !ids.includes('bag-ink'), '#home-recs');
});

test('dwell counts only while the page is visible', async () => {
  const { page } = visit;
  await enter('#/item/hat-ink');
  await page.waitForTimeout(700);
  const hide = (state) => page.evaluate((value) => {
    Object.defineProperty(document, 'visibilityState', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
  await hide('hidden');
  await page.waitForTimeout(1500);
  await hide('visible');
  await page.waitForTimeout(700);
  await page.goto(`${site.url}/#/`);
  await page.waitForTimeout(200);
  const dwells = await page.evaluate(async () =>
    (await document.querySelector('#home-recs').recommender.events()).filter(({ type }) => type === 'dwell').map(({ dwell_ms }) => dwell_ms));
  assert.equal(dwells.length, 2);
  assert.ok(dwells[1] - dwells[0] >= 600 && dwells[1] - dwells[0] < 1400, `the second stay was ${dwells[1] - dwells[0]} ms`);
});

test('the panel shows events, intensity and scores; forgetting empties it, and a reload stays empty', async () => {
  const { page } = visit;
  await enter('#/item/bag-ink');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'What this page knows' }).first().click();
  const panel = page.getByRole('complementary', { name: 'What this page knows' });
  await panel.getByText('Saved Ink handbag').waitFor();
  await panel.getByText('+0.60').waitFor();
  await panel.getByRole('link', { name: 'Cognac handbag' }).waitFor();
  assert.match(await panel.locator('.status').innerText(), /CPU \(tier 2\).*612 thousand parameters/s);
  await panel.getByRole('button', { name: 'Forget me' }).click();
  await panel.locator('#knows-nothing').waitFor();
  assert.deepEqual(await events(), []);
  await page.keyboard.press('Escape');
  assert.ok(!(await panel.isVisible()));
  await page.goto(`${site.url}/#/`);
  await page.reload();
  await page.waitForFunction(() => document.documentElement.dataset.vitrineTier === '2');
  assert.deepEqual(await events(), []);
  assert.equal(await shown(page, '#home-recs'), null);
});

test('nothing leaves: every request is a plain GET of this site, whatever the visitor does', async () => {
  const { page, requests } = visit;
  await enter('#/item/bag-ink');
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await page.getByRole('button', { name: 'Check out' }).click();
  await page.goto(`${site.url}/#/`);
  await answered(page, undefined, '#home-recs');
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

test('a visitor with a keyboard reaches an item, its bag and the way back', async () => {
  const { page } = visit;
  await enter();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the collection');
  const tile = page.locator('#grid .tile a').first();
  await tile.focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.localName === 'h1');
  const reached = [];
  for (let step = 0; step < 8 && !reached.includes('Save'); step += 1) {
    await page.keyboard.press('Tab');
    reached.push(await page.evaluate(() => document.activeElement.textContent));
  }
  assert.ok(reached.includes('Add to bag') && reached.includes('Save'), reached.join(', '));
  await page.getByRole('button', { name: 'Add to bag' }).focus();
  await page.keyboard.press('Enter');
  assert.ok(await page.evaluate(() => document.getElementById('cart').contains(document.activeElement)));
  await page.keyboard.press('Escape');
  assert.ok(await page.evaluate(() => !document.getElementById('cart').open));
});

test('without the package the shop says so and does not break', async () => {
  await visit.page.route('**/vitrine/model/**', (route) => route.fulfill({ status: 404 }));
  await visit.page.goto(`${site.url}/`);
  await visit.page.getByRole('alert').filter({ hasText: 'status 404' }).waitFor();
  visit.problems.length = 0; // the browser logs each 404
});

test('the page needs no more room than the phone has', async () => {
  const { page } = visit;
  await page.setViewportSize({ width: 360, height: 740 });
  for (const hash of ['', '#/item/coat-camel', '#/orders']) {
    await enter(hash);
    const [scroll, client] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.equal(scroll, client, `${hash || 'home'} is wider than the screen`);
  }
});

test('films: covers instead of pictures, stars instead of a bag, the catalogue in pages', async () => {
  const films = await serveShop({ package: 'films' });
  try {
    const { page } = visit;
    await enter('', films.url);
    assert.equal(await page.locator('#grid .tile').count(), 48);
    await page.getByRole('button', { name: 'Show more' }).click();
    assert.equal(await page.locator('#grid .tile').count(), 96);
    assert.ok(!(await page.locator('#cart-open').isVisible()));
    await enter('#/item/3', films.url);
    assert.equal(await page.getByRole('button', { name: 'Add to bag' }).count(), 0);
    await page.getByRole('radio', { name: '4 stars' }).check({ force: true });
    await page.goto(`${films.url}/#/`);
    // What is rated is not recommended again.
    await answered(page, (ids) => !ids.includes('3'), '#home-recs');
    const rated = await page.evaluate(async () => (await document.querySelector('#home-recs').recommender.events()).find(({ type }) => type === 'rate'));
    assert.equal(rated.rating, 4);
  } finally {
    await visit.page.goto('about:blank');
    await films.close();
  }
});
