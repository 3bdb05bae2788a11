// Can everybody use it? axe on every page of the shop, light and dark, and on the elements where a page has no style at all;
// with a keyboard, on a small screen, without motion, without JavaScript.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answered, serveShop } from './helper.mjs';
import { axe, inShop } from './mount.mjs';

const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const AXE = await axe();
const { site, open: visit } = inShop();

/** Runs axe by the debugger's door, so that the page's policy stands. Says each violation with the nodes it is about. */
async function examine(page, where) {
  const violations = await page.evaluate(async (tags) => {
    // What fades in is not yet what it will be.
    for (const animation of document.getAnimations()) animation.finish();
    const { violations: found } = await window.axe.run(document, { runOnly: { type: 'tag', values: tags }, preload: false, resultTypes: ['violations'] });
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, any, all }) => `${target.flat().join(' ')} (${[...any, ...all].map(({ message }) => message).join('; ')})`).join(' | ')}`);
  }, TAGS);
  assert.deepEqual(violations, [], where);
}

/** @param {"light" | "dark"} colorScheme @param {{width: number, height: number}} viewport */
async function open(colorScheme, viewport) {
  const { page } = await visit({ viewport, colorScheme, reducedMotion: 'reduce' });
  await page.addInitScript(AXE);
  return page;
}

/** Goes to another page of the shop as a link does. */
async function turn(page, hash, selector) {
  await page.evaluate((to) => (location.hash = to), hash);
  await page.waitForSelector(selector);
}

for (const colorScheme of ['light', 'dark']) {
  test(`the shop, ${colorScheme}`, async () => {
    const page = await open(colorScheme, WIDE);
    const go = (hash, selector) => turn(page, hash, selector);
    await page.goto(`${site.url}/`);
    await page.waitForSelector('#collection .tile');
    await page.waitForSelector('vitrine-debug');
    await examine(page, 'home, to a stranger, with the question of the house');
    await page.getByRole('button', { name: 'Only for this visit' }).click();
    await go('#/item/jacket-navy', '.item');
    await answered(page, undefined, '.item-view vitrine-recs');
    await page.getByRole('button', { name: 'Add to bag' }).click();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await examine(page, 'item');
    await page.getByRole('button', { name: 'Look closer' }).click();
    await examine(page, 'picture');
    await go('#/bag', '.lines');
    await answered(page, undefined, '.bag-view vitrine-recs');
    await examine(page, 'bag');
    await go('#/checkout', 'form');
    await examine(page, 'checkout');
    await page.getByRole('button', { name: 'Place the order' }).click();
    await page.locator('summary', { hasText: 'Send back' }).click();
    await examine(page, 'orders');
    await go('#/bag', '.is-empty');
    await examine(page, 'empty bag');
    await go('#/saved', '.grid .tile');
    await examine(page, 'saved');
    await go('#/category/Clothing/Coats', '.kinds');
    await examine(page, 'category');
    await go('#/nowhere', '.failure');
    await examine(page, 'an address that leads nowhere');
    await go('#/', '#home-recs');
    await answered(page, undefined, '#home-recs');
    await examine(page, 'home, to a visitor who is known');
    await page.getByRole('button', { name: 'What this house knows' }).first().click();
    await page.locator('#privacy').evaluate((panel) => panel.updated);
    await examine(page, 'what this house knows');
  });

  test(`the shop on a phone with its sheet open, ${colorScheme}`, async () => {
    const page = await open(colorScheme, PHONE);
    await page.goto(`${site.url}/#/item/jacket-navy`);
    await page.waitForSelector('.item');
    await answered(page, undefined, '.item-view vitrine-recs');
    await examine(page, 'item');
    await page.getByRole('button', { name: 'Behind the glass' }).first().click();
    await page.getByRole('searchbox', { name: 'Filter rows' }).waitFor();
    await examine(page, 'the sheet');
  });

  test(`films, ${colorScheme}`, async () => {
    const films = await serveShop({ package: 'films' });
    const page = await open(colorScheme, { width: 820, height: 1180 });
    try {
      await page.goto(`${films.url}/#/item/3`);
      await page.waitForSelector('.item');
      await page.locator('.stars input').nth(3).check({ force: true });
      await answered(page, undefined, '.item-view vitrine-recs');
      await examine(page, 'film');
      await page.goto(`${films.url}/#/`);
      await page.waitForSelector('#home-recs');
      await answered(page, undefined, '#home-recs');
      await examine(page, 'films');
    } finally {
      await films.close();
    }
  });

  test(`the elements on a bare page, ${colorScheme}`, async () => {
    const page = await open(colorScheme, { width: 800, height: 900 });
    await page.goto(`${site.url}/pages/recorder.html`);
    await page.evaluate(async () => {
      document.documentElement.lang = 'en';
      document.title = 'Bare';
      const scheme = Object.assign(document.createElement('meta'), { name: 'color-scheme', content: 'light dark' });
      document.head.append(scheme);
      const main = document.createElement('main');
      main.append(Object.assign(document.createElement('h1'), { textContent: 'A shop without style' }));
      for (const [tag, attributes] of [
        ['vitrine-recs', { package: '/vitrine/model/', seed: 'coat-ink', heading: 'Picked for you', 'dismiss-label': 'Not for me', reasons: '' }],
        ['vitrine-privacy', {}], ['vitrine-debug', {}],
      ]) {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
        main.append(element);
      }
      document.body.replaceChildren(main);
      const { observe } = await import('/vitrine/vitrine.js');
      await Promise.all([import('/vitrine/privacy.js'), import('/vitrine/debug.js')]);
      await observe({ item: 'coat-camel', type: 'wishlist_add' });
      await observe({ item: 'hat-ink', type: 'dismiss' });
    });
    await answered(page);
    await page.locator('vitrine-privacy').evaluate((panel) => panel.updated);
    await page.waitForTimeout(300);
    await examine(page, 'elements');
  });
}

