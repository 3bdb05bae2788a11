// Which module does a browser get? The one that multiplies bytes, where it does so exactly.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { multipliesBytes } from '../../web/js/bytes.js';
import { launch, openPage, sayBytes, serveShop } from './helper.mjs';

/** What `multipliesBytes` says where WebAssembly is something else. */
function where(fields) {
  const { WebAssembly } = globalThis;
  globalThis.WebAssembly = { ...fields };
  try {
    return multipliesBytes();
  } finally {
    globalThis.WebAssembly = WebAssembly;
  }
}

const giving = (product) => where({ Module: class {}, Instance: class { exports = { f: () => product }; } });

test('bytes are multiplied where no bit and no sum is lost', () => {
  assert.equal(giving(508), true, 'weights have a sign: ARM');
  assert.equal(giving(-129_540), true, 'weights have none: AVX-VNNI');
  assert.equal(giving(-65_536), false, 'sums of 16 bits');
  assert.equal(giving(-131_072), false);
  assert.equal(where({ Module: class { constructor() { throw new Error('no relaxed SIMD'); } } }), false);
  assert.equal(where({}), false);
});

test('the module that asks is one, and the kit loads what its answer says', async (t) => {
  const [site, browser] = await Promise.all([serveShop(), launch()]);
  t.after(() => Promise.all([browser.close(), site.close()]));
  const { page, requests } = await openPage(browser);
  await page.goto(`${site.url}/pages/shop.html`);
  const [isModule, product, isExact] = await page.evaluate(async () => {
    const { multipliesBytes } = await import('/vitrine/bytes.js');
    const { Instance } = WebAssembly;
    let module;
    let product;
    const { Module } = WebAssembly;
    WebAssembly.Module = function (bytes) { module = bytes; return new Module(bytes); };
    WebAssembly.Instance = function (given) { const instance = new Instance(given); product = instance.exports.f(); return instance; };
    const isExact = multipliesBytes();
    Object.assign(WebAssembly, { Module, Instance });
    await import('/vitrine/bundle.js').then(({ startBundle }) => startBundle('cpu'));
    return [WebAssembly.validate(module), product, isExact];
  });
  t.diagnostic(`-127 × 4 bytes of ones: ${product}`);
  assert.ok(isModule);
  // As all processors that are known do it, in lanes of 16 bits that overflow or hold.
  assert.ok([508, -129_540, -65_536, -131_072].includes(product), `${product}`);
  assert.equal(isExact, [508, -129_540].includes(product));
  const wasm = requests.map((request) => new URL(request.url()).pathname).filter((path) => path.endsWith('.wasm'));
  assert.deepEqual(wasm, [`/vitrine/cpu/web${isExact ? '_relaxed' : ''}_bg.wasm`]);
});

test('a shop that has no module for it serves the other', async (t) => {
  const [site, browser] = await Promise.all([serveShop(), launch()]);
  t.after(() => Promise.all([browser.close(), site.close()]));
  const { page, requests } = await openPage(browser);
  await sayBytes(page, true);
  await page.route('**/web_relaxed_bg.wasm', (route) => route.fulfill({ status: 404 }));
  await page.goto(`${site.url}/pages/shop.html`);
  const isRelaxed = await page.evaluate(async () => (await (await import('/vitrine/bundle.js')).startBundle('cpu')).isRelaxed);
  assert.equal(isRelaxed, false);
  const wasm = requests.map((request) => new URL(request.url()).pathname.split('/').at(-1)).filter((name) => name.endsWith('.wasm'));
  assert.deepEqual(wasm, ['web_relaxed_bg.wasm', 'web_bg.wasm']);
});
