// What does a page lose when something fails? Not an event that was acknowledged, and no answer that can still be had.
//
// Each test breaks one thing under a page that observes and asks, and looks at which tier answers and what is said.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { POLICY, answered, eventually, launch, seen, serveShop } from './helper.mjs';
import { engineAnswered, inShop, mount } from './mount.mjs';

const { site, open } = inShop();

/** What the tests ask of a page, in the page. */
function prepare() {
  const workers = [];
  const { Worker: Real } = window;
  window.Worker = class extends Real {
    constructor(...words) {
      super(...words);
      workers.push(this);
    }
  };
  window.workers = workers;
  window.kill = () => workers.at(-1).terminate();
  window.create = async (options) => {
    const [{ createRecommender }, { recorder }] = await Promise.all([import('/vitrine/recommender.js'), import('/vitrine/recorder.js')]);
    window.recorder = recorder;
    window.told = [];
    window.infos = [];
    recorder.addEventListener('error', ({ detail }) => window.told.push(detail.code));
    window.recommender = createRecommender({ package: '/vitrine/model/', ...options });
    window.recommender.addEventListener('engine', ({ detail }) => window.infos.push(detail));
  };
  const codeOf = ({ code, message }) => ({ code, message });
  window.open_ = () => window.recommender.open().catch(codeOf);
  window.list = (options) => window.recommender.recommend({ k: 3, ...options }).then((rows) => rows.map(({ item, tier }) => `${item} ${tier}`), codeOf);
}

/** A page of the shop with a recommender, and shorthands for what it is asked. */
async function visit({ at = site, options = {}, routes = {}, init, through } = {}) {
  const opened = await open({}, through);
  const { page } = opened;
  for (const [pattern, handler] of Object.entries(routes)) await opened.context.route(pattern, handler);
  await page.addInitScript(prepare);
  if (init) await page.addInitScript(init);
  await page.goto(`${at.url}/pages/bench.html`);
  await page.evaluate((given) => window.create(given), options);
  return {
    ...opened,
    list: (given) => page.evaluate((words) => window.list(words), given),
    observe: (event) => page.evaluate((given) => window.recommender.observe(given), event),
    events: () => page.evaluate(() => window.recommender.events()),
    info: () => page.evaluate(() => window.recommender.info()),
    untilTier: (tier) => eventually(() => page.evaluate(() => window.recommender.info()), (info) => info.tier === tier),
  };
}

const BAG = { item: 'bag-ink', type: 'cart_add' };
/** By content rules the dearer bag is nearer; the mock takes the catalogue's order. */
const ON_TIER_1 = ['bag-burgundy 1', 'bag-cognac 1', 'boot-ink 1'];
const ON_TIER_2 = ['bag-cognac 2', 'bag-ink 2', 'bag-burgundy 2'];

/** A file of the kit in which a number is another one. */
const changed = (before, after) => async (route) => {
  const response = await route.fetch();
  const code = await response.text();
  assert.ok(code.includes(before), `${route.request().url()} has no ${before}`);
  await route.fulfill({ response, body: code.replace(before, after) });
};

/** The worker is given up after less time than people would wait. */
const HASTY = { '**/worker-client.js': changed('BEAT_MS = 1_000', 'BEAT_MS = 20') };

test('a worker that is killed is started again, and asked again; killed once more, it is an error', async () => {
  const { page, list, observe, events, untilTier, problems } = await visit({ routes: HASTY });
  await observe(BAG);
  await untilTier(2);
  assert.deepEqual(await list(), ON_TIER_2);
  // Asked, and killed before there can be an answer.
  const during = await page.evaluate(() => {
    const asked = window.list();
    window.kill();
    return asked;
  });
  assert.deepEqual(during.map((row) => row.split(' ')[0]).includes('bag-cognac'), true, during.join());
  await untilTier(2);
  assert.deepEqual(await list(), ON_TIER_2);
  assert.equal(await page.evaluate(() => window.workers.length), 2);

  await page.evaluate(() => window.kill());
  const failed = await list();
  assert.equal(failed.code, 'engine_failed');
  assert.match(failed.message, /silent/);
  await observe({ item: 'hat-ink', type: 'view' });
  assert.deepEqual((await events()).map(({ item }) => item), ['bag-ink', 'hat-ink'], 'the history does not need a worker');
  assert.equal(await page.evaluate(() => window.workers.length), 2);
  assert.deepEqual(problems, []);
});