test('a visitor with a keyboard reaches an item, its bag and the way back', async () => {
  const page = await open('light', WIDE);
  const focused = (read) => page.evaluate(`(${read})(document.activeElement)`);
  await page.goto(`${site.url}/`);
  await page.waitForSelector('#collection .tile');
  await page.keyboard.press('Tab');
  assert.equal(await focused((node) => node.textContent), 'Skip to the collection');
  await page.locator('#collection .tile a').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.localName === 'h1' && document.activeElement.textContent === 'Camel coat');
  const reached = [];
  for (let step = 0; step < 10 && !reached.includes('Save'); step += 1) {
    await page.keyboard.press('Tab');
    reached.push(await focused((node) => node.textContent));
  }
  assert.ok(reached.includes('Add to bag') && reached.includes('Save'), reached.join(', '));
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'See the bag' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.textContent === 'Your bag');
  await page.getByRole('button', { name: 'One more: Camel coat' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Bag, 2 pieces' }).waitFor();
  assert.equal(await focused((node) => node.getAttribute('aria-label')), 'One more: Camel coat', 'the keyboard stays');
});

test('who wants no motion sees none', async () => {
  const page = await open('light', PHONE);
  await page.goto(`${site.url}/`);
  await page.waitForSelector('#collection .tile');
  const running = () => page.evaluate(() => document.getAnimations().length);
  await page.getByRole('button', { name: 'What this house knows' }).first().click();
  assert.equal(await running(), 0);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Behind the glass' }).first().click();
  assert.equal(await running(), 0);
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'What this house knows' }).first().click();
  assert.ok(await running() > 0, 'others do');
});

test('no page is wider than a small phone', async () => {
  const page = await open('light', { width: 320, height: 700 });
  await page.goto(`${site.url}/#/item/sunglasses-cognac`);
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await turn(page, '#/checkout', 'form');
  await page.getByRole('button', { name: 'Place the order' }).click();
  await turn(page, '#/item/earrings-rose', '[data-vitrine-page="earrings-rose"]');
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const pages = [
    ['#/', '#home-recs'], ['#/item/earrings-rose', '.item-view vitrine-recs'], ['#/bag', '.lines'], ['#/checkout', 'form'],
    ['#/orders', '.orders'], ['#/saved', '.tile'], ['#/category/Clothing', '.kinds'],
  ];
  for (const [hash, selector] of pages) {
    await turn(page, hash, selector);
    if (hash === '#/orders') await page.locator('summary').first().click();
    const [scroll, client] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.equal(scroll, client, `${hash} is wider than the screen`);
  }
  await page.getByRole('button', { name: 'What this house knows' }).first().click();
  const [scroll, client] = await page.locator('#knows').evaluate((drawer) => [drawer.scrollWidth, drawer.clientWidth]);
  assert.equal(scroll, client);
});

test('without JavaScript the house says what it needs it for, and shows nothing that does not work', async () => {
  const { page } = await visit({ javaScriptEnabled: false, viewport: WIDE });
  await page.goto(`${site.url}/`);
  await page.getByRole('heading', { name: /Chosen with care/ }).waitFor();
  assert.ok(await page.locator('.noscript').isVisible());
  for (const selector of ['#home-recs', '#collection', '#glass', '#consent', '.masthead [data-opens]', '.colophon [data-opens]', '.colophon-links']) {
    assert.ok(!(await page.locator(selector).first().isVisible()), selector);
  }
});
