// Who answers when? Content rules before the engine and instead of it, by themselves and in real pages.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkedOptions, isForNobody } from '../../web/js/options.js';
import { Tiers } from '../../web/js/tiers.js';
import { eventually } from './helper.mjs';
import { inShop } from './mount.mjs';

const NOW_MS = Date.UTC(2026, 0, 31);
const DAY_MS = 24 * 60 * 60 * 1000;

test('an option of another type is refused by its name; a row is told, and goes on without', () => {
  const cases = [
    [{ exclude: 'coat-03' }, 'exclude is "coat-03", not a list of ids'], [{ cart: 5 }, 'cart is 5, not a list of ids'],
    [{ shown: [null] }, 'shown is [null], not a list of ids'], [{ candidates: 'coat-03' }, 'candidates is "coat-03", not a list of ids'],
    [{ exclude: [{ id: 'coat-03' }] }, 'exclude is [{"id":"coat-03"}], not a list of ids'], [{ seed: 5 }, 'seed is 5, not a text'],
    [{ placement: {} }, 'placement is {}, not a text'], [{ k: '3' }, 'k is 3, not a count from 1 up'],
    [{ cart: Array.from({ length: 99 }, () => 7) }, /^cart is \[7,.{54}…, not a list of ids$/],
  ];
  for (const [asked, message] of cases) assert.throws(() => checkedOptions({ ...asked, now_ms: NOW_MS }), { code: 'bad_request', message });
  const { options, mistake } = checkedOptions({ limit: '4', exclude: ['coat', undefined], cart: 'hat', now_ms: NOW_MS });
  assert.deepEqual([options.k, options.exclude, options.cart, mistake.message], [4, ['coat'], [], 'cart is "hat", not a list of ids']);
  assert.equal(checkedOptions({ exclude: null, candidates: null, seed: null, now_ms: NOW_MS }).options.candidates, undefined);
});

test('a row asks for nobody of whom nothing is known; what was put into the cart is in it where the row says so', () => {
  const events = [{ item: 'coat', type: 'cart_add', ts: NOW_MS }];
  const passed = [{ item: 'coat', type: 'impression', ts: NOW_MS }];
  const isFor = (asked, all) => isForNobody(asked, checkedOptions({ ...asked, now_ms: NOW_MS }, all).options, all);
  assert.deepEqual([isFor({ limit: null }, passed), isFor({ limit: null }, events), isFor({ limit: null, seed: 'hat' }, []), isFor({ limit: null, cart: ['hat'] }, [])],
    [true, false, false, false]);
  assert.equal(isFor({ k: 3 }, []), false, 'a script is answered by rules, or by nothing');
  assert.deepEqual([true, false].map((isCartSynced) => checkedOptions({ limit: null, cart: ['hat'], isCartSynced, now_ms: NOW_MS }, events).options.cart),
    [['hat', 'coat'], ['hat']]);
});

const item = (id, fields = {}) => ({ id, title: `The ${id}`, ...fields });

describe('tiers', () => {
  const coat = (id) => item(id, { category: ['Coats'] });
  const CATALOGUE = { items: [coat('coat'), coat('parka'), coat('duffle'), item('hat'), item('bag'), item('ring')] };

  /** Files by address, an engine that is there when it is told to be, and what was heard. */
  function scene({ files = { 'http://shop/model/catalog.json': CATALOGUE }, filter_days = { dismiss: 90 }, first_ms, list_ms } = {}) {
    const log = { changes: [], asked: [], isCalm: false };
    globalThis.fetch = async (address) => {
      const body = files[String(address)];
      if (body === undefined) return new Response(null, { status: 404 });
      if (typeof body === 'number') return new Response(null, { status: body });
      return new Response(typeof body === 'string' ? body : JSON.stringify(body));
    };
    let arrive;
    let fail;
    const arrival = new Promise((resolve, reject) => { [arrive, fail] = [resolve, reject]; });
    const engines = {
      isOpen: false,
      open: async ({ calm, catalog, rules }) => {
        log.catalog = catalog;
        log.rules = rules;
        calm.then(() => { log.isCalm = true; });
        await arrival;
      },
      info: () => ({ recipe: 'compact', device: 'cpu', filter_days, tier: 2 }),
      catalog: () => CATALOGUE.items.map((each) => ({ ...each, tokens: [1, 2] })),
      recommend: async (events, options) => {
        log.asked.push({ events, options });
        if (log.trap) throw log.trap;
        return { rows: [{ item: 'parka', score: -1, rules: ['new in'], reason: { kind: 'viewed', item: 'coat' } }], fallback: [] };
      },
      interactions: () => [{ item: 'of the engine', intensity: 1, time_ms: 0 }],
      setRules: async (text) => { log.set_rules = text; },
      diagnostics: () => ({}), forget: () => {}, setPersistent: () => {},
    };
    const kept = new Map();
    const keeper = { recall: async (name) => kept.get(name), keep: async (name, value) => { kept.set(name, value); } };
    const tiers = new Tiers({ engines, onChange: (info) => log.changes.push(info.tier), kept: keeper, first_ms, list_ms });
    const open = (fields = {}) => tiers.open({ package: 'http://shop/model/', device: 'auto', ...fields });
    return { tiers, log, kept, open, arrive, fail, given: () => log.catalog };
  }
  const settle = () => new Promise((resolve) => { setTimeout(resolve, 5); });
  const EVENTS = [{ item: 'coat', type: 'view', ts: NOW_MS }];
  const recommend = async (tiers, events, options) => (await tiers.recommend(events, { now_ms: NOW_MS, ...options })).recommendations;

  test('content rules answer until the engine is there, and it is told when it is', async () => {
    const { tiers, log, open, arrive } = scene();
    const info = await open();
    assert.deepEqual([info.tier, info.recipe, info.items], [1, 'content', 6]);
    const [first] = await recommend(tiers, EVENTS, { k: 2 });
    assert.deepEqual([first.item, first.tier, first.details.title], ['parka', 1, 'The parka']);
    assert.equal(tiers.interactions(EVENTS)[0].item, 'coat');
    arrive();
    await settle();
    assert.deepEqual(log.changes, [2]);
    const [second] = await recommend(tiers, EVENTS, { k: 2 });
    assert.deepEqual(second, {
      item: 'parka', score: -1, tier: 2, details: CATALOGUE.items[1], rules: ['new in'], reason: { kind: 'viewed', item: 'coat', title: 'The coat', text: 'Because you viewed The coat' },
    });
    assert.equal(tiers.interactions(EVENTS)[0].item, 'of the engine');
    assert.ok(tiers.diagnostics().took_ms.engine >= 0);
  });

  test('nothing is compiled before the page has drawn, for a while', async () => {
    const drawn = scene();
    await drawn.open();
    await settle();
    assert.equal(drawn.log.isCalm, false);
    drawn.tiers.drawn();
    await settle();
    assert.equal(drawn.log.isCalm, true);
    for (const files of [undefined, {}]) {
      const { open, log } = scene({ files });
      open().catch(() => {});
      await settle();
      assert.equal(log.isCalm, false);
      await eventually(async () => log.isCalm, (isCalm) => isCalm); // a page that never says so
    }
  });

  test('an engine that is first opens by itself, without a catalogue', async () => {
    const { open, arrive, log } = scene({ files: {} });
    arrive();
    assert.equal((await open()).tier, 2);
    await settle();
    assert.deepEqual(log.changes, [], 'nothing changed since');

    // A catalogue that comes later, and that nobody has checked, does not take the place of the engine's.
    let comes;
    const late = scene();
    const { fetch } = globalThis;
    globalThis.fetch = (address) => new Promise((resolve) => { comes = () => resolve(fetch(address)); });
    late.arrive();
    await late.open();
    CATALOGUE.items[1].title = 'tampered with';
    comes();
    await settle();
    CATALOGUE.items[1].title = 'The parka';
    assert.equal((await recommend(late.tiers, EVENTS, { k: 1 }))[0].details.title, 'The parka');
  });

  test('an engine that cannot be had is told, once; content rules go on', async () => {
    const { tiers, log, open, fail } = scene();
    assert.equal((await open()).fallback, undefined);
    fail({ code: 'package_corrupt', message: 'weights-000.bin' });
    await settle();
    assert.deepEqual(log.changes, [1]);
    assert.deepEqual(tiers.info().fallback, { code: 'package_corrupt', message: 'weights-000.bin' });
    assert.equal((await recommend(tiers, EVENTS, { k: 1 }))[0].tier, 1);
  });

  test('neither engine nor catalogue is an error, by the name of what is wrong with the package', async () => {
    const { open, fail } = scene({ files: {} });
    fail({ code: 'package_version', message: 'format 9' });
    await assert.rejects(open(), { code: 'package_version' });
    await assert.rejects(scene({ files: {} }).tiers.open({ catalog: 'http://shop/c.json', device: 'auto' }), { code: 'package_unreachable', message: /c\.json: status 404/ });
  });

  test('an engine that traps in the middle is replaced within the request; a wrong request is not', async () => {
    const { tiers, log, open, arrive } = scene();
    arrive();
    await open();
    log.trap = { code: 'bad_request', message: 'k' };
    await assert.rejects(recommend(tiers, EVENTS, { k: 1 }), { code: 'bad_request' });
    log.trap = new WebAssembly.RuntimeError('unreachable');
    const [row] = await recommend(tiers, EVENTS, { k: 1 });
    assert.deepEqual([row.item, row.tier], ['parka', 1]);
    assert.deepEqual(log.changes, [1]);
    assert.equal(tiers.info().fallback.code, 'engine_failed');
    await recommend(tiers, EVENTS, { k: 1 });
    assert.equal(log.asked.length, 2, 'it is not asked again');
    log.trap = undefined;
    tiers.engineChanged();
    assert.deepEqual(log.changes, [1, 2]);
    assert.equal((await recommend(tiers, EVENTS, { k: 1 }))[0].tier, 2, 'another engine may do what that one could not');
  });

  test('what is dismissed, in the cart, shown elsewhere or the page itself stays away on every tier', async () => {
    const { tiers, log, open, arrive } = scene({ filter_days: { dismiss: 10 } });
    await open();
    const days = (count) => NOW_MS - count * DAY_MS;
    const dismissed = [
      { item: 'parka', type: 'dismiss', ts: days(50) }, { item: 'bag', type: 'dismiss', ts: days(5) }, { item: 'bag', type: 'purchase', ts: days(4) },
      { item: 'coat', type: 'purchase', ts: days(1) },
    ];
    const asked = { k: 9, candidates: ['parka', 'duffle', 'hat', 'bag'] };
    assert.deepEqual((await recommend(tiers, dismissed, asked)).map((row) => row.item), ['duffle', 'hat'], '90 days on tier 1');
    assert.deepEqual((await recommend(tiers, EVENTS, { ...asked, cart: ['duffle'], shown: ['hat', 'bag'], exclude: ['parka'] })), []);
    assert.deepEqual((await recommend(tiers, EVENTS, { k: 9, seed: 'parka' })).map((row) => row.item), ['duffle']);
    arrive();
    await settle();
    await recommend(tiers, dismissed, { k: 1, cart: ['duffle'], shown: ['hat'], exclude: ['x'], seed: 'coat' });
    const { options, events } = log.asked[0];
    assert.deepEqual(options.exclude.toSorted(), ['bag', 'coat', 'duffle', 'hat', 'x'], 'the package says ten days');
    assert.deepEqual([options.cart, options.shown, options.seed], [['duffle'], ['hat'], 'coat']);
    assert.deepEqual(events.at(-1), { item: 'coat', type: 'view', ts: NOW_MS }, 'the seed counts as one more view');
  });

  test('what lies in the cart counts as put there, though no event tells of it', async () => {
    const { tiers, log, open, arrive } = scene();
    await open();
    const [row] = await recommend(tiers, [], { k: 1, cart: ['coat'] });
    assert.deepEqual([row.item, row.reason], ['parka', { kind: 'cart', item: 'coat', title: 'The coat', text: 'Goes with The coat in your cart' }]);
    arrive();
    await settle();
    const bought = { item: 'coat', type: 'purchase', ts: NOW_MS };
    await recommend(tiers, [bought], { k: 1, cart: ['coat', 'hat'], seed: 'parka' });
    assert.deepEqual(log.asked[0].events.map(({ item: id, type }) => `${id} ${type}`), ['coat purchase', 'hat cart_add', 'parka view']);
  });

  test('a list or lines of items are a catalogue, too; broken ones are named', async () => {
    const lines = CATALOGUE.items.map((each) => JSON.stringify(each)).join('\n');
    for (const [name, body] of [['list.json', CATALOGUE.items], ['lines.jsonl', `${lines}\n`]]) {
      const { tiers } = scene({ files: { [`http://shop/${name}`]: body } });
      const info = await tiers.open({ catalog: `http://shop/${name}`, device: 'auto' });
      assert.deepEqual([info.items, info.tier, info.fallback], [6, 1, undefined], name);
    }
    for (const body of ['{', { items: 3 }, [{ id: 1, title: 'x' }]]) {
      const { tiers } = scene({ files: { 'http://shop/c.json': body } });
      await assert.rejects(tiers.open({ catalog: 'http://shop/c.json', device: 'auto' }), { code: 'package_corrupt', message: /c\.json/ });
    }
    const { open } = scene();
    assert.equal((await open({ catalog: 'http://shop/none.json' })).items, 6, 'then that of the package');
  });

  test('a catalogue beside a package that cannot be read is told of, once, and the package answers by its own', async () => {
    for (const [body, why] of [[undefined, /own\.json: status 404$/], ['<!doctype html>', /own\.json: /], [[{ id: 7, title: 'Hat' }], /own\.json: /]]) {
      const files = { 'http://shop/model/catalog.json': CATALOGUE, ...(body && { 'http://shop/own.json': body }) };
      const { tiers, log, open, arrive } = scene({ files });
      const { tier, fallback } = await open({ catalog: 'http://shop/own.json' });
      assert.deepEqual([tier, fallback.code], [1, 'bad_request']);
      assert.match(fallback.message, why);
      assert.match(fallback.message, /^the shop's catalogue: /);
      assert.equal((await recommend(tiers, EVENTS, { k: 1 }))[0].item, 'parka');
      arrive();
      await settle();
      assert.deepEqual(log.changes, [2], 'not told again by itself');
      assert.deepEqual(tiers.info().fallback, fallback, 'whoever asks hears it from the engine, too');
    }
  });

  test('a catalogue beside a package is not waited for without end, and what comes too late changes nothing', async () => {
    const { tiers, log, open, arrive, given } = scene({ first_ms: 20, list_ms: 30 });
    const { fetch } = globalThis;
    let come;
    let asked = 0;
    globalThis.fetch = (address) => {
      if (!String(address).endsWith('own.json')) return fetch(address);
      asked += 1;
      return new Promise((resolve) => { come = () => resolve(Response.json([item('cape')])); });
    };
    const { tier, fallback } = await open({ catalog: 'http://shop/own.json' });
    assert.equal(tier, 1);
    assert.equal(tiers.catalog().length, 6, "the package's own");
    assert.deepEqual(fallback, {
      code: 'bad_request', message: "the shop's catalogue: http://shop/own.json did not come within 0.03 s; the package's own is used",
    });
    arrive();
    assert.equal(await given(), undefined);
    come();
    await settle();
    assert.deepEqual(tiers.info().fallback, fallback);
    assert.deepEqual([tiers.catalog().length, asked, log.changes], [6, 1, [2]]);
    // Without a package there is nothing else.
    const alone = scene({ list_ms: 5 });
    globalThis.fetch = () => new Promise((resolve) => setTimeout(resolve, 40, Response.json([item('cape')])));
    assert.equal((await alone.tiers.open({ catalog: 'http://shop/own.json', device: 'auto' })).items, 1);
  });

  test('a catalogue beside a package that a busy server kept back is asked for once more, while the engine is on its way', async () => {
    const items = [...CATALOGUE.items, item('cape')];
    const { tiers, log, open, arrive, given } = scene({ first_ms: 20 });
    const { fetch } = globalThis;
    let busy = 1;
    globalThis.fetch = (address) => {
      if (!String(address).endsWith('own.json')) return fetch(address);
      return Promise.resolve(busy-- > 0 ? new Response(null, { status: 503 }) : Response.json(items));
    };
    arrive();
    assert.equal((await open({ catalog: 'http://shop/own.json' })).fallback, undefined);
    await eventually(() => busy, (left) => left < 0);
    await settle();
    assert.equal(JSON.parse(await given()).items.length, 7);
    assert.equal(tiers.info().fallback, undefined);
    assert.deepEqual(log.changes, []);
  });

  test('rules that cannot be read are told; what may not be named is not named on tier 1 either', async () => {
    const missing = scene();
    assert.deepEqual((await missing.open({ rules: 'http://shop/rules.json' })).fallback, { code: 'bad_request', message: 'the shop\'s rules did not come: http://shop/rules.json: status 404' });
    const files = { 'http://shop/model/catalog.json': CATALOGUE, 'http://shop/rules.json': { version: 1, never_named: ['Coats'] } };
    const { tiers, open } = scene({ files });
    assert.equal((await open({ rules: 'http://shop/rules.json' })).fallback, undefined);
    const bought = [{ item: 'coat', type: 'purchase', ts: NOW_MS }];
    assert.equal((await recommend(tiers, bought, { k: 1 }))[0].reason, undefined);
    const open_minded = scene();
    await open_minded.open();
    assert.equal((await recommend(open_minded.tiers, bought, { k: 1 }))[0].reason.kind, 'bought');
  });

  test('while rules cannot be read nothing is named, and nobody is in an experiment; they are tried again', async () => {
    const rules = 'http://shop/rules.json';
    const bought = [{ item: 'coat', type: 'purchase', ts: NOW_MS }];
    const ask = async (tiers) => tiers.recommend(bought, { k: 1, now_ms: NOW_MS });
    const files = { 'http://shop/model/catalog.json': CATALOGUE, [rules]: 503 };
    const { tiers, log, open, given } = scene({ files, first_ms: 20 });
    assert.equal((await open({ rules })).fallback.code, 'bad_request');
    const before = await ask(tiers);
    assert.deepEqual([before.recommendations[0].reason, before.experiment], [undefined, 'unknown']);
    assert.deepEqual(JSON.parse(await log.rules), { version: 1, placements: { '*': { explain: false } } });
    files[rules] = { version: 1, never_named: ['Hats'] };
    await eventually(() => log.set_rules, (text) => text !== undefined, 'rules that came later');
    const after = await ask(tiers);
    assert.deepEqual([after.recommendations[0].reason.kind, after.experiment, tiers.info().fallback], ['bought', null, undefined]);
    assert.deepEqual([JSON.parse(log.set_rules).never_named, await given()], [['Hats'], undefined]);

    for (const [broken, kind] of [['{"version": 1,}', undefined], ['{"version": 7, "never_named": "Coats"}', undefined], ['{"version": 7}', 'bought']]) {
      const wrong = scene({ files: { ...files, [rules]: broken } });
      await wrong.open({ rules });
      assert.equal((await ask(wrong.tiers)).recommendations[0].reason?.kind, kind, broken);
    }
  });

  test('a visitor stays in one hundredth, and with consent on the next page, too', async () => {
    const files = { 'http://shop/model/catalog.json': CATALOGUE, 'http://shop/rules.json': { version: 1 } };
    const rules = 'http://shop/rules.json';
    const first = scene({ files });
    first.arrive();
    await first.open({ rules, persistent: true });
    for (let count = 0; count < 2; count += 1) await recommend(first.tiers, EVENTS, { k: 1 });
    const [{ options: { bucket } }, again] = first.log.asked;
    assert.ok(Number.isInteger(bucket) && bucket >= 0 && bucket < 100);
    assert.equal(again.options.bucket, bucket);
    assert.equal(first.kept.get('bucket'), bucket);

    const refused = scene({ files });
    refused.arrive();
    await refused.open({ rules });
    await recommend(refused.tiers, EVENTS, { k: 1 });
    assert.equal(refused.kept.size, 0, 'nothing is kept without consent');
    await refused.tiers.setPersistent(true);
    assert.equal(refused.kept.size, 1);
    const without = scene();
    without.arrive();
    await without.open({ persistent: true });
    await recommend(without.tiers, EVENTS, { k: 1 });
    assert.deepEqual([without.kept.size, without.log.asked[0].options.bucket], [0, undefined], 'no rules, no chance');
  });
});

describe('in a page', () => {
  const { visit } = inShop({ beginAt: '/pages/bench.html' });

  const create = (options) =>
    visit.page.evaluate(async (given) => {
      const { createRecommender } = await import('/vitrine/recommender.js');
      window.recommender = createRecommender(given);
      window.tiers = [];
      window.recommender.addEventListener('engine', ({ detail }) => window.tiers.push(detail.tier));
    }, options);
  const list = (options) => visit.page.evaluate((given) => window.recommender.recommend(given), options);
  // The engine may be first, too: then there is no event.
  const untilTier = (tier) => eventually(() => visit.page.evaluate(() => window.recommender.info()), (info) => info.tier === tier);

  test('the first answer does not wait for the engine', async () => {
    let letGo;
    const held = new Promise((resolve) => { letGo = resolve; });
    await visit.context.route('**/cpu/web.js', async (route) => {
      await held;
      await route.continue();
    });
    await create({ package: '/vitrine/model/' });
    await visit.page.evaluate(() => window.recommender.observe({ item: 'bag-ink', type: 'cart_add' }));
    const first = await list({ k: 3 });
    // The two other bags, the nearer price first (1800 : 1740 < 1740 : 1680), before the boots, which are leather, too.
    assert.deepEqual(first.map(({ item: id, tier }) => [id, tier]), [['bag-burgundy', 1], ['bag-cognac', 1], ['boot-ink', 1]]);
    assert.deepEqual(first[0].reason, { kind: 'cart', item: 'bag-ink', title: 'Ink handbag', text: 'Goes with Ink handbag in your cart' });
    assert.equal(first[0].details.title, 'Burgundy handbag');
    assert.deepEqual(await visit.page.evaluate(() => window.tiers), []);
    letGo();
    await untilTier(2);
    assert.deepEqual(await visit.page.evaluate(() => window.tiers), [2]);
    assert.equal((await list({ k: 3 }))[0].tier, 2);
    const { took_ms, tier } = await visit.page.evaluate(() => window.recommender.diagnostics());
    assert.ok(took_ms.catalogue < took_ms.engine && took_ms.answer >= 0 && tier === 2, JSON.stringify(took_ms));
    assert.deepEqual(visit.problems, []);
  });

  test('each file of the package is asked for once, whether the catalogue comes before the engine asks for it or after', async () => {
    let letGo;
    const held = new Promise((resolve) => { letGo = resolve; });
    const counts = () => {
      const names = visit.requests.map((request) => new URL(request.url()).pathname).filter((path) => path.endsWith('.json'));
      return Object.fromEntries(names.map((name) => [name, names.filter((each) => each === name).length]));
    };
    await create({ package: '/vitrine/model/' });
    await untilTier(2);
    assert.deepEqual(counts(), { '/vitrine/model/catalog.json': 1, '/vitrine/model/manifest.json': 1 });

    await visit.context.route('**/films/catalog.json', async (route) => {
      await held;
      await route.continue();
    });
    await create({ package: '/packages/films/' });
    const films = { '/packages/films/catalog.json': 1, '/packages/films/manifest.json': 1 };
    await visit.page.evaluate(() => { window.opened = window.recommender.open(); });
    await visit.page.waitForTimeout(200);
    letGo();
    await untilTier(2);
    assert.deepEqual(counts(), { '/vitrine/model/catalog.json': 1, '/vitrine/model/manifest.json': 1, ...films });
  });

  test('a catalogue is enough: no package, no model, no wasm', async () => {
    await create({ catalog: '/packages/shop/catalog.json' });
    const info = await visit.page.evaluate(() => window.recommender.open());
    assert.deepEqual([info.tier, info.items, info.fallback], [1, 40, undefined]);
    const rows = await list({ k: 2, seed: 'hat-ink' });
    // By price again: 430 : 370 < 370 : 310.
    assert.deepEqual(rows.map(({ item: id }) => id), ['hat-grey', 'hat-camel']);
    assert.equal(await visit.page.evaluate(() => window.recommender.explain('hat-grey', { seed: 'hat-ink' }).then(({ item: id }) => id)), 'hat-ink');
    assert.equal(await visit.page.evaluate(() => window.recommender.explain('perfume-gold', { seed: 'hat-ink' })), null);
    const scored = await visit.page.evaluate(() => window.recommender.score(['perfume-rose', 'hat-grey'], { seed: 'hat-ink' }));
    assert.deepEqual(scored.map(({ item: id }) => id), ['hat-grey', 'perfume-rose']);
    const asked = visit.requests.map((request) => new URL(request.url()).pathname);
    assert.ok(!asked.some((path) => path.includes('.wasm') || path.includes('/cpu/') || path.includes('manifest')), asked.join());
  });

  test('ids that only the shop knows are told apart by the catalogue, once there are any', async () => {
    const others = ['hat', 'bag', 'ring', 'boot'].map((id) => item(id));
    const items = [item('coat', { category: ['Coats'], sku: 'C-1' }), item('parka', { category: ['Coats'] }), ...others];
    await visit.context.route('**/catalog.json', (route) => route.fulfill({ json: { items } }));
    await create({ catalog: '/catalog.json' });
    await visit.page.evaluate(() => window.recommender.observe({ item: 'coat', type: 'view' }));
    await list({ k: 1 });
    const loaded = () => visit.requests.some((request) => request.url().endsWith('catalogue-ids.js'));
    assert.equal(loaded(), false, 'not before');
    await visit.page.evaluate(() => window.recommender.observe({ item: 'C-1', type: 'purchase' }));
    await list({ k: 1 });
    await eventually(() => visit.page.evaluate(() => window.recommender.events()), (events) => events.at(-1).item === 'coat');
    const [row] = await list({ k: 1 });
    assert.deepEqual(row.reason, { kind: 'bought', item: 'coat', title: 'The coat', text: 'Because you bought The coat' });
  });

  test('what is kept beside the history goes with it, whoever takes it away', async () => {
    await visit.context.route('**/rules.json', (route) => route.fulfill({ json: { version: 1 } }));
    await create({ package: '/vitrine/model/', rules: '/rules.json', consent: true });
    await untilTier(2);
    const isKept = () => visit.page.evaluate(async () => (await indexedDB.databases()).some(({ name }) => name === 'vitrine-engine'));
    const takeAway = {
      'the page': () => window.recommender.erase(),
      'the recorder': async () => (await import('/vitrine/recorder.js')).recorder.erase(),
      'one item': async () => (await import('/vitrine/recorder.js')).recorder.forget('bag-ink'),
      'no consent': () => window.recommender.setConsent(false),
    };
    for (const [who, take] of Object.entries(takeAway)) {
      await visit.page.evaluate(() => window.recommender.observe({ item: 'bag-ink', type: 'cart_add' }));
      await list({ k: 1 });
      await eventually(isKept, (kept) => kept);
      await visit.page.evaluate(take);
      await eventually(isKept, (kept) => !kept).catch((cause) => assert.fail(`${who}: ${cause.message}`));
    }
    await visit.page.evaluate(() => window.recommender.observe({ item: 'bag-ink', type: 'cart_add' }));
    assert.equal((await list({ k: 1 })).length, 1, 'in memory it goes on');
    assert.equal(await isKept(), false);
  });

  test('rules and placement reach the engine; rules it cannot read are done without, and told', async () => {
    const serveRules = (rules) => visit.context.route('**/rules.json', (route) => route.fulfill({ json: rules }));
    await serveRules({ version: 1, placements: { home: { pin: [{ item: 'hat-grey', pos: 2 }] } } });
    await create({ package: '/vitrine/model/', rules: '/rules.json' });
    await visit.page.evaluate(() => window.recommender.observe({ item: 'bag-ink', type: 'cart_add' }));
    await untilTier(2);
    const rows = await list({ k: 3, placement: 'home' });
    assert.deepEqual([rows[1].item, rows[1].rules], ['hat-grey', ['pin']]);
    assert.equal(rows[0].rules, undefined);
    assert.notEqual((await list({ k: 3, placement: 'cart' }))[1].item, 'hat-grey');
    assert.equal((await list({ k: 3, placement: 'home', cart: ['hat-grey'] })).some((row) => row.rules), false);

    await visit.context.unroute('**/rules.json');
    await serveRules({ version: 7 });
    await create({ package: '/packages/films/', rules: '/rules.json' });
    await untilTier(2);
    const { fallback } = await visit.page.evaluate(() => window.recommender.info());
    assert.deepEqual([fallback.code, /version 7/.test(fallback.message)], ['bad_request', true]);
    assert.equal((await list({ k: 3, seed: '1' })).length, 3);
  });
});
