// Is a shop's feed of today understood where it can be, and is what cannot be told by item and field, without losing the rest?

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownItems, packageItems } from '../../web/js/catalogue.js';
import { answered, seen } from './helper.mjs';
import { inShop, mount } from './mount.mjs';

const ADDRESS = 'http://shop/catalog.json';

/** What becomes of a file with this content. */
function reading(content, address = ADDRESS) {
  globalThis.fetch = async () => new Response(typeof content === 'string' ? content : JSON.stringify(content));
  return ownItems(address);
}
const HAT = { id: 'hat', title: 'Hat' };

test('what feeds write is understood as it is meant', async () => {
  const meant = async (fields) => (await reading([{ ...HAT, ...fields }])).items[0];
  for (const [fields, expected] of [
    [{ category: 'Coats' }, { category: ['Coats'] }],
    [{ category: 'Women > Coats' }, { category: ['Women', 'Coats'] }],
    [{ tags: ['new', 2026] }, { tags: ['new', '2026'] }],
    [{ gtin: 4006381333931, group: 7, title: 501 }, { gtin: '4006381333931', group: '7', title: '501' }],
    [{ attrs: { size: 42, washable: true, colour: null } }, { attrs: { size: '42', washable: 'true' } }],
    [{ price: 0, currency: 'eur', rating: 4.5, rating_n: 3, boost: -2 }, {}],
    [{ unknown: [{ to: 'us' }] }, {}],
  ]) assert.deepEqual(await meant(fields), { ...HAT, ...fields, ...expected }, JSON.stringify(fields));
  for (const nothing of [null, '']) assert.equal((await meant({ price: nothing, brand: nothing, category: nothing, available: nothing })).price, undefined);
  for (const [isThere, words] of [
    [false, [false, 0, 'false', 'no', 'out_of_stock', 'Out of stock', 'OutOfStock', 'https://schema.org/OutOfStock', 'sold-out', 'discontinued']],
    [true, [true, 1, 'true', 'in_stock', 'in stock', 'https://schema.org/InStock', 'preorder', 'backorder']],
  ]) for (const available of words) assert.equal((await meant({ available })).available, isThere, String(available));
});

test('what cannot be understood costs the item alone, and is told by id and field', async () => {
  for (const [row, message] of [
    [{ ...HAT, price: 99.9 }, 'item "hat": price is 99.9, not a whole number of minor units: 99.90 is 9990'],
    [{ ...HAT, price: '49.90' }, 'item "hat": price is "49.90", not a whole number of minor units: 99.90 is 9990'],
    [{ ...HAT, price: -1 }, 'item "hat": price is -1, not a whole number of minor units: 99.90 is 9990'],
    [{ ...HAT, category: { name: 'Hats' } }, 'item "hat": category is {"name":"Hats"}, not a list of texts'],
    [{ ...HAT, category: [['Hats']] }, 'item "hat": category is [["Hats"]], not a list of texts'],
    [{ ...HAT, available: 'perhaps' }, 'item "hat": available is "perhaps", not true or false'],
    [{ ...HAT, attrs: ['red'] }, 'item "hat": attrs is ["red"], not an object of texts'],
    [{ ...HAT, boost: 500 }, 'item "hat": boost is 500, not -2, -1, 0, 1 or 2'],
    [{ ...HAT, title: ' ' }, 'item "hat" has an empty title'],
    [{ id: 7, title: 'Hat' }, 'item 2 of the list: id is 7, not a text'],
    [{ title: 'Hat' }, 'item 2 of the list has no id'],
    [null, 'item 2 of the list: null is no object'],
  ]) {
    const { items, mistake } = await reading({ items: [{ id: 'bag', title: 'Bag' }, row] });
    assert.deepEqual(items.map(({ id }) => id), ['bag']);
    assert.equal(mistake, `${ADDRESS}: ${message}; 1 of 2 items are left out`);
    await assert.rejects(reading([row]), { code: 'package_corrupt', message: `${ADDRESS}: ${message.replace('item 2', 'item 1')}` });
  }
  const { mistake } = await reading([HAT, ...['a', 'b', 'c'].map((id) => ({ id, title: 'x', price: 0.5 }))]);
  assert.match(mistake, /^http:\/\/shop\/catalog\.json: item "a": price is 0\.5, .* \(and 2 more\); 3 of 4 items are left out$/);
});

test('a currency that is no code costs the price alone', async () => {
  const { items, mistake } = await reading([{ ...HAT, price: 4990, currency: '€' }]);
  assert.deepEqual([items[0].id, items[0].price, items[0].currency], ['hat', 4990, undefined]);
  assert.match(mistake, /item "hat": currency is "€", not a code of three letters \(EUR\), so that its price is not shown$/);
});

test('a web page is no list, a line that breaks off costs itself, and of two of one id the later stays', async () => {
  await assert.rejects(reading('\n<!doctype html>'), { code: 'package_corrupt', message: `${ADDRESS}: a web page, not a list of items` });
  await assert.rejects(reading([]), { code: 'package_corrupt', message: /no item with id and title/ });
  const { items, mistake } = await reading(`${JSON.stringify(HAT)}\n{"id": "b\n\n${JSON.stringify({ ...HAT, title: 'Later' })}\n`, 'http://shop/c.jsonl');
  assert.deepEqual(items, [{ ...HAT, title: 'Later' }]);
  assert.match(mistake, /c\.jsonl: item 2 of the list: .* is no object; 1 of 3 items are left out$/);
  // A package was checked when it was exported.
  assert.deepEqual(await packageItems(ADDRESS.replace('shop', 'other')).catch(({ code }) => code), 'package_corrupt');
});

const { visit } = inShop({ beginAt: '/pages/shop.html' });

test('a row of a feed with one bad item shows the others, keeps what is sold out away, and says what is wrong, once', async () => {
  const hat = (id, fields) => ({ id, title: `The ${id}`, category: 'Hats', price: 4990, currency: 'EUR', ...fields });
  const others = ['bag', 'ring'].map((id) => ({ id, title: `The ${id}`, category: ['Other'] }));
  const items = [hat('fedora'), hat('beret'), hat('cap', { available: 'out_of_stock' }), hat('boater', { price: 'ask' }), ...others];
  await visit.context.route('**/feed.json', (route) => route.fulfill({ json: items }));
  await mount(visit.page, { package: null, catalog: '/feed.json', seed: 'fedora' });
  assert.deepEqual(await answered(visit.page), ['beret']);
  const { detail } = await seen(visit.page, 'vitrine-error');
  assert.equal(detail.code, 'bad_request');
  assert.match(detail.message, /^the shop's catalogue: http.*\/feed\.json: item "boater": price is "ask", .*; 1 of 6 items are left out$/);
  assert.equal(await visit.page.evaluate(() => window.seen.filter(({ type }) => type === 'vitrine-error').length), 1);
  assert.equal(await visit.page.locator('vitrine-recs').getAttribute('data-tier'), '1');
});
