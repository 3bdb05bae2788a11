// Is what other recorders say understood, event by event, and without the page noticing?

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { CatalogueIds } from '../../web/js/catalogue-ids.js';
import { SOURCES, record } from '../../web/js/sources.js';
import { number, price } from '../../web/js/sources/fields.js';
import { eventually } from './helper.mjs';
import { inShop } from './mount.mjs';

const { ga4, segment, shopify, snowplow, algolia, meta } = SOURCES;
const universal = SOURCES['universal-analytics'];
const retail = SOURCES['google-retail'];

/** What a mapper makes of what was told, in the order "type item". */
const short = (mapped) => mapped.map(({ type, item, order }) => [type, item ?? `(all of ${order})`].join(' '));

/** As gtag pushes it. */
function call() {
  return arguments;
}

/** A recorder that only remembers; ids are unique, as in the history. */
function memory() {
  const kept = [];
  return {
    kept,
    observe: async (event) => void (event.id && kept.some(({ id }) => id === event.id) ? 0 : kept.push(event)),
    events: async () => kept,
  };
}

// Google Analytics 4

test('GA4: every event of the table, and what says nothing about an item is ignored', () => {
  const items = [{ item_id: 'coat' }];
  const told = (event, more = {}) => short(ga4.map({ event, ecommerce: { items, ...more } }));
  const table = {
    view_item_list: 'list_view', select_item: 'click', view_item: 'view', add_to_wishlist: 'wishlist_add', add_to_cart: 'cart_add',
    remove_from_cart: 'cart_remove', view_cart: 'cart_view', begin_checkout: 'checkout', purchase: 'purchase', refund: 'return',
    view_search_results: 'search', view_promotion: 'list_view', select_promotion: 'click',
  };
  for (const [name, type] of Object.entries(table)) assert.deepEqual(told(name), [`${type} coat`], name);
  for (const name of ['add_shipping_info', 'add_payment_info', 'page_view', 'gtm.js', 'toString', '__proto__']) assert.deepEqual(told(name), [], name);
  assert.deepEqual(ga4.map({ event: 'search', search_term: 'my wife' }), [], 'what was searched for is not read');
});

test('GA4: an arguments object, an array and a plain object; items at the top or under ecommerce', () => {
  const items = [{ item_id: 'coat' }];
  for (const pushed of [
    call('event', 'view_item', { items }), ['event', 'view_item', { items }], { event: 'view_item', items }, { event: 'view_item', ecommerce: { items } },
    call('event', 'view_item', { ecommerce: { items } }),
  ]) assert.deepEqual(short(ga4.map(pushed)), ['view coat']);
});

test('GA4: nothing that a data layer may hold is a stumbling block', () => {
  for (const pushed of [
    undefined, null, 7, 'x', [], {}, { ecommerce: null }, { event: 'purchase', ecommerce: null }, { event: 'view_item' }, { event: 'view_item', ecommerce: { items: 'coat' } },
    { event: 'view_item', ecommerce: { items: [null, {}, { item_id: '' }] } }, call('config', 'G-1'), call('event'), call('event', 'view_item'), call('event', 'view_item', null),
    call('js', new Date()), () => {}, { event: {} },
  ]) assert.deepEqual(ga4.map(pushed), []);
});

test('GA4: the fields of an item, with prices as texts, in minor units of their currency', () => {
  const told = {
    event: 'add_to_cart',
    ecommerce: {
      currency: 'EUR', value: 259.8, item_list_id: 'sale',
      items: [{ item_id: 7, item_variant: 'ink-m', price: '129.90', quantity: '2', index: 3, item_name: 'Coat', coupon: 'FOR-ANN' }, { item_name: 'Hat', price: 900, currency: 'JPY' }],
    },
  };
  assert.deepEqual(ga4.map(told), [
    { type: 'cart_add', item: '7', variant: 'ink-m', qty: 2, price: 12990, currency: 'EUR', list: 'sale', pos: 3 },
    { type: 'cart_add', item: 'Hat', price: 900, currency: 'JPY', list: 'sale' },
  ]);
});

