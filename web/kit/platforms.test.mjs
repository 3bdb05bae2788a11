// Do the files for other people's platforms do what they say there? As far as that can be seen without the platforms.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import vm from 'node:vm';
import { Liquid, TagToken } from 'liquidjs';
import { launch, openPage, serve } from '../../tests/browser/helper.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const PLATFORMS = join(HERE, '../platforms');
const THEME = join(PLATFORMS, 'shopify/theme');
const HOSTILE = '"><script>alert(1)</script>';
const run = promisify(execFile);

let browser;
let site;
let visit;
before(async () => {
  browser = await launch();
  // A recorder that only writes down what it is told.
  const recorder = Buffer.from('export const told = []; globalThis.told = told; export const observe = async (event) => { told.push(event); };');
  site = await serve({ '/': Buffer.from('<!doctype html><title>Shop</title><link rel="icon" href="data:,">'), '/vitrine/recorder.js': recorder, '/woocommerce.js': join(PLATFORMS, 'woocommerce/vitrine-shop.js'), '/shopify.js': join(THEME, 'assets/vitrine-shop.js') });
});
after(async () => {
  await browser?.close();
  await site?.close();
});
beforeEach(async () => {
  visit = await openPage(browser);
  await visit.page.goto(site.url);
});
afterEach(() => visit.context.close());

/** What a browser makes of markup: every element with its attributes and own text, nothing run. */
function parsed(html) {
  return visit.page.evaluate((text) => {
    const tree = new DOMParser().parseFromString(text, 'text/html');
    return [...tree.body.querySelectorAll('*'), ...tree.head.querySelectorAll('*')].map((node) => ({
      tag: node.localName, ...Object.fromEntries([...node.attributes].map(({ name, value }) => [name, value])),
      text: [...node.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data).join('').trim(),
    }));
  }, html);
}

const find = (nodes, tag) => nodes.filter((node) => node.tag === tag);

// ---- Shopify ----

/** What Shopify's Liquid has beside the language, as far as the blocks ask for it. */
function liquid() {
  const engine = new Liquid({ root: [join(THEME, 'snippets')], extname: '.liquid' });
  engine.registerTag('schema', {
    parse(token, rest) {
      for (let next = rest.shift(); !(next instanceof TagToken && next.name === 'endschema'); next = rest.shift()) assert.ok(next);
    },
    render: () => '',
  });
  engine.registerFilter('image_url', (image, options) => `${image.src}?width=${options?.[1] ?? ''}`);
  engine.registerFilter('asset_url', (name) => `https://cdn.example/extensions/1/${name}`);
  engine.registerFilter('money', (cents) => `€${(cents / 100).toFixed(2)}`);
  return engine;
}

async function block(name) {
  const text = await readFile(join(THEME, 'blocks', `${name}.liquid`), 'utf8');
  const [, schema] = text.match(/{% schema %}([\s\S]*){% endschema %}/);
  return { text, schema: JSON.parse(schema) };
}

const PRODUCTS = Array.from({ length: 14 }, (_, index) => ({
  id: 100 + index, handle: `coat-${index}${HOSTILE}`, title: `Coat ${index}${HOSTILE}`, url: `/products/coat-${index}`, price: 12_900,
  featured_image: index === 2 ? null : { src: `/images/coat-${index}.jpg`, width: 600, height: 800 }, variants: [{ id: 900 + index }, { id: 950 + index }], selected_or_first_available_variant: { id: 900 + index, sku: `SKU ${index}${HOSTILE}` },
}));

async function rendered(name, settings = {}, page = {}) {
  const { text, schema } = await block(name);
  const defaults = Object.fromEntries(schema.settings.filter(({ id }) => id).map(({ id, default: value }) => [id, value ?? null]));
  const scope = {
    block: { settings: { ...defaults, ...settings }, shopify_attributes: 'data-shopify-editor-block="1"' }, collections: { all: { products: PRODUCTS } },
    request: { page_type: 'index', locale: { iso_code: 'en' } }, ...page,
  };
  return parsed(await liquid().parseAndRender(text, scope));
}

test('a Shopify row holds the shop\'s own products until there is something better', async () => {
  const nodes = await rendered('recommendations');
  const [row] = find(nodes, 'vitrine-recs');
  assert.deepEqual([row.package, row.limit, row.placement, row.heading, row['heading-level'], row.layout, row.locale], ['/apps/vitrine/model/', '4', 'index', 'Picked for you', '2', 'carousel', 'en']);
  assert.ok('lazy' in row && 'reasons' in row);
  assert.ok(!('seed' in row) && !('rules' in row) && !('dismiss-label' in row));
  const items = find(nodes, 'li');
  assert.deepEqual(items.map((item) => item['data-vitrine-item']), ['100', '101', '102', '103']);
  assert.equal(find(nodes, 'img').length, 3, 'a product without a picture has none');
  assert.equal(find(nodes, 'h2')[0].text, 'Picked for you');
  assert.deepEqual(find(nodes, 'script').map(({ type, src }) => [type, src]), [['module', '/apps/vitrine/vitrine.js']]);
});