test('a worker that works for long without an answer is left alone', async () => {
  let letGo;
  const held = new Promise((resolve) => { letGo = resolve; });
  const { page, list, observe } = await visit({
    routes: { ...HASTY, '**/model/*.json': async (route) => { await held; await route.continue(); } },
  });
  await observe(BAG);
  const asked = list();
  // Twice as long as a silent worker is given.
  await page.waitForTimeout(2 * 60 * 20);
  letGo();
  assert.equal((await asked).length, 3);
  assert.equal(await page.evaluate(() => window.workers.length), 1);
});

test('a worker whose script does not come is tried once more', async () => {
  let tries = 0;
  const breaking = (times) => async (route) => ((tries += 1) <= times ? route.abort() : route.continue());
  const { list, observe } = await visit({ routes: { '**/vitrine/worker.js': breaking(1) } });
  await observe(BAG);
  assert.equal((await list()).length, 3);
  assert.equal(tries, 2);

  tries = 0;
  const never = await visit({ routes: { '**/vitrine/worker.js': breaking(Infinity) } });
  await never.observe(BAG);
  assert.equal((await never.list()).code, 'engine_failed');
  assert.equal(tries, 2);
  assert.equal((await never.events()).length, 1);
});

test('without a package, tier 1 goes on and says why; without its catalogue, too, nothing can answer', async () => {
  const missing = (route) => route.fulfill({ status: 404 });
  const some = await visit({ routes: { '**/model/manifest.json': missing } });
  await some.observe(BAG);
  const info = await eventually(some.info, ({ fallback }) => fallback !== undefined);
  assert.deepEqual([info.tier, info.fallback.code], [1, 'package_unreachable']);
  assert.match(info.fallback.message, /manifest\.json: status 404/);
  assert.deepEqual(await some.list(), ON_TIER_1);

  const none = await visit({ routes: { '**/model/*.json': missing } });
  await none.observe(BAG);
  const failed = await none.page.evaluate(() => window.open_());
  assert.equal(failed.code, 'package_unreachable');
  assert.equal((await none.list()).code, 'package_unreachable');
  assert.equal((await none.events()).length, 1);
  const spare = await visit({ options: { catalog: '/packages/shop/catalog.json' }, routes: { '**/model/*.json': missing } });
  await spare.observe(BAG);
  assert.deepEqual(await spare.list(), ON_TIER_1, 'a catalogue of its own lies elsewhere');
});

test('with a corrupt package, tier 1 goes on and says why', async () => {
  const { info, list, observe, page } = await visit({ routes: { '**/model/manifest.json': (route) => route.fulfill({ body: '{"recipe": "comp' }) } });
  await observe(BAG);
  const { fallback } = await eventually(info, (given) => given.fallback !== undefined);
  assert.equal(fallback.code, 'package_corrupt');
  assert.deepEqual(await list(), ON_TIER_1);
  const told = await page.evaluate(() => window.infos);
  assert.ok(told.length <= 1 && told.every(({ tier }) => tier === 1), 'told once');
});

