// Does `<vitrine-debug>` show a developer what happens, without changing it? With the mock engine.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from './helper.mjs';
import { axe, engineAnswered, inShop, mount, observe } from './mount.mjs';

const AXE = await axe();
const { site, visit, open: visitAs } = inShop({ beginAt: null });

async function open(query = '?vitrine-debug', page = visit.page) {
  await page.goto(`${site.url}/pages/shop.html${query}`);
  await mount(page, { seed: 'hat-ink' });
  if (query) await page.waitForFunction(() => document.querySelector('vitrine-debug')?.shadowRoot);
}

/** The rows of a section, as arrays of texts. */
const rows = (key, page = visit.page) =>
  page.evaluate((id) => [...document.querySelector('vitrine-debug').shadowRoot.querySelectorAll(`#${id} tbody tr`)].map((row) => [...row.cells].map((cell) => cell.textContent)), key);
const state = () => visit.page.evaluate(() => Object.fromEntries([...document.querySelector('vitrine-debug').shadowRoot.querySelectorAll('.state div')].map((pair) => [...pair.children].map((node) => node.textContent))));

test('it is asked for by the address, and not fetched otherwise', async () => {
  await open('');
  await engineAnswered(visit.page);
  assert.equal(visit.requests.filter((request) => request.url().includes('/debug')).length, 0);
  assert.equal(await visit.page.evaluate(() => document.querySelector('vitrine-debug')), null);
  await open();
  assert.equal(await visit.page.evaluate(() => document.querySelector('vitrine-debug').hasAttribute('overlay')), true);
  assert.equal(visit.requests.filter((request) => request.url().endsWith('/debug.js')).length, 1);
});

test('events appear as they come, with what the item counts for from then on', async () => {
  await open();
  await engineAnswered(visit.page);
  await observe(visit.page, { item: 'bag-ink', type: 'view', dwell_ms: 1200 });
  await eventually(() => rows('events'), (all) => all.some(([, type, item, p]) => type === 'view' && item === 'bag-inkdwell_ms=1200' && p === '+0.10'));
  await observe(visit.page, { item: 'bag-ink', type: 'cart_add' });
  await eventually(() => rows('events'), (all) => all.some(([, type, , p]) => type === 'cart_add' && p === '+0.70'));
  const view = (await rows('events')).find(([, type]) => type === 'view');
  assert.equal(view[3], '+0.10', 'what it counted for then');
  await observe(visit.page, { item: 'hat-ink', type: 'dismiss' });
  await eventually(() => rows('items'), (all) => all.some(([item, , p]) => item === 'hat-ink' && p === '−0.80'));
});

test('lists appear with scores, reasons and the rules that moved them; the engine with its times', async () => {
  await open();
  await engineAnswered(visit.page);
  const [first] = await eventually(() => rows('lists'), (all) => all.length === 4 && all[0][3] === '0.150');
  // By hand: a hat shares category and subcategory with the hat in view, 0.1 + 0.05.
  assert.deepEqual([first[0], first[1], first[3]], ['0', 'hat-camelCamel fedora', '0.150']);
  assert.match(first[2], /^viewed hat-ink/);
  const engine = new Map(await eventually(() => rows('engine'), (all) => all.length > 5));
  assert.equal(engine.get('recipe'), 'compact');
  assert.ok(engine.has('took_ms.answer'));
  assert.equal((await state()).tier, '2');
});

test('the experiment that a visitor is in is in view, also when it leaves nothing', async () => {
  const rules = {
    version: 1, placements: { pinned: { pin: [{ item: 'coat-ink', pos: 1 }] }, nothing: { min_score: 99 } },
    experiments: { calm: { placement: 'home', uses: 'pinned', share: 100 }, none: { placement: 'related', uses: 'nothing', share: 100 } },
  };
  await visit.context.route('**/rules.json', (route) => route.fulfill({ json: rules }));
  await visit.page.goto(`${site.url}/pages/shop.html?vitrine-debug`);
  await visit.page.waitForFunction(() => document.querySelector('vitrine-debug')?.shadowRoot);
  for (const placement of ['home', 'related']) await mount(visit.page, { seed: 'hat-ink', rules: '/rules.json', placement }, { add: true });
  const caption = () => visit.page.evaluate(() => document.querySelector('vitrine-debug').shadowRoot.querySelector('#lists caption')?.textContent ?? '');
  await eventually(caption, (text) => /experiment calm/.test(text));
  await eventually(() => rows('events'), (all) => all.some(([, type, item]) => type === 'nothing' && item === 'list=related experiment=none'));
});

test('a price that the row cannot show is said beside its item', async () => {
  const items = ['hat-ink', 'hat-grey', 'bag'].map((id) => ({ id, title: `The ${id}`, category: [id.slice(0, 3)], price: 4990 }));
  await visit.context.route('**/feed.json', (route) => route.fulfill({ json: items }));
  await visit.page.goto(`${site.url}/pages/shop.html?vitrine-debug`);
  await mount(visit.page, { seed: 'hat-ink', package: null, catalog: '/feed.json' });
  await visit.page.waitForFunction(() => document.querySelector('vitrine-debug')?.shadowRoot);
  await eventually(() => rows('lists'), (all) => all[0]?.[1] === 'hat-greyThe hat-grey (price not shown: currency is missing)');
});