test('a Shopify row on a product\'s page goes with the product and leaves it out', async () => {
  for (const [item_id, seed, second] of [['id', '101', '102'], ['handle', PRODUCTS[1].handle, PRODUCTS[2].handle], ['sku', `SKU 1${HOSTILE}`, `SKU 2${HOSTILE}`]]) {
    const nodes = await rendered('recommendations', { item_id, products_to_show: 10 }, { product: PRODUCTS[1], request: { page_type: 'product', locale: { iso_code: 'de' } } });
    const [row] = find(nodes, 'vitrine-recs');
    assert.deepEqual([row.seed, row.placement], [seed, 'product']);
    const shown = find(nodes, 'li').map((item) => item['data-vitrine-item']);
    assert.equal(shown.length, 10);
    assert.ok(!shown.includes(seed));
    assert.equal(shown[1], second);
  }
});

test('what a merchant or a catalogue writes stays text on Shopify', async () => {
  const settings = Object.fromEntries(['heading', 'placement', 'rules', 'dismiss_label', 'base', 'sources'].map((name) => [name, HOSTILE]));
  for (const name of ['recommendations', 'recorder']) {
    const nodes = await rendered(name, { ...settings, item_id: 'handle' }, { product: PRODUCTS[0] });
    assert.equal(find(nodes, 'script').length, name === 'recorder' ? 2 : 1, JSON.stringify(find(nodes, 'script')));
    assert.ok(nodes.every((node) => node.text.includes('alert') === node.text.includes(HOSTILE)));
  }
});

test('the Shopify recorder waits for the shop\'s consent banner and knows the product of the page', async () => {
  const nodes = await rendered('recorder', { sources: 'ga4' }, { product: PRODUCTS[3] });
  const [script, shop] = find(nodes, 'script');
  assert.deepEqual([script.type, script.src, script['data-consent'], script['data-sources']], ['module', '/apps/vitrine/recorder.js', 'shopify', 'shopify ga4']);
  assert.deepEqual([shop.type, shop.src, shop['data-base']], ['module', 'https://cdn.example/extensions/1/vitrine-shop.js', '/apps/vitrine/']);
  const [mark] = find(nodes, 'div');
  assert.deepEqual([mark['data-vitrine-page'], mark['data-vitrine-variant'], mark['data-vitrine-variants']], ['103', '903', '903 953']);
  assert.equal(find(await rendered('recorder'), 'div').length, 0);
});

test('the settings of the blocks are those that Liquid reads, and each has its words', async () => {
  const words = JSON.parse(await readFile(join(THEME, 'locales/en.default.schema.json'), 'utf8'));
  const word = (key) => key.split('.').reduce((at, part) => at?.[part], words);
  for (const name of ['recommendations', 'recorder']) {
    const { text, schema } = await block(name);
    const ids = schema.settings.filter(({ id }) => id).map(({ id }) => id);
    const used = [...new Set([...text.matchAll(/block\.settings\.(\w+)/g)].map(([, id]) => id))];
    assert.deepEqual([...ids].sort(), used.sort());
    for (const [, key] of JSON.stringify(schema).matchAll(/"t:([\w.]+)"/g)) assert.equal(typeof word(key), 'string', `${key} has no words`);
    for (const { type, default: value, min, max, step, options } of schema.settings) {
      if (type === 'range') assert.ok(value >= min && value <= max && (max - min) / step <= 100);
      if (type === 'select') assert.ok(options.some((option) => option.value === value));
    }
  }
  const { schema } = await block('recommendations');
  const range = schema.settings.find(({ id }) => id === 'products_to_show');
  assert.deepEqual([range.min, range.max], [2, 10]);
});