test('a server that has a web page for every address is told apart from a damaged package', async () => {
  const page = { contentType: 'text/html', body: '<!doctype html><title>Shop</title>' };
  const { info } = await visit({
    options: { rules: '/rules.json' },
    routes: { '**/model/manifest.json': (route) => route.fulfill(page), '**/rules.json': (route) => route.fulfill(page) },
  });
  const { fallback } = await eventually(info, (given) => given.fallback?.code === 'package_corrupt');
  assert.match(fallback.message, /\/model\/manifest\.json: the server sent a web page$/);
  const rules = await visit({ options: { rules: '/rules.json' }, routes: { '**/rules.json': (route) => route.fulfill(page) } });
  const told = await eventually(rules.info, (given) => given.fallback !== undefined);
  assert.match(told.fallback.message, /^the shop's rules did not come: .*\/rules\.json: the server sent a web page$/);
});

/** What failed is tried again after so long, instead of what people would wait for. */
const triedAfter = (ms) => ({ '**/retries.js': changed('FIRST_MS = 2_000', `FIRST_MS = ${ms}`) });

/** A file that a busy server refuses so often before it gives it, and when it was asked for. */
function failing(times, { status = 503, headers = {} } = {}) {
  const asked_ms = [];
  const answer = (route) => (asked_ms.push(Date.now()) <= times ? route.fulfill({ status, headers }) : route.continue());
  return { asked_ms, answer };
}

/** A row on a page of the shop while files fail. */
async function look(routes, attributes = {}) {
  const opened = await open();
  for (const [pattern, handler] of Object.entries(routes)) await opened.context.route(pattern, handler);
  await opened.page.goto(`${site.url}/pages/shop.html`);
  await mount(opened.page, { seed: 'bag-ink', ...attributes });
  return opened;
}

const told = (page, type) => page.evaluate((wanted) => window.seen.filter((event) => event.type === wanted).map(({ detail }) => detail), type);

for (const [name, pattern] of [['package', '**/model/manifest.json'], ['script', '**/cpu/web.js'], ['wasm', '**/cpu/*_bg.wasm']]) {
  test(`a server that is busy with the ${name} is asked again, and the row has the engine's answer without another page`, async () => {
    const busy = failing(2);
    const { page } = await look({ ...triedAfter(200), [pattern]: busy.answer });
    const error = await seen(page, 'vitrine-error');
    assert.equal(error.detail.code, name === 'package' ? 'package_unreachable' : 'engine_failed');
    assert.match(error.detail.message, /: .*; it is tried again$/);
    assert.equal((await answered(page)).length, 4);
    assert.equal(await page.evaluate(() => document.querySelector('vitrine-recs').dataset.tier), '1', 'content rules until then');
    await engineAnswered(page);
    assert.deepEqual((await told(page, 'vitrine-ready')).map(({ tier }) => tier).at(-1), 2);
    assert.equal((await told(page, 'vitrine-error')).length, 1, 'told once, however often it is tried');
    // A script that did not come is looked at once more, for the browser does not say why.
    assert.ok(busy.asked_ms.length >= 3);
    const { fallback } = await page.evaluate(() => document.querySelector('vitrine-recs').recommender.info());
    assert.equal(fallback, undefined);
  });
}

test('a server that is busy with everything is asked again, and the row that could not begin has its answer', async () => {
  const [manifest, catalogue] = [failing(2), failing(1)];
  const { page } = await look({ ...triedAfter(400), '**/model/manifest.json': manifest.answer, '**/model/catalog.json': catalogue.answer });
  const { detail } = await seen(page, 'vitrine-error');
  assert.equal(detail.code, 'package_unreachable');
  assert.match(detail.message, /manifest\.json: status 503; it is tried again$/);
  assert.equal(await page.evaluate(() => document.querySelector('vitrine-recs').answer), null, 'the list of the shop stands');
  const ready = await seen(page, 'vitrine-ready');
  assert.equal(ready.detail.tier, 1, 'the catalogue came first');
  await engineAnswered(page);
  assert.equal(manifest.asked_ms.length, 3);
  assert.equal(await page.evaluate(async () => (await document.querySelector('vitrine-recs').recommender.score(['bag-cognac', 'hat-ink'], { seed: 'bag-ink' })).length), 2);
});

test('a server that never answers, and an answer that breaks off, are asked for again', async (t) => {
  let asked = 0;
  const silent = {
    '**/network.js': changed('SILENCE_MS = 30_000', 'SILENCE_MS = 300'),
    '**/model/manifest.json': (route) => ((asked += 1) > 1 ? route.continue() : undefined),
  };
  const first = await look({ ...triedAfter(50), ...silent });
  await engineAnswered(first.page);
  assert.match((await seen(first.page, 'vitrine-error')).detail.message, /no answer; it is tried again$/);

  const breaking = createServer((request, response) => {
    response.writeHead(200, { 'content-length': 1000, 'content-type': 'application/json' });
    response.write('{"recipe": ', () => response.destroy());
  });
  await new Promise((resolve) => { breaking.listen(0, '127.0.0.1', resolve); });
  t.after(() => breaking.close());
  let broken = 0;
  const { page } = await look({
    ...triedAfter(50),
    '**/model/manifest.json': (route) => ((broken += 1) > 1 ? route.continue() : route.continue({ url: `http://127.0.0.1:${breaking.address().port}/` })),
  });
  await engineAnswered(page);
  assert.match((await seen(page, 'vitrine-error')).detail.message, /manifest\.json: .*; it is tried again$/);
});

test('where there is no package, a busy server is asked for the catalogue again', async () => {
  const { page } = await look({ ...triedAfter(50), '**/packages/shop/catalog.json': failing(2).answer }, { package: null, catalog: '/packages/shop/catalog.json' });
  assert.match((await seen(page, 'vitrine-error')).detail.message, /catalog\.json: status 503; it is tried again$/);
  assert.equal((await answered(page)).length, 4);
  assert.deepEqual((await told(page, 'vitrine-ready')).map(({ tier, info }) => [tier, info.fallback]), [[1, undefined]]);
});

test('what is missing is asked for once, what is corrupt once more, past the cache', async () => {
  const broken = { '404': { status: 404, times: 1 }, corrupt: { body: '{"recipe": "comp', times: 2 } };
  for (const [name, { times, ...answer }] of Object.entries(broken)) {
    let asked = 0;
    const { page } = await look({ ...triedAfter(10), '**/model/manifest.json': (route) => { asked += 1; return route.fulfill(answer); } });
    const { detail } = await seen(page, 'vitrine-error');
    assert.doesNotMatch(detail.message, /tried again/, name);
    await page.waitForTimeout(1000);
    assert.equal(asked, times, name);
  }
});

test('a package that was replaced while the browser keeps files of the former one is read past the cache, once', async (t) => {
  const json = (value) => Buffer.from(JSON.stringify(value));
  const items = (count) => ['coat', 'parka', 'duffle', 'cape', 'hat'].slice(0, count).map((id) => ({ id, title: `The ${id}`, category: ['Coats'] }));
  const files = {};
  // A manifest that says `count` items, and a catalogue that has them or not.
  const put = (count, there = count) => {
    files['/model/manifest.json'] = json({ recipe: 'compact', mock: { items: count } });
    files['/model/catalog.json'] = json({ items: items(there) });
  };
  put(4);
  const asked = [];
  const shop = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://shop');
    if (!pathname.startsWith('/model/')) {
      const answer = await fetch(site.url + pathname);
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '', 'cache-control': 'no-store' });
      response.end(Buffer.from(await answer.arrayBuffer()));
      return;
    }
    asked.push(pathname);
    const isManifest = pathname.endsWith('manifest.json');
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': isManifest ? 'no-cache' : 'max-age=86400' });
    response.end(files[pathname]);
  });
  await new Promise((resolve) => { shop.listen(0, '127.0.0.1', resolve); });
  t.after(() => shop.close());
  const { page, info, untilTier } = await visit({ at: { url: `http://127.0.0.1:${shop.address().port}` }, options: { package: '/model/' } });
  /** What the next page of this visitor comes to. */
  const again = async () => {
    asked.length = 0;
    await page.reload();
    await page.evaluate(() => window.create({ package: '/model/' }));
  };
  assert.equal((await untilTier(2)).items, 4);
  await again();
  await untilTier(2);
  assert.ok(!asked.includes('/model/catalog.json'), 'the browser has it');

  put(5);
  await again();
  assert.equal((await untilTier(2)).items, 5);
  assert.equal(asked.filter((path) => path === '/model/catalog.json').length, 1);
  await again();
  assert.equal((await untilTier(2)).items, 5);
  assert.ok(!asked.includes('/model/catalog.json'), 'the browser has the new one');

  put(5, 3);
  await again();
  assert.equal((await untilTier(2)).items, 5, 'of the cache, which is whole');
  put(4, 3);
  await again();
  const { tier, fallback } = await eventually(info, (given) => given.fallback !== undefined);
  assert.deepEqual([tier, fallback.code], [1, 'package_corrupt']);
  assert.match(fallback.message, /catalog\.json/);
  assert.equal(asked.filter((path) => path === '/model/catalog.json').length, 1, 'once');
});