test('consent, storage and pause are in view and follow', async () => {
  await open();
  await eventually(state, ({ consent, kept }) => consent === 'unknown' && kept === 'in memory');
  await visit.page.evaluate(async () => {
    const { recorder } = await import('/vitrine/recorder.js');
    await recorder.setConsent(true);
    recorder.pause();
  });
  await eventually(state, ({ consent, kept, paused }) => consent === 'granted' && kept === 'on device' && paused === 'yes');
});

test('ids that the catalogue does not have are counted', async () => {
  await open();
  await engineAnswered(visit.page);
  await visit.page.evaluate(async () => {
    const { recorder } = await import('/vitrine/recorder.js');
    await recorder.know(await document.querySelector('vitrine-recs').recommender.catalog());
    await recorder.observe({ item: 'SKU-1', type: 'view' });
    await recorder.observe({ item: 'SKU-1', type: 'view' });
  });
  await eventually(() => rows('unmatched'), (all) => all.length === 1 && all[0].join() === 'SKU-1,2');
});

test('errors and what is told to the page only are among the events', async () => {
  await open();
  await engineAnswered(visit.page);
  await visit.page.evaluate(() => { document.querySelector('vitrine-recs').transformItems = () => { throw new Error('oh'); }; });
  await eventually(() => rows('events'), (all) => all.some(([, type, item]) => type === 'error' && item === 'bad_request: transformItems: oh'));
  await eventually(() => rows('events'), (all) => all.some(([, type, item]) => type === 'impression' && item === 'hat-camellist=home pos=0'));
});

test('requests are those that were made', async () => {
  await open();
  await engineAnswered(visit.page);
  const listed = (await eventually(() => rows('requests'), (all) => all.length > 10)).map(([file]) => file);
  const asked = new Set(visit.requests.map((request) => new URL(request.url()).pathname));
  for (const file of listed) assert.ok(asked.has(file), `${file} was never asked for`);
});

test('the filter keeps the rows that hold every word, and says how many', async () => {
  await open();
  await engineAnswered(visit.page);
  for (const item of ['bag-ink', 'coat-ink', 'coat-camel']) await observe(visit.page, { item, type: 'view' });
  await eventually(() => rows('events'), (all) => all.filter(([, type]) => type === 'view').length === 3);
  await visit.page.getByRole('searchbox', { name: 'Filter rows' }).fill('VIEW coat');
  assert.deepEqual((await rows('events')).map(([, , item]) => item), ['coat-camel', 'coat-ink']);
  const count = await visit.page.evaluate(() => document.querySelector('vitrine-debug').shadowRoot.querySelector('#events .count').textContent);
  assert.match(count, /^2 of \d+$/);
  await visit.page.getByRole('searchbox').fill('nothing at all');
  assert.deepEqual(await rows('events'), []);
});

test('the overlay folds by button and by Escape, and the page below stays usable', async () => {
  await open();
  const isOpen = () => visit.page.evaluate(() => document.querySelector('vitrine-debug').hasAttribute('open'));
  assert.equal(await isOpen(), true);
  await visit.page.getByRole('searchbox').focus();
  await visit.page.keyboard.press('Escape');
  assert.equal(await isOpen(), false);
  const unfold = visit.page.getByRole('button', { name: 'Unfold' });
  assert.equal(await unfold.getAttribute('aria-expanded'), 'false');
  const { width, height } = await visit.page.locator('vitrine-debug').boundingBox();
  assert.ok(width < 150 && height < 50, `${width} × ${height}`);
  await visit.page.keyboard.press('Enter');
  assert.equal(await isOpen(), true);
});

test('it fits 320 pixels, breaks no policy, and axe finds nothing, light and dark', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const { page } = await visitAs({ viewport: { width: 320, height: 640 }, colorScheme });
    await open('?vitrine-debug', page);
    await engineAnswered(page);
    for (const type of ['view', 'wishlist_remove', 'cart_add']) await observe(page, { item: 'bag-ink', type });
    await eventually(() => rows('events', page), (all) => all.length >= 3 && all.some(([, , , p]) => p === '+0.70'));
    await page.evaluate(() => document.querySelector('vitrine-debug').shadowRoot.querySelectorAll('details').forEach((node) => { node.open = true; }));
    const wide = await page.evaluate(() => [...document.querySelector('vitrine-debug').shadowRoot.querySelectorAll('.scroll')].filter((node) => node.scrollWidth > node.clientWidth).map(({ parentNode }) => parentNode.id));
    assert.deepEqual(wide, []);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320);
    await page.evaluate(AXE);
    const found = await page.evaluate(() => window.axe.run('vitrine-debug', { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }));
    assert.deepEqual(found.violations.map(({ id, nodes }) => [id, nodes[0].html]), []);
    assert.deepEqual(await page.evaluate(() => window.violations), []);
  }
});