test('GA4: products that were shared or selected, and no other content', () => {
  assert.deepEqual(short(ga4.map({ event: 'share', method: 'mail', content_type: 'product', item_id: 'coat' })), ['share coat']);
  assert.deepEqual(short(ga4.map({ event: 'select_content', content_type: 'product', content_id: 'coat' })), ['click coat']);
  assert.deepEqual(ga4.map({ event: 'share', content_type: 'article', item_id: 'news' }), []);
});

test('prices are read however they are written', () => {
  const written = { '129.90': 129.9, '129,90': 129.9, '1.299,00 €': 1299, '$1,299.00': 1299, '1,299': 1299, '1 299,5': 1299.5, '15.00 USD': 15, '0': 0 };
  for (const [text, value] of Object.entries(written)) assert.equal(number(text), value, text);
  for (const text of ['', 'free', null, undefined, {}, NaN, Infinity]) assert.equal(number(text), undefined);
  assert.deepEqual([price('12.5', 'EUR'), price('12.5', 'KWD'), price(1200, 'JPY'), price(3, undefined), price(-3, 'EUR'), price(3, 'nonsense')], [1250, 12500, 1200, 300, undefined, 300]);
});

// Orders

test('a purchase that is told twice, by two sources too, is one; another order of the same item is another', async () => {
  const recorder = memory();
  const told = (transaction_id) => ga4.map({ event: 'purchase', ecommerce: { transaction_id, items: [{ item_id: 'coat' }, { item_id: 'hat' }] } });
  await record('ga4', told('T1'), recorder);
  await record('ga4', told('T1'), recorder);
  await record('segment', segment.map({ name: 'Order Completed', properties: { order_id: 'T1', products: [{ product_id: 'coat' }] } }), recorder);
  await record('ga4', told('T2'), recorder);
  assert.deepEqual(recorder.kept.map(({ item, src }) => [item, src]), [['coat', 'ga4'], ['hat', 'ga4'], ['coat', 'ga4'], ['hat', 'ga4']]);
});

test('a refund without items returns all of that order, as the history knows it, and of no other', async () => {
  const recorder = memory();
  const buy = (transaction_id, ...ids) => record('ga4', ga4.map({ event: 'purchase', ecommerce: { transaction_id, items: ids.map((item_id) => ({ item_id })) } }), recorder);
  await buy('T1', 'coat', 'hat');
  await buy('T11', 'bag');
  await record('ga4', ga4.map({ event: 'refund', ecommerce: { transaction_id: 'T1' } }), recorder);
  await record('ga4', ga4.map({ event: 'refund', transaction_id: 'T1' }), recorder);
  const returned = recorder.kept.filter(({ type }) => type === 'return').map(({ item }) => item);
  assert.deepEqual(returned, ['coat', 'hat']);
  const [partly] = ga4.map({ event: 'refund', ecommerce: { transaction_id: 'T1', items: [{ item_id: 'hat', quantity: 1 }] } });
  assert.deepEqual(partly, { type: 'return', item: 'hat', qty: 1, order: 'T1' });
});

