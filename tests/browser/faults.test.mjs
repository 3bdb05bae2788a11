// What does a page lose when something fails? Not an event that was acknowledged, and no answer that can still be had.
//
// Each test breaks one thing under a page that observes and asks, and looks at which tier answers and what is said.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { POLICY, eventually, launch, openPage, serveShop } from './helper.mjs';

let site;
let browser;
before(async () => {
  site = await serveShop();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

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
async function visit(t, { at = site, context, options = {}, routes = {}, init, through = browser } = {}) {
  const opened = await openPage(context ?? through);
  t.after(() => opened.context.close().catch(() => {}));
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

/** The worker is given up after less time than people would wait. */
const HASTY = {
  '**/worker-client.js': async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace('BEAT_MS = 1_000', 'BEAT_MS = 20') });
  },
};

test('a worker that is killed is started again, and asked again; killed once more, it is an error', async (t) => {
  const { page, list, observe, events, untilTier, problems } = await visit(t, { routes: HASTY });
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

test('a worker that works for long without an answer is left alone', async (t) => {
  let letGo;
  const held = new Promise((resolve) => { letGo = resolve; });
  const { page, list, observe } = await visit(t, {
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

test('a worker whose script does not come is tried once more', async (t) => {
  let tries = 0;
  const breaking = (times) => async (route) => ((tries += 1) <= times ? route.abort() : route.continue());
  const { list, observe } = await visit(t, { routes: { '**/vitrine/worker.js': breaking(1) } });
  await observe(BAG);
  assert.equal((await list()).length, 3);
  assert.equal(tries, 2);

  tries = 0;
  const never = await visit(t, { routes: { '**/vitrine/worker.js': breaking(Infinity) } });
  await never.observe(BAG);
  assert.equal((await never.list()).code, 'engine_failed');
  assert.equal(tries, 2);
  assert.equal((await never.events()).length, 1);
});

test('without a package, tier 1 goes on and says why; without its catalogue, too, nothing can answer', async (t) => {
  const missing = (route) => route.fulfill({ status: 404 });
  const some = await visit(t, { routes: { '**/model/manifest.json': missing } });
  await some.observe(BAG);
  const info = await eventually(some.info, ({ fallback }) => fallback !== undefined);
  assert.deepEqual([info.tier, info.fallback.code], [1, 'package_unreachable']);
  assert.match(info.fallback.message, /manifest\.json: status 404/);
  assert.deepEqual(await some.list(), ON_TIER_1);

  const none = await visit(t, { routes: { '**/model/*.json': missing } });
  await none.observe(BAG);
  const failed = await none.page.evaluate(() => window.open_());
  assert.equal(failed.code, 'package_unreachable');
  assert.equal((await none.list()).code, 'package_unreachable');
  assert.equal((await none.events()).length, 1);
  const spare = await visit(t, { options: { catalog: '/packages/shop/catalog.json' }, routes: { '**/model/*.json': missing } });
  await spare.observe(BAG);
  assert.deepEqual(await spare.list(), ON_TIER_1, 'a catalogue of its own lies elsewhere');
});

test('with a corrupt package, tier 1 goes on and says why', async (t) => {
  const { info, list, observe, page } = await visit(t, { routes: { '**/model/manifest.json': (route) => route.fulfill({ body: '{"recipe": "comp' }) } });
  await observe(BAG);
  const { fallback } = await eventually(info, (given) => given.fallback !== undefined);
  assert.equal(fallback.code, 'package_corrupt');
  assert.deepEqual(await list(), ON_TIER_1);
  const told = await page.evaluate(() => window.infos);
  assert.ok(told.length <= 1 && told.every(({ tier }) => tier === 1), 'told once');
});

test('an engine that traps is replaced by tier 1 within the request', async (t) => {
  const { list, observe, info, page } = await visit(t, { options: { package: '/packages/trapping/' } });
  await observe(BAG);
  await eventually(() => page.evaluate(() => window.recommender.diagnostics()), ({ took_ms }) => took_ms.engine !== undefined);
  assert.deepEqual(await list(), ON_TIER_1);
  const { fallback } = await info();
  assert.deepEqual([fallback.code, fallback.message], ['engine_failed', 'unreachable']);
});

test('where the policy of the page forbids wasm, tier 1 answers and says why', async (t) => {
  const strict = await serveShop({ policy: POLICY.replace(" 'wasm-unsafe-eval'", '') });
  t.after(() => strict.close());
  const { info, list, observe } = await visit(t, { at: strict });
  await observe(BAG);
  const { fallback, tier } = await eventually(info, (given) => given.fallback !== undefined);
  assert.deepEqual([tier, fallback.code], [1, 'engine_failed']);
  assert.match(fallback.message, /wasm|WebAssembly/i);
  assert.deepEqual(await list(), ON_TIER_1);
});

test('a GPU that is lost loses no answer, and is set up again', async (t) => {
  const withGpu = await launch({ gpu: true });
  t.after(() => withGpu.close());
  const { list, observe, page } = await visit(t, { through: withGpu, options: { package: '/packages/losing/', device: 'gpu' } });
  await observe(BAG);
  await eventually(() => page.evaluate(() => window.recommender.info()), ({ tier }) => tier === 3);
  // The device is destroyed after the first answer.
  for (let asked = 0; asked < 10; asked += 1) assert.equal((await list()).length, 3);
  await eventually(() => page.evaluate(() => window.infos.map(({ device }) => device).join()), (devices) => /cpu,gpu/.test(devices));
  const { gpu_losses } = await page.evaluate(() => window.recommender.diagnostics());
  assert.ok(gpu_losses >= 1);
});

test('full storage: what was acknowledged stays for the page, and it is said', async (t) => {
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
  const { list, observe, events, page, untilTier } = await visit(t, { init: fill, options: { consent: true } });
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

test('refused storage: the page has a history for as long as it stands, and it is said', async (t) => {
  const refuse = () => {
    for (const name of ['indexedDB', 'localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, { get() { throw new DOMException('refused', 'SecurityError'); } });
    }
  };
  const { list, observe, events, page } = await visit(t, { init: refuse, options: { consent: true } });
  await observe(BAG);
  assert.equal((await events()).length, 1);
  assert.equal(await page.evaluate(() => window.recommender.isPersistent()), false);
  assert.deepEqual(await page.evaluate(() => window.told), ['storage_unavailable']);
  assert.equal((await list()).length, 3);
  await page.evaluate(() => window.recommender.erase());
  assert.deepEqual(await events(), []);
});

test('ten thousand events at once are acknowledged, and the newest five hundred are kept', async (t) => {
  const { page, events, list } = await visit(t, { options: { consent: true } });
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

test('two tabs that write at once lose nothing of each other', async (t) => {
  const first = await visit(t, { options: { consent: true } });
  const second = await visit(t, { context: first.context, options: { consent: true } });
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

test('a clock that is set back changes neither the order of events nor what was dismissed', async (t) => {
  let letGo;
  const held = new Promise((resolve) => { letGo = resolve; });
  const { page, observe, events, list, untilTier } = await visit(t, {
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