test('a server that stays busy is asked four times, later and later; then it is said that that was all', async () => {
  const busy = failing(Infinity);
  const { page } = await look({ ...triedAfter(100), '**/model/manifest.json': busy.answer });
  const errors = await eventually(() => told(page, 'vitrine-error'), (all) => all.length === 2);
  assert.deepEqual(errors.map(({ message }) => message.includes('tried again')), [true, false]);
  const waits_ms = busy.asked_ms.slice(1).map((asked_ms, index) => asked_ms - busy.asked_ms[index]);
  assert.equal(waits_ms.length, 3);
  // By chance between a half and the whole of 100, 400 and 1600.
  for (const [index, least_ms] of [50, 200, 800].entries()) assert.ok(waits_ms[index] >= least_ms, waits_ms.join());
  await page.waitForTimeout(500);
  assert.equal(busy.asked_ms.length, 4);
});

test('a server that says when to come back is not asked before', async () => {
  const busy = failing(1, { status: 429, headers: { 'retry-after': '2' } });
  const { page } = await look({ ...triedAfter(10), '**/model/manifest.json': busy.answer });
  // Not even by who is back on the network.
  await seen(page, 'vitrine-error');
  await page.workers()[0].evaluate(() => self.dispatchEvent(new Event('online')));
  await engineAnswered(page);
  const [first_ms, second_ms] = busy.asked_ms;
  assert.ok(second_ms - first_ms >= 2000, `${second_ms - first_ms} ms`);
});

