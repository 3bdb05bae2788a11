// Does the built package do what the sources do, and nothing else? Served as a shop would, under the strictest policy.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MOCK_BUNDLES, answered, eventually, launch, openPage, seen, serve } from '../../tests/browser/helper.mjs';
import { make } from '../../tests/browser/mock/make.mjs';
import { build } from './build.mjs';
import { checked } from './integrity.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** What the product promises to work under, word for word. */
const STRICT =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self'; style-src 'self'";
const HEAD = '<script type="module" src="/vitrine/recorder.js"></script><script type="module" src="/vitrine/vitrine.js"></script>';
const ROW = `<vitrine-recs package="/vitrine/model/" placement="home" limit="4" heading="Picked for you" item-url="/item/{id}" reasons>
  <ul><li>One</li><li>Two</li></ul></vitrine-recs>`;

let folder;
let out;
let site;
let browser;
let visit;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-kit-'));
  out = join(folder, 'dist');
  await build({ out });
  await make(folder);
  site = await serve({
    '/': Buffer.from('<!doctype html>'),
    '/vitrine/': out,
    ...MOCK_BUNDLES,
    '/vitrine/model/': join(folder, 'shop'),
    '/images/': join(folder, 'images'),
    '/html/': join(HERE, '../platforms/html'),
    '/html/images/': join(folder, 'images'),
  });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await site?.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  visit = await openPage(browser);
});
afterEach(() => visit.context.close());

