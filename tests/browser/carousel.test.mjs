// Can everybody move along the row? Buttons, keys, right to left, reduced motion, small fingers; axe finds nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from './helper.mjs';
import { axe, engineAnswered, inShop, mount, observe } from './mount.mjs';

const AXE = await axe();
const { site, open: visit } = inShop();

/** A list on a page of its own, with its answer. */
async function open(attributes = {}, options = {}, { dir = 'ltr', template } = {}) {
  const { page } = await visit({ viewport: { width: 800, height: 700 }, reducedMotion: 'reduce', ...options });
  await page.goto(`${site.url}/pages/shop.html`);
  await page.evaluate((direction) => { document.documentElement.dir = direction; }, dir);
  await mount(page, { seed: 'hat-ink', limit: '10', ...attributes }, { template });
  await engineAnswered(page);
  return page;
}
const inside = (page, ask) => page.evaluate(`(() => { const recs = document.querySelector('vitrine-recs'), root = recs.shadowRoot, list = root.querySelector('ul'); return (${ask}); })()`);
const focused = (page) => inside(page, 'root.activeElement?.closest("li")?.dataset.item ?? root.activeElement?.className');
const leftOf = (page, place) => inside(page, `list.children[${place}].getBoundingClientRect().left`);
const ids = (page) => inside(page, '[...list.children].map(({ dataset }) => dataset.item)');

test('arrow keys go from link to link, Home and End to the ends; Tab goes on as everywhere', async () => {
  const page = await open();
  const all = await ids(page);
  await page.locator('vitrine-recs').locator('a').first().focus();
  for (const [key, place] of [['ArrowRight', 1], ['ArrowRight', 2], ['ArrowLeft', 1], ['End', 9], ['ArrowRight', 9], ['Home', 0], ['ArrowLeft', 0], ['Tab', 1]]) {
    await page.keyboard.press(key);
    assert.equal(await focused(page), all[place], `${key} to ${place}`);
  }
  await page.keyboard.press('End');
  assert.ok((await leftOf(page, 9)) < 700, 'what has the keyboard is in view');
  await page.keyboard.press('Control+ArrowLeft');
  assert.equal(await focused(page), all[9], 'keys of the browser are not taken');
});

test('from right to left the arrows point the other way, and so do the buttons', async () => {
  const page = await open({}, {}, { dir: 'rtl' });
  const all = await ids(page);
  await page.locator('vitrine-recs').locator('a').first().focus();
  await page.keyboard.press('ArrowLeft');
  assert.equal(await focused(page), all[1]);
  assert.ok((await leftOf(page, 4)) < 0);
  await page.getByRole('button', { name: 'Next items' }).click();
  await eventually(() => leftOf(page, 4), (left) => left > 0);
  assert.ok((await inside(page, 'list.scrollLeft')) < 0);
});

test('buttons go on by what fits, say when there is no more, and keep the keyboard there', async () => {
  const page = await open({ 'previous-label': 'Zurück', 'next-label': 'Weiter' });
  const previous = page.getByRole('button', { name: 'Zurück' });
  const next = page.getByRole('button', { name: 'Weiter' });
  const disabled = (button) => button.getAttribute('aria-disabled');
  // The browser tells of sizes and of scrolling with its next frame: a look at once may come before it.
  await eventually(async () => [await disabled(previous), await disabled(next)].join(), (both) => both === 'true,false');
  assert.ok((await leftOf(page, 4)) > 800);
  await next.click();
  await eventually(() => leftOf(page, 4), (left) => Math.abs(left - 8) < 2);
  await eventually(() => disabled(previous), (value) => value === 'false');
  await next.focus();
  for (let times = 0; times < 3; times += 1) await page.keyboard.press('Enter');
  await eventually(() => disabled(next), (value) => value === 'true');
  assert.equal(await focused(page), 'button next');
});

test('without anywhere to go there are no buttons', async () => {
  for (const attributes of [{ limit: '3' }, { layout: 'grid' }]) {
    const page = await open(attributes);
    assert.equal(await page.getByRole('button').count(), 0);
  }
});

test('motion is smooth only for those who want it', async () => {
  for (const [reducedMotion, expected] of [['reduce', 'instant'], ['no-preference', 'smooth']]) {
    const page = await open({}, { reducedMotion });
    await inside(page, '(list.scrollBy = (options) => { window.behaviour = options.behavior; }, 0)');
    await page.getByRole('button', { name: 'Next items' }).click();
    assert.equal(await page.evaluate(() => window.behaviour), expected);
    const animation = await inside(page, '(list.firstElementChild.toggleAttribute("data-fresh", true), getComputedStyle(list.firstElementChild).animationName)');
    assert.equal(animation, reducedMotion === 'reduce' ? 'none' : 'appear');
  }
});

test('the keyboard stays with its item when the list changes around it, in own markup too', async () => {
  for (const template of [false, true]) {
    const page = await open({}, {}, { template });
    const where = () => page.evaluate(() => {
      const recs = document.querySelector('vitrine-recs');
      const own = document.activeElement?.closest('[slot^="item-"]')?.slot.slice(5);
      return own ?? recs.shadowRoot.activeElement?.closest('li')?.dataset.item;
    });
    await (template ? page.locator('[slot="item-hat-grey"] a') : page.getByRole('link', { name: /Grey fedora/ })).focus();
    assert.equal(await where(), 'hat-grey');
    await observe(page, { item: 'scarf-camel', type: 'view' });
    await eventually(() => ids(page), ([first]) => first === 'scarf-camel');
    assert.equal(await where(), 'hat-grey');
    await page.keyboard.press('ArrowRight');
    const all = await ids(page);
    assert.equal(await where(), all[all.indexOf('hat-grey') + 1]);
  }
});

test('a row that was not moved begins at its beginning after every answer', async () => {
  const page = await open();
  await observe(page, { item: 'coat-ink', type: 'purchase' });
  await eventually(() => ids(page), ([first]) => first.startsWith('coat-'));
  await page.waitForTimeout(400);
  assert.equal(await inside(page, 'list.scrollLeft'), 0);
});

test('on touch screens every button is 44 pixels wide and high', async () => {
  const page = await open({ 'dismiss-label': 'Not for me' }, { hasTouch: true, isMobile: true, viewport: { width: 390, height: 800 } });
  const sizes = await inside(page, '[...root.querySelectorAll("button")].map((button) => [button.offsetWidth, button.offsetHeight])');
  assert.equal(sizes.length, 12);
  for (const [width, height] of sizes) assert.ok(width >= 44 && height >= 44, `${width} × ${height}`);
});

test('axe finds nothing: light and dark, row and grid, with everything switched on', async () => {
  for (const [layout, colorScheme] of [['carousel', 'light'], ['carousel', 'dark'], ['grid', 'dark']]) {
    const page = await open({ layout, reasons: '', 'dismiss-label': 'Not for me' }, { colorScheme });
    await page.evaluate(() => {
      document.head.append(Object.assign(document.createElement('meta'), { name: 'color-scheme', content: 'light dark' }));
      document.querySelector('main').prepend(Object.assign(document.createElement('h1'), { textContent: 'A shop' }));
    });
    await page.evaluate(AXE);
    const found = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    assert.deepEqual(found.violations.map(({ id, nodes }) => [id, nodes[0].html]), []);
  }
});