test('of a long list, which says little of each item, the beginning is recorded', async () => {
  const recorder = memory();
  const items = Array.from({ length: 200 }, (_, number_) => ({ item_id: `${number_}` }));
  await record('ga4', ga4.map({ event: 'view_item_list', ecommerce: { items } }), recorder);
  assert.deepEqual(recorder.kept.map(({ item }) => item), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  await record('ga4', ga4.map({ event: 'purchase', ecommerce: { transaction_id: 'T', items: items.slice(0, 30) } }), recorder);
  assert.equal(recorder.kept.filter(({ type }) => type === 'purchase').length, 30);
});

// The others

test('Universal Analytics: detail, add, remove, click, checkout, purchase, refund and impressions', () => {
  const products = [{ id: 'coat', name: 'Coat', price: '129,90', quantity: 2, position: 4, variant: 'ink' }];
  const told = (ecommerce) => universal.map({ event: 'anything', ecommerce: { currencyCode: 'EUR', ...ecommerce } });
  assert.deepEqual(told({ detail: { actionField: { list: 'sale' }, products } }), [
    { type: 'view', item: 'coat', variant: 'ink', qty: 2, price: 12990, currency: 'EUR', list: 'sale', pos: 4 },
  ]);
  for (const [action, type] of Object.entries({ add: 'cart_add', remove: 'cart_remove', click: 'click' })) assert.deepEqual(short(told({ [action]: { products } })), [`${type} coat`]);
  assert.deepEqual(short(told({ checkout: { actionField: { step: 1 }, products } })), ['checkout coat']);
  assert.deepEqual(told({ checkout: { actionField: { step: 2 }, products } }), []);
  assert.equal(told({ purchase: { actionField: { id: 'T1' }, products } })[0].order, 'T1');
  assert.deepEqual(short(told({ refund: { actionField: { id: 'T1' } } })), ['return (all of T1)']);
  assert.deepEqual(short(told({ impressions: [{ id: 'a', list: 'x', position: 1 }, { id: 'b' }] })), ['list_view a', 'list_view b']);
  for (const pushed of [null, {}, { ecommerce: null }, { ecommerce: 'x' }, { ecommerce: { detail: null } }, { ecommerce: { items: products } }]) assert.deepEqual(universal.map(pushed), []);
});

test('Segment: the names of version 2 and 1; personal data and texts are not read', () => {
  const told = (name, properties) => segment.map({ name, properties });
  const table = {
    'Product Clicked': 'click', 'Product Viewed': 'view', 'Product Added': 'cart_add', 'Product Removed': 'cart_remove', 'Product Added to Wishlist': 'wishlist_add',
    'Product Removed from Wishlist': 'wishlist_remove', 'Wishlist Product Added to Cart': 'cart_add', 'Viewed Product': 'view', 'Clicked Product': 'click',
    'Added Product': 'cart_add', 'Removed Product': 'cart_remove',
  };
  for (const [name, type] of Object.entries(table)) assert.deepEqual(short(told(name, { product_id: 'coat' })), [`${type} coat`], name);
  const products = [{ product_id: 'coat', price: 129.9, quantity: 1, position: 2 }, { sku: 'hat-7' }];
  for (const [name, type] of Object.entries({ 'Product List Viewed': 'list_view', 'Viewed Product Category': 'list_view', 'Cart Viewed': 'cart_view', 'Checkout Started': 'checkout', 'Completed Order': 'purchase', 'Cart Shared': 'share' })) {
    assert.deepEqual(short(told(name, { products })), [`${type} coat`, `${type} hat-7`], name);
  }
  assert.deepEqual(short(told('Order Refunded', { order_id: 'T1' })), ['return (all of T1)']);
  assert.deepEqual(short(told('Order Cancelled', { order_id: 'T1' })), ['order_cancel (all of T1)']);
  assert.deepEqual(told('Product Shared', { product_id: 'coat', share_message: 'For Ann', recipient: 'ann@b.example', url: 'https://s.example/?u=ann' }), [{ type: 'share', item: 'coat' }]);
  assert.deepEqual(told('Product Reviewed', { product_id: 'coat', review_body: 'My size is …', rating: '4' }), [{ type: 'rate', item: 'coat', rating: 4 }]);
  assert.deepEqual(told('Product Reviewed', { product_id: 'coat', rating: 9 }), [], 'of another scale');
  for (const name of ['Promotion Viewed', 'Checkout Step Viewed', 'Coupon Entered', 'Page', 'valueOf', undefined]) assert.deepEqual(told(name, { product_id: 'coat' }), []);
  assert.deepEqual(told('Product Viewed'), []);
});

test('Google Retail: its event types, prices and times; who it was is not read', () => {
  const told = (eventType, more) => retail.map({ eventType, visitorId: 'v', userInfo: { userId: 'ann' }, uri: 'https://s.example/?u=ann', productDetails: [{ product: { id: 'coat' }, quantity: 2 }], ...more });
  const table = {
    'detail-page-view': 'view', 'add-to-cart': 'cart_add', 'shopping-cart-page-view': 'cart_view', 'purchase-complete': 'purchase', search: 'search', 'category-page-view': 'list_view',
    'add-to-list': 'wishlist_add', 'remove-from-list': 'wishlist_remove', 'remove-from-cart': 'cart_remove', 'checkout-start': 'checkout', refund: 'return', impression: 'list_view',
  };
  for (const [name, type] of Object.entries(table)) assert.deepEqual(told(name), [{ type, item: 'coat', qty: 2 }], name);
  assert.deepEqual(told('purchase-complete', { eventTime: '2026-01-01T00:00:00Z', purchaseTransaction: { id: 'T1', currencyCode: 'EUR', revenue: 9 } }), [
    { type: 'purchase', item: 'coat', qty: 2, currency: 'EUR', order: 'T1', ts: 1_767_225_600_000 },
  ]);
  for (const name of ['home-page-view', 'completion', 'promotion-offered', undefined]) assert.deepEqual(told(name), []);
});

test('Shopify: what the checkout left behind, and the standard events of web pixels', () => {
  assert.deepEqual(shopify.map({ item: 11, variant: '22', sku: 'S', qty: 2, ts: 1_767_225_600_000 }), [
    { type: 'purchase', item: '11', variant: '22', qty: 2, ts: 1_767_225_600_000, id: 'purchase 1767225600000 22' },
  ]);
  const variant = { id: '22', sku: 'S', price: { amount: 129.9, currencyCode: 'EUR' }, product: { id: '11', title: 'Coat' } };
  const told = (name, data) => shopify.map({ name, timestamp: '2026-01-01T00:00:00Z', data });
  const line = { item: '11', variant: '22', price: 12990, currency: 'EUR', ts: 1_767_225_600_000 };
  assert.deepEqual(told('product_viewed', { productVariant: variant }), [{ type: 'view', ...line }]);
  assert.deepEqual(told('product_added_to_cart', { cartLine: { merchandise: variant, quantity: 3 } }), [{ type: 'cart_add', ...line, qty: 3 }]);
  assert.deepEqual(told('checkout_completed', { checkout: { order: { id: 'T1' }, email: 'ann@b.example', lineItems: [{ variant, quantity: 1 }] } }), [{ type: 'purchase', ...line, qty: 1, order: 'T1' }]);
  for (const [name, data] of [['page_viewed', {}], ['checkout_contact_info_submitted', { checkout: { email: 'a@b.example' } }], ['product_viewed', {}], ['product_viewed', undefined]]) assert.deepEqual(told(name, data), []);
  for (const left of [null, 7, {}, { item: null }]) assert.deepEqual(shopify.map(left), []);
});

test('Snowplow: calls to one or all of its receivers, in its own words and in those of GA4', () => {
  const product = { id: 'coat', name: 'Coat', price: 129.9, currency: 'EUR', position: 2 };
  assert.deepEqual(snowplow.map(['trackProductView:shop', product]), [{ type: 'view', item: 'coat', price: 12990, currency: 'EUR', pos: 2 }]);
  assert.deepEqual(snowplow.map(['trackProductListClick', { name: 'sale', product }]), [{ type: 'click', item: 'coat', price: 12990, currency: 'EUR', list: 'sale', pos: 2 }]);
  assert.deepEqual(short(snowplow.map(['trackAddToCart', { products: [product], total_value: 9, currency: 'EUR' }])), ['cart_add coat']);
  assert.deepEqual(short(snowplow.map(['trackRefund', { transaction_id: 'T1', refund_reason: 'a long story' }])), ['return (all of T1)']);
  assert.deepEqual(short(snowplow.map(['trackGA4ViewItem', { items: [{ item_id: 'coat' }] }])), ['view coat']);
  for (const args of [['trackPageView'], ['trackCheckoutStep', { step: 1 }], ['trackProductView', {}], [() => {}], []]) assert.deepEqual(snowplow.map(args), []);
});

test('Algolia: its calls and the events that they send; a conversion that does not say into what is none', () => {
  const told = (name, more) => algolia.map([name, { index: 'items', eventName: 'e', userToken: 'ann', objectIDs: ['coat'], ...more }]);
  for (const [name, type] of Object.entries({ clickedObjectIDs: 'click', clickedObjectIDsAfterSearch: 'click', viewedObjectIDs: 'view', addedToCartObjectIDs: 'cart_add', purchasedObjectIDsAfterSearch: 'purchase' })) {
    assert.deepEqual(told(name), [{ type, item: 'coat' }], name);
  }
  assert.deepEqual(short(told('viewedObjectIDs', { objectIDs: ['a', 'b'] })), ['list_view a', 'list_view b']);
  assert.deepEqual(told('clickedObjectIDsAfterSearch', { positions: [3], queryID: 'q' }), [{ type: 'click', item: 'coat', pos: 3 }]);
  assert.deepEqual(told('convertedObjectIDs'), []);
  const sent = { eventType: 'conversion', eventSubtype: 'purchase', objectIDs: ['coat'], objectData: [{ price: 129.9, quantity: 2 }], currency: 'EUR', timestamp: 1_767_225_600_000 };
  assert.deepEqual(algolia.map(['sendEvents', [sent, { ...sent, eventSubtype: undefined }, { eventType: 'view', filters: ['a'] }]]), [
    { type: 'purchase', item: 'coat', qty: 2, price: 12990, currency: 'EUR', ts: 1_767_225_600_000 },
  ]);
  for (const args of [['init', {}], ['setUserToken', 'ann'], [], ['clickedObjectIDs']]) assert.deepEqual(algolia.map(args), []);
});

test('Meta: standard events, with contents or ids alone; who it was is not read', () => {
  assert.deepEqual(meta.map(['track', 'ViewContent', { content_ids: ['coat'], content_type: 'product', value: 9, currency: 'EUR' }]), [{ type: 'view', item: 'coat', currency: 'EUR' }]);
  assert.deepEqual(meta.map(['trackSingle', '123', 'Purchase', { contents: [{ id: 'coat', quantity: 2, item_price: 129.9 }], currency: 'EUR' }, { eventID: 'T1' }]), [
    { type: 'purchase', item: 'coat', qty: 2, price: 12990, currency: 'EUR', order: 'T1' },
  ]);
  assert.deepEqual(short(meta.map(['track', 'AddToCart', { content_ids: 'coat' }])), ['cart_add coat']);
  assert.deepEqual(short(meta.map(['track', 'ViewContent', { content_ids: ['a', 'b'] }])), ['list_view a', 'list_view b']);
  for (const args of [['init', '1', { em: 'ann@b.example' }], ['track', 'PageView'], ['track', 'Search', { search_string: 'x' }], ['track'], []]) assert.deepEqual(meta.map(args), []);
});

// Ids

test('any id that a shop uses leads to the item; what is of several items, or of none, does not', async () => {
  // The trainer reads the same table (trainer/src/datasets/item_names.rs).
  const { rows, cases } = JSON.parse(await readFile(new URL('../fixtures/item-names.json', import.meta.url), 'utf8'));
  const ids = new CatalogueIds();
  ids.add(rows);
  for (const { name, item } of cases) assert.equal(ids.find(name), item ?? undefined, name);
  assert.equal(ids.find('__proto__x'), undefined);
});

test('an event that is translated keeps what it was named by; unmatched ids are counted, each event once', () => {
  const ids = new CatalogueIds();
  ids.add([{ id: 'coat', sku: 's' }]);
  const event = (id, item) => ({ id, item, type: 'view', ts: 1 });
  assert.deepEqual(ids.translate(event('1', 's')), { ...event('1', 'coat'), variant: 's' });
  const same = event('2', 'coat');
  assert.equal(ids.translate(same), same);
  for (const id of ['3', '3', '4']) ids.translate(event(id, 'gone'));
  assert.deepEqual([...ids.unmatched], [['gone', 2]]);
  ids.add([{ id: 'gone' }]);
  assert.equal(ids.unmatched.size, 0);
});

// In a page

const { site, open } = inShop();

/** A page whose own scripts ran first, and that then starts the recorder with a source. */
async function listening(source, prepare) {
  const visitor = await open();
  await visitor.context.addInitScript(prepare);
  await visitor.page.goto(`${site.url}/pages/recorder.html`);
  await visitor.page.evaluate(async (name) => {
    const { recorder } = await import('/vitrine/recorder.js');
    window.told = [];
    window.errors = [];
    recorder.addEventListener('event', ({ detail }) => window.told.push(`${detail.type} ${detail.item}`));
    recorder.addEventListener('error', ({ detail }) => window.errors.push(detail.message));
    recorder.start({ sources: [name], watch: false });
  }, source);
  return visitor;
}

/** Waits for what was recorded. */
async function told(page, count) {
  await page.waitForFunction((wanted) => window.told.length >= wanted, count);
  return page.evaluate(() => window.told);
}

test('a data layer is replayed and then heard; the page\'s own push goes through, with its result, whatever is pushed', async () => {
  const { page, problems } = await listening('ga4', () => {
    window.dataLayer = [{ event: 'view_item', ecommerce: { items: [{ item_id: 'before' }] } }];
    window.gtag = function () { window.dataLayer.push(arguments); };
    window.gtag('event', 'add_to_cart', { items: [{ item_id: 'called' }] });
  });
  assert.deepEqual(await told(page, 2), ['view before', 'cart_add called']);
  const found = await page.evaluate(() => {
    const hostile = new Proxy({}, { get() { throw new Error('do not touch'); } });
    const lengths = [
      // The list is not the view: what is pushed is read, not what a tag manager made of both.
      window.dataLayer.push({ event: 'view_item_list', ecommerce: { items: [{ item_id: 'listed' }] } }),
      window.dataLayer.push({ ecommerce: null }, { event: 'view_item', ecommerce: { items: [{ item_id: 'viewed' }] } }),
      window.dataLayer.push({ event: 'view_item' }),
      window.dataLayer.push(hostile, null, () => {}),
    ];
    // A page may change what it pushed, or take it back.
    const purchase = { event: 'purchase', ecommerce: { transaction_id: 'T1', items: [{ item_id: 'bought' }] } };
    window.dataLayer.push(purchase);
    purchase.ecommerce.items.length = 0;
    window.dataLayer.push({ ecommerce: null });
    return lengths;
  });
  assert.deepEqual(found, [3, 5, 6, 9]);
  assert.deepEqual((await told(page, 5)).slice(2), ['list_view listed', 'view viewed', 'purchase bought']);
  assert.deepEqual(problems, []);
});

test('a page of thanks that is loaded again tells no second purchase', async () => {
  const { page } = await listening('ga4', () => {
    window.dataLayer = [{ event: 'purchase', ecommerce: { transaction_id: 'T1', items: [{ item_id: 'coat' }] } }];
  });
  await told(page, 1);
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.setConsent(true));
  await page.reload();
  const kept = await page.evaluate(async () => {
    const { recorder } = await import('/vitrine/recorder.js');
    recorder.start({ sources: ['ga4'], watch: false });
    await import('/vitrine/sources.js');
    await recorder.observe({ item: 'hat', type: 'view' });
    window.dataLayer.push({ event: 'refund', ecommerce: { transaction_id: 'T1' } });
    return true;
  });
  assert.ok(kept);
  const events = () => page.evaluate(async () => (await (await import('/vitrine/recorder.js')).recorder.events()).map(({ type, item }) => `${type} ${item}`));
  const types = await eventually(events, (all) => all.includes('return coat'));
  assert.deepEqual(types.sort(), ['purchase coat', 'return coat', 'view hat']);
});