/** A page of a shop with this content, under this policy. */
async function open(body, { policy = STRICT, head = HEAD, path = '/' } = {}) {
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title><link rel="icon" href="/html/icon.svg">${head}${body}`;
  await visit.page.route(site.url + path, (route) => route.fulfill({ body: html, headers: { 'content-type': 'text/html', 'content-security-policy': policy } }));
  await visit.page.goto(site.url + path);
}

function observe(event) {
  return visit.page.evaluate(async (given) => (await import('/vitrine/recorder.js')).observe(given), event);
}

/** Whatever this origin has left on the device. */
function stored() {
  return visit.page.evaluate(async () => ({
    databases: (await indexedDB.databases()).map(({ name }) => name), local: { ...localStorage }, session: { ...sessionStorage },
    cookies: document.cookie, caches: await caches.keys(), workers: (await navigator.serviceWorker.getRegistrations()).length,
  }));
}
const NOTHING = { databases: [], local: {}, session: {}, cookies: '', caches: [], workers: 0 };

test('row, privacy panel and debugging work from the built files, and break no rule of the policy', async () => {
  await open(`${ROW}<vitrine-privacy></vitrine-privacy>`, { path: '/?vitrine-debug' });
  await seen(visit.page, 'vitrine-ready');
  await observe({ item: 'bag-ink', type: 'cart_add' });
  const ids = await answered(visit.page);
  assert.ok(ids.every((id) => /^(bag|boot)-/.test(id)), ids.join());
  await visit.page.waitForFunction(() => customElements.get('vitrine-privacy') && customElements.get('vitrine-debug'));
  await visit.page.waitForFunction(() => document.querySelector('vitrine-privacy').shadowRoot?.textContent.includes('Ink handbag'));
  assert.deepEqual(await visit.page.evaluate(() => window.violations), []);
  assert.deepEqual(visit.problems, []);
});

test('the page has one recorder, whoever imports it, and one worker', async () => {
  await open(`${ROW}<vitrine-privacy></vitrine-privacy>`);
  await seen(visit.page, 'vitrine-ready');
  const isOne = await visit.page.evaluate(async () => {
    const { recorder } = await import('/vitrine/recorder.js');
    const { createRecommender } = await import('/vitrine/vitrine.js');
    const recommender = createRecommender({ package: '/vitrine/model/' });
    await recommender.observe({ item: 'coat-ink', type: 'view' });
    const [event] = await recorder.events();
    return event.item === 'coat-ink' && recommender === document.querySelector('vitrine-recs').recommender;
  });
  assert.ok(isOne);
  assert.equal(visit.page.workers().length, 1);
  const names = visit.requests.map((request) => new URL(request.url()).pathname);
  assert.equal(names.filter((name) => name === '/vitrine/recorder.js').length, 1);
});

test('only what a page uses is loaded', async () => {
  await open(ROW);
  await seen(visit.page, 'vitrine-ready');
  await observe({ item: 'bag-ink', type: 'view' });
  await answered(visit.page);
  const loaded = visit.requests.map((request) => new URL(request.url()).pathname).filter((name) => name.startsWith('/vitrine/') && name.endsWith('.js'));
  for (const name of ['privacy', 'debug', 'sources', 'react', 'vue']) assert.ok(!loaded.includes(`/vitrine/${name}.js`), `${name}.js was loaded`);
});

test('out go only GETs of bundle, package and pictures, without parameters or bodies', async () => {
  await open(`${ROW}<vitrine-privacy></vitrine-privacy>`);
  await seen(visit.page, 'vitrine-ready');
  for (const type of ['view', 'cart_add', 'purchase']) await observe({ item: 'bag-ink', type });
  await answered(visit.page);
  await visit.page.evaluate(async () => {
    const { recorder } = await import('/vitrine/recorder.js');
    await recorder.setConsent(true);
    await recorder.forget('bag-ink');
    await recorder.setConsent(false);
  });
  await visit.page.waitForTimeout(500);
  assert.ok(visit.requests.length >= 8, `only ${visit.requests.length} requests were seen`);
  for (const request of visit.requests) {
    const { origin, pathname, search } = new URL(request.url());
    assert.equal(origin, site.url);
    assert.match(pathname, /^\/$|^\/vitrine\/|^\/images\/|^\/html\/icon\.svg$/);
    assert.deepEqual([request.method(), search, request.postData()], ['GET', '', null]);
  }
});

test('before consent nothing is on the device; consent writes, and withdrawing it leaves the word alone', async () => {
  await open(`${ROW}<vitrine-privacy></vitrine-privacy>`);
  await seen(visit.page, 'vitrine-ready');
  await observe({ item: 'bag-ink', type: 'purchase' });
  await answered(visit.page);
  await visit.page.waitForTimeout(1500); // snapshots are written after a second
  assert.deepEqual(await stored(), NOTHING);
  const consent = (granted) => visit.page.evaluate(async (word) => (await import('/vitrine/recorder.js')).recorder.setConsent(word), granted);
  await consent(true);
  assert.ok((await stored()).databases.includes('vitrine'));
  await visit.page.reload();
  await answered(visit.page, (ids) => ids.every((id) => /^(bag|boot)-/.test(id)));
  await consent(false);
  await visit.page.waitForTimeout(300);
  assert.deepEqual(await stored(), { ...NOTHING, local: { 'vitrine-consent': 'denied' } });
});

test('the recipe for checked scripts: import map, hash in the policy, and a changed file is not run', async () => {
  const { head, policy } = checked(JSON.parse(await readFile(join(out, 'integrity.json'), 'utf8')));
  assert.equal(policy.replace(/ 'sha384-[^']+'/, ''), STRICT);
  await open(`${ROW}<vitrine-privacy></vitrine-privacy>`, { head, policy });
  await seen(visit.page, 'vitrine-ready');
  await visit.page.waitForFunction(() => customElements.get('vitrine-privacy'));
  assert.deepEqual(await visit.page.evaluate(() => window.violations), []);
  assert.deepEqual(visit.problems, []);
  // One byte more: in a file of a tag, and in one that is loaded later.
  for (const name of ['vitrine', 'privacy']) {
    const other = await openPage(browser);
    const body = `${await readFile(join(out, `${name}.js`), 'utf8')}\n`;
    await other.page.route(`**/${name}.js`, (route) => route.fulfill({ contentType: 'text/javascript', body }));
    const html = `<!doctype html><title>Shop</title><link rel="icon" href="/html/icon.svg">${head}${ROW}<vitrine-privacy></vitrine-privacy>`;
    await other.page.route(`${site.url}/`, (route) => route.fulfill({ body: html, headers: { 'content-type': 'text/html', 'content-security-policy': policy } }));
    await other.page.goto(site.url);
    await other.page.waitForTimeout(1000);
    const known = await other.page.evaluate(() => ['vitrine-recs', 'vitrine-privacy'].map((tag) => Boolean(customElements.get(tag))));
    assert.deepEqual(known, name === 'vitrine' ? [false, false] : [true, false]);
    assert.ok(other.problems.some((problem) => /integrity|digest/i.test(problem)), other.problems.join());
    assert.ok(await other.page.getByText('Two').isVisible(), 'the list of the shop stands');
    await other.context.close();
  }
});

test('the plain page works by copying the package beside it', async () => {
  await visit.page.goto(`${site.url}/html/index.html`);
  assert.ok(await visit.page.getByRole('link', { name: 'Cognac handbag' }).isVisible());
  await seen(visit.page, 'vitrine-ready');
  assert.deepEqual(await stored(), NOTHING);
  await visit.page.getByRole('button', { name: 'Add to bag' }).click();
  const ids = await answered(visit.page, (shownIds) => shownIds.includes('bag-cognac'));
  assert.ok(!ids.includes('bag-ink'), 'what is in the bag is not recommended');
  await visit.page.getByText('What this shop knows about you').click();
  await visit.page.waitForFunction(() => document.querySelector('vitrine-privacy').shadowRoot?.textContent.includes('Ink handbag'));
  assert.deepEqual(await visit.page.evaluate(() => window.violations), []);
  assert.deepEqual(visit.problems, []);

  await visit.page.goto(`${site.url}/html/item.html`);
  const hats = await answered(visit.page);
  assert.deepEqual(hats.slice(0, 2).sort(), ['hat-camel', 'hat-grey']);
  await visit.page.getByRole('button', { name: 'Save' }).click();
  const events = () => visit.page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.events());
  await eventually(events, (all) => ['view', 'wishlist_add'].every((type) => all.some((event) => event.type === type && event.item === 'hat-ink')));
  assert.deepEqual(await visit.page.evaluate(() => window.violations), []);
});

test('the list that the row covers is not counted as seen', async () => {
  await visit.page.goto(`${site.url}/html/index.html`);
  await seen(visit.page, 'vitrine-ready');
  await visit.page.getByRole('button', { name: 'Add to bag' }).click();
  await answered(visit.page);
  await visit.page.waitForTimeout(1500);
  const lists = await visit.page.evaluate(async () => {
    const events = await (await import('/vitrine/recorder.js')).recorder.events();
    return events.filter(({ type }) => type === 'impression').map(({ list }) => list);
  });
  assert.ok(lists.includes('everything'), 'the other list was seen');
  assert.ok(!lists.includes('bestsellers'), 'the covered list was not');
});