/** The sandbox of a custom pixel, with what Shopify puts there. */
async function pixel(allowed, stored = {}) {
  const listeners = {};
  const local = { ...stored };
  const globals = {
    init: { customerPrivacy: { preferencesProcessingAllowed: allowed } },
    api: { customerPrivacy: { subscribe: (name, callback) => (listeners[name] = callback) } },
    analytics: { subscribe: (name, callback) => (listeners[name] = callback) },
    browser: { localStorage: { getItem: async (key) => local[key] ?? null, setItem: async (key, value) => (local[key] = value), removeItem: async (key) => delete local[key] } },
  };
  vm.runInNewContext(await readFile(join(PLATFORMS, 'shopify/orders/purchases.js'), 'utf8'), globals);
  return { listeners, local };
}
const ORDER = {
  timestamp: '2026-11-25T10:00:00.000Z',
  data: { checkout: { email: 'ada@example.com', order: { id: 'o1' }, lineItems: [
    { title: 'Coat', quantity: 2, variant: { id: '900', sku: 'SKU 0', product: { id: '100', title: 'Coat' } } }, { title: 'Gift card', quantity: 1, variant: null },
  ] } },
};

test('what was bought on Shopify waits in localStorage: ids and pieces alone, and only where the visitor agreed', async () => {
  const { listeners, local } = await pixel(true);
  await listeners.checkout_completed(ORDER);
  const [key] = Object.keys(local);
  assert.deepEqual(JSON.parse(local[key]), [{ item: '100', variant: '900', sku: 'SKU 0', qty: 2, ts: Date.parse(ORDER.timestamp) }]);
  assert.ok(!local[key].includes('ada') && !local[key].includes('o1'));
  for (let index = 0; index < 60; index += 1) await listeners.checkout_completed(ORDER);
  assert.equal(JSON.parse(local[key]).length, 50);
  // The recorder's adaptor collects it under the same name.
  assert.match(await readFile(join(HERE, '../js/sources/shopify.js'), 'utf8'), new RegExp(`'${key}'`));

  const refused = await pixel(false);
  await refused.listeners.checkout_completed(ORDER);
  assert.deepEqual(refused.local, {});
  refused.listeners.visitorConsentCollected({ customerPrivacy: { preferencesProcessingAllowed: true } });
  await refused.listeners.checkout_completed(ORDER);
  assert.equal(Object.keys(refused.local).length, 1);
  refused.listeners.visitorConsentCollected({ customerPrivacy: { preferencesProcessingAllowed: false } });
  assert.deepEqual(refused.local, {});

  const broken = await pixel(true, { [key]: '{"not": "a list"' });
  await broken.listeners.checkout_completed(ORDER);
  assert.equal(JSON.parse(broken.local[key]).length, 1);
});

// ---- WooCommerce ----

const hasPhp = (() => {
  try {
    return Boolean(execFileSync('php', ['--version']));
  } catch {
    return false;
  }
})();

test('the WooCommerce plugin prints what a browser reads as intended, with a hostile catalogue', { skip: !hasPhp && 'php is not installed' }, async () => {
  const plugin = join(PLATFORMS, 'woocommerce/vitrine.php');
  await run('php', ['-l', plugin]);
  const { stdout, stderr } = await run('php', ['-d', 'error_reporting=-1', '-d', 'display_errors=stderr', join(HERE, 'apps/woocommerce.php'), plugin]);
  assert.equal(stderr, '');
  const out = JSON.parse(stdout);
  const scripts = async (html) => find(await parsed(html), 'script');

  assert.deepEqual((await scripts(out.head)).map(({ src }) => src), ['/vitrine/recorder.js', '/vitrine/vitrine.js', '/wp-content/plugins/vitrine/vitrine-shop.js']);
  assert.ok((await scripts(out.head)).every((script) => script.type === 'module' && !('data-consent' in script)));
  const [recorder] = await scripts(out.own_head);
  assert.deepEqual([recorder['data-consent'], recorder['data-sources']], ['tcf', 'ga4 meta']);

  const pieces = Object.entries(out).filter(([name, html]) => typeof html === 'string' && !name.endsWith('head'));
  assert.ok(pieces.length >= 10);
  for (const [name, html] of pieces) assert.deepEqual(await scripts(html), [], `${name} holds a script`);
  assert.equal((await parsed(out.product))[0]?.['data-vitrine-page'], '1');
  assert.equal((await parsed(out.own_product))[0]?.['data-vitrine-page'], `SKU-1${HOSTILE}`);
  assert.equal((await parsed(out.tile))[0]?.['data-vitrine-item'], '1');
  assert.ok(!out.tile.includes('of-woocommerce'), 'one link opens a tile');
  assert.ok(!out.related.includes('Related products'), 'one row stands below a product');

  const row = await parsed(out.row);
  assert.deepEqual([row[0].tag, row[0].heading, row[0].placement, row[0].limit, row[0].locale], ['vitrine-recs', HOSTILE, HOSTILE, '3', 'de-AT']);
  assert.deepEqual(find(row, 'li').map((item) => item['data-vitrine-item']), ['1', '2', '3']);
  assert.deepEqual(find(row, 'a').map(({ href }) => href), ['/product/1', '/product/2', '']);
  assert.equal(find(await parsed(out.plain_row), 'vitrine-recs')[0].package, '/vitrine/model/');
  assert.equal(out.huge_row, 24);
  const related = await parsed(out.related);
  assert.equal(related[0].seed, '1');
  assert.deepEqual(find(related, 'li').map((item) => item['data-vitrine-item']), ['2', '3', '4', '5']);
  const own = await parsed(out.own_row);
  assert.equal(own[0].rules, '/vitrine/rules.json');
  assert.ok(!find(own, 'li').some((item) => item['data-vitrine-item'] === own[0].seed));

  assert.deepEqual(out.button.attributes, { 'data-vitrine-event': 'cart_add', 'data-vitrine-item': '1' });
  assert.deepEqual(out.no_button.attributes, []);
  assert.equal((await parsed(out.remove))[0]['data-vitrine-id'], '9');
  assert.equal(out.remove_none, '<a href="#">×</a>');
  const [bought] = await parsed(out.thanks);
  assert.deepEqual([bought['data-vitrine-bought'], bought['data-vitrine-qty'], bought['data-vitrine-line']], ['7', '2', '501']);
  assert.equal(out.no_order, '');
});