test('Segment: what waits in the stub is told once, even if the library tells it again when it has loaded', async () => {
  const { page } = await listening('segment', () => {
    const listeners = [];
    window.analytics = Object.assign([['page'], ['track', 'Product Viewed', { product_id: 'coat' }]], { on: (name, listener) => listeners.push(listener) });
    window.emit = (...given) => listeners.forEach((listener) => listener(...given));
  });
  await told(page, 1);
  await page.evaluate(() => {
    window.emit('Product Viewed', { product_id: 'coat' });
    window.emit('Product Added', { product_id: 'coat' });
    window.emit('Product Viewed', { product_id: 'coat' });
  });
  assert.deepEqual(await told(page, 3), ['view coat', 'cart_add coat', 'view coat']);
});

test('a vendor\'s function is replayed from its queue, called as before, and keeps what hangs upon it', async () => {
  const { page, problems } = await listening('snowplow', () => {
    window.calls = [];
    window.snowplow = function (...args) {
      window.calls.push(args[0]);
      if (args[0] === 'fail') throw new Error('of the vendor');
      return this === window ? 'result' : 'result elsewhere';
    };
    window.snowplow.q = [(function () { return arguments; })('trackProductView', { id: 'before' })];
  });
  await told(page, 1);
  const found = await page.evaluate(() => {
    const result = window.snowplow('trackAddToCart', { products: [{ id: 'after' }] });
    let thrown = '';
    try {
      window.snowplow('fail');
    } catch ({ message }) {
      thrown = message;
    }
    window.snowplow.q.push('loaded');
    return { result, thrown, calls: window.calls, queue: window.snowplow.q.length };
  });
  assert.match(found.result, /^result/);
  assert.deepEqual([found.thrown, found.calls, found.queue], ['of the vendor', ['trackAddToCart', 'fail'], 2]);
  assert.deepEqual(await told(page, 2), ['view before', 'cart_add after']);
  assert.deepEqual(problems, []);
});