test('who is back on the network need not wait', async () => {
  const ways = {
    // As Chromium's workers hear of it, and as those of other browsers do.
    connection: async ({ context }) => { for (const isOffline of [true, false]) await context.setOffline(isOffline); },
    event: async ({ page }) => page.workers()[0].evaluate(() => self.dispatchEvent(new Event('online'))),
  };
  for (const come of Object.values(ways)) {
    const visitor = await look({ ...triedAfter(600_000), '**/model/manifest.json': (route) => route.abort('internetdisconnected') });
    const { detail } = await seen(visitor.page, 'vitrine-error');
    assert.match(detail.message, /manifest\.json: .*; it is tried again$/);
    await visitor.context.unroute('**/model/manifest.json');
    // The network may be a moment later than the news of it; then it comes again.
    const tier = async () => {
      await come(visitor);
      await visitor.page.waitForTimeout(1000);
      return visitor.page.evaluate(() => Number(document.querySelector('vitrine-recs').dataset.tier));
    };
    await eventually(tier, (answered_by) => answered_by >= 2);
  }
});

test('a GPU bundle that does not come is asked for again while the CPU answers', async (t) => {
  const withGpu = await launch({ gpu: true });
  t.after(() => withGpu.close());
  const { untilTier, info } = await visit({ through: withGpu, options: { device: 'gpu' }, routes: { ...triedAfter(50), '**/gpu/web.js': failing(3).answer } });
  await untilTier(2);
  assert.match((await info()).fallback.message, /gpu\/web\.js/);
  await untilTier(3);
  assert.equal((await info()).fallback, undefined);
});

test('what cannot be had yet keeps nobody from being forgotten', async () => {
  const { page, observe, events } = await visit({ options: { consent: true }, routes: { '**/model/*.json': failing(Infinity).answer } });
  await observe(BAG);
  assert.equal((await page.evaluate(() => window.open_())).code, 'package_unreachable');
  await page.evaluate(() => window.recommender.erase());
  assert.deepEqual(await events(), []);
});

test('an engine that traps is replaced by tier 1 within the request', async () => {
  const { list, observe, info, page } = await visit({ options: { package: '/packages/trapping/' } });
  await observe(BAG);
  await eventually(() => page.evaluate(() => window.recommender.diagnostics()), ({ took_ms }) => took_ms.engine !== undefined);
  assert.deepEqual(await list(), ON_TIER_1);
  const { fallback } = await info();
  assert.deepEqual([fallback.code, fallback.message], ['engine_failed', 'unreachable']);
});

test('where the policy of the page forbids wasm, tier 1 answers and says why', async (t) => {
  const strict = await serveShop({ policy: POLICY.replace(" 'wasm-unsafe-eval'", '') });
  t.after(() => strict.close());
  const { info, list, observe } = await visit({ at: strict });
  await observe(BAG);
  const { fallback, tier } = await eventually(info, (given) => given.fallback !== undefined);
  assert.deepEqual([tier, fallback.code], [1, 'engine_failed']);
  assert.match(fallback.message, /wasm|WebAssembly/i);
  assert.deepEqual(await list(), ON_TIER_1);
});

test('a GPU that is lost loses no answer, and is set up again', async (t) => {
  const withGpu = await launch({ gpu: true });
  t.after(() => withGpu.close());
  const { list, observe, page } = await visit({ through: withGpu, options: { package: '/packages/losing/', device: 'gpu' } });
  await observe(BAG);
  await eventually(() => page.evaluate(() => window.recommender.info()), ({ tier }) => tier === 3);
  // The device is destroyed after the first answer.
  for (let asked = 0; asked < 10; asked += 1) assert.equal((await list()).length, 3);
  await eventually(() => page.evaluate(() => window.infos.map(({ device }) => device).join()), (devices) => /cpu,gpu/.test(devices));
  const { gpu_losses } = await page.evaluate(() => window.recommender.diagnostics());
  assert.ok(gpu_losses >= 1);
});