/** Puts markup on the page, and a platform's script behind it. */
function mount(markup, src) {
  return visit.page.evaluate(async ([html, address]) => {
    document.body.innerHTML = html;
    document.addEventListener('submit', (event) => event.preventDefault());
    const script = Object.assign(document.createElement('script'), { type: 'module', src: address });
    script.dataset.base = '/vitrine/';
    document.head.append(script);
    await new Promise((resolve) => (script.onload = resolve));
  }, [markup, src]);
}

test('what is put into a Shopify cart is told to the recorder: of the page, of a card, of who knows what', async () => {
  const form = (id, name, quantity = '') => `<form action="/de/cart/add" method="post"><input name="id" value="${id}">${quantity}<button>${name}</button></form>`;
  await mount(`<div hidden data-vitrine-page="103" data-vitrine-variants="903 953"></div>${form(953, 'Of the page', '<input name="quantity" value="2">')}
    <div data-vitrine-item="104">${form(904, 'Of a card')}</div>${form(999, 'Of another')}<form action="/search"><button>Search</button></form>`, '/shopify.js');
  for (const name of ['Of the page', 'Of a card', 'Of another', 'Search']) await visit.page.getByRole('button', { name, exact: true }).click();
  const told = await visit.page.evaluate(() => globalThis.told);
  assert.deepEqual(told.map(({ item, type, qty, variant }) => [item, type, qty, variant]), [
    ['103', 'cart_add', 2, '953'], ['104', 'cart_add', 1, '904'], ['999', 'cart_add', 1, '999'],
  ]);
  assert.deepEqual(await visit.page.evaluate(() => window.violations), []);
});

test('WooCommerce\'s cart and order are told to the recorder', async () => {
  await mount(`<div hidden data-vitrine-page="7"></div>
      <form class="cart"><input name="quantity" value="3"><input name="variation_id" value="71"><button>Buy</button></form>
      <form class="search"><button>Search</button></form>
      <a href="#" class="remove" data-product_id="9"><b>×</b></a> <a href="#" class="remove" data-product_id="9" data-vitrine-id="SKU-9">×</a>
      <span hidden data-vitrine-bought="7" data-vitrine-qty="2" data-vitrine-line="501"></span>`, '/woocommerce.js');
  await visit.page.waitForFunction(() => globalThis.told?.length === 1);
  await visit.page.getByRole('button', { name: 'Search' }).click();
  await visit.page.getByRole('button', { name: 'Buy' }).click();
  for (const link of await visit.page.locator('a.remove').all()) await link.click();
  const told = await visit.page.evaluate(() => globalThis.told);
  assert.deepEqual(told, [
    { item: '7', type: 'purchase', src: 'woocommerce', qty: 2, id: 'woocommerce-501' },
    { item: '7', type: 'cart_add', src: 'woocommerce', qty: 3, variant: '71' },
    { item: '9', type: 'cart_remove', src: 'woocommerce' },
    { item: 'SKU-9', type: 'cart_remove', src: 'woocommerce' },
  ]);
  assert.deepEqual(await visit.page.evaluate(() => window.violations), []);
});

test('no file\'s name is on a block-list', async () => {
  const names = [...(await readdir(join(HERE, '../js'), { recursive: true })), ...(await readdir(PLATFORMS, { recursive: true }))];
  for (const name of names) assert.doesNotMatch(name, /tracker|analytics|pixel/i);
});