test('a vendor that loads later is heard from then on', async () => {
  const { page } = await listening('meta', () => {});
  await page.evaluate(() => {
    window.fbq = function () { window.fbq.queue.push(arguments); };
    window.fbq.queue = [];
    window.fbq('track', 'ViewContent', { content_ids: ['coat'] });
  });
  assert.deepEqual(await told(page, 1), ['view coat']);
  await page.evaluate(() => window.fbq('track', 'AddToCart', { content_ids: ['coat'] }));
  assert.deepEqual(await told(page, 2), ['view coat', 'cart_add coat']);
});

test('Google Retail is heard from its queue and from the data layer', async () => {
  const { page } = await listening('google-retail', () => {
    window._gre = [['apiKey', 'key'], ['logEvent', { eventType: 'detail-page-view', productDetails: [{ product: { id: 'a' } }] }]];
    window.dataLayer = [{ event: 'x', cloud_retail: { eventType: 'add-to-cart', productDetails: [{ product: { id: 'b' } }] } }];
  });
  assert.deepEqual(await told(page, 2), ['view a', 'cart_add b']);
});

test('Shopify: what the checkout left is collected and removed, at once and when the page is looked at again', async () => {
  const { page } = await listening('shopify', () => {
    if (!sessionStorage.left) localStorage['vitrine-purchases'] = JSON.stringify([{ item: '11', variant: '22', qty: 1, ts: Date.now() }, null, 'x']);
    sessionStorage.left = 'yes';
  });
  assert.deepEqual(await told(page, 1), ['purchase 11']);
  assert.equal(await page.evaluate(() => localStorage['vitrine-purchases']), undefined);
  await page.evaluate(() => {
    localStorage['vitrine-purchases'] = JSON.stringify([{ item: '33', ts: Date.now() }]);
    document.dispatchEvent(new Event('visibilitychange'));
    localStorage['vitrine-purchases'] = 'cut sho';
    document.dispatchEvent(new Event('visibilitychange'));
  });
  assert.deepEqual(await told(page, 2), ['purchase 11', 'purchase 33']);
  assert.equal(await page.evaluate(() => localStorage['vitrine-purchases']), undefined);
});

test('a source that there is not is told as an error, and the others are heard', async () => {
  const { page } = await listening('ga5', () => {});
  await page.waitForFunction(() => window.errors.length > 0);
  assert.match((await page.evaluate(() => window.errors))[0], /"ga5" is no source.*ga4/);
  await page.evaluate(async () => {
    window.dataLayer = [{ event: 'view_item', items: [{ item_id: 'coat' }] }];
    (await import('/vitrine/recorder.js')).recorder.start({ sources: ['', 'ga4', 'ga4'], watch: false });
  });
  assert.deepEqual(await told(page, 1), ['view coat']);
});