test('full storage: what was acknowledged stays for the page, and it is said', async () => {
  const fill = () => {
    const { put, add } = IDBObjectStore.prototype;
    // As a full disk does it: not the request is refused, the transaction is taken back.
    const refusing = (write) => function (...words) {
      const request = write.apply(this, words);
      if (window.isFull) this.transaction.abort();
      return request;
    };
    Object.assign(IDBObjectStore.prototype, { put: refusing(put), add: refusing(add) });
  };
  const { list, observe, events, page, untilTier } = await visit({ init: fill, options: { consent: true } });
  await observe(BAG);
  assert.equal(await page.evaluate(() => window.recommender.isPersistent()), true);
  await page.evaluate(() => { window.isFull = true; });
  for (let count = 0; count < 5; count += 1) await observe({ item: 'hat-ink', type: 'view' });
  assert.deepEqual((await events()).map(({ item }) => item), ['bag-ink', ...Array(5).fill('hat-ink')]);
  assert.equal(await page.evaluate(() => window.recommender.isPersistent()), false);
  assert.deepEqual(await page.evaluate(() => window.told), ['storage_unavailable'], 'once');
  await untilTier(2);
  assert.equal((await list()).length, 3);
});

test('refused storage: the page has a history for as long as it stands, and it is said', async () => {
  const refuse = () => {
    for (const name of ['indexedDB', 'localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, { get() { throw new DOMException('refused', 'SecurityError'); } });
    }
  };
  const { list, observe, events, page } = await visit({ init: refuse, options: { consent: true } });
  await observe(BAG);
  assert.equal((await events()).length, 1);
  assert.equal(await page.evaluate(() => window.recommender.isPersistent()), false);
  assert.deepEqual(await page.evaluate(() => window.told), ['storage_unavailable']);
  assert.equal((await list()).length, 3);
  await page.evaluate(() => window.recommender.erase());
  assert.deepEqual(await events(), []);
});

test('ten thousand events at once are acknowledged, and the newest five hundred are kept', async () => {
  const { page, events, list } = await visit({ options: { consent: true } });
  await page.evaluate(async () => {
    const ids = ['coat-ink', 'bag-ink', 'hat-ink'];
    await Promise.all(Array.from({ length: 10_000 }, (_, n) => window.recommender.observe({ item: ids[n % 3], type: 'view', pos: n })));
  });
  const kept = await events();
  assert.deepEqual(kept.map(({ pos }) => pos), Array.from({ length: 500 }, (_, n) => 9_500 + n));
  assert.equal((await list()).length, 3);
  await page.reload();
  await page.evaluate(() => window.create({ consent: true }));
  assert.equal((await events()).length, 500, 'on the next page, too');
});

test('two tabs that write at once lose nothing of each other', async () => {
  const first = await visit({ options: { consent: true } });
  const second = await visit({ through: first.context, options: { consent: true } });
  const write = ({ page }, item) =>
    page.evaluate(async (id) => {
      for (let n = 0; n < 50; n += 1) await window.recommender.observe({ item: id, type: 'view', pos: n });
    }, item);
  await Promise.all([write(first, 'coat-ink'), write(second, 'hat-ink')]);
  for (const tab of [first, second]) {
    const kept = await tab.events();
    for (const id of ['coat-ink', 'hat-ink']) {
      assert.deepEqual(kept.filter(({ item }) => item === id).map(({ pos }) => pos), Array.from({ length: 50 }, (_, n) => n), id);
    }
    assert.equal((await tab.list()).length, 3);
  }
});

test('a clock that is set back changes neither the order of events nor what was dismissed', async () => {
  let letGo;
  const held = new Promise((resolve) => { letGo = resolve; });
  const { page, observe, events, list, untilTier } = await visit({
    options: { consent: true },
    routes: { '**/cpu/web.js': async (route) => { await held; await route.continue(); } },
    init: () => {
      const { now } = Date;
      window.behind_ms = 0;
      Date.now = () => now() - window.behind_ms;
    },
  });
  await observe({ item: 'hat-ink', type: 'cart_add' });
  await observe({ item: 'perfume-rose', type: 'dismiss' });
  await page.evaluate(() => { window.behind_ms = 300 * 24 * 60 * 60 * 1000; });
  await observe(BAG);
  assert.deepEqual((await events()).map(({ item }) => item), ['hat-ink', 'perfume-rose', 'bag-ink']);
  // Were it the oldest, the hats would lead.
  assert.match((await list())[0], /^bag-\S+ 1$/, 'the newest event weighs most');
  const scents = { candidates: ['perfume-rose', 'perfume-gold'] };
  assert.deepEqual(await list(scents), ['perfume-gold 1']);
  letGo();
  await untilTier(2);
  assert.deepEqual(await list(scents), ['perfume-gold 2']);
});
