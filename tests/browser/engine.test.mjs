// Does the browser give what the trainer gives? Real bundles, real packages, native numbers beside them.
//
// Needs `web/dist` (cargo xtask wasm) and the trainer's binary; `cargo xtask test` makes both and names the
// binary in VITRINE_TRAINER.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { answered, launch, openPage, sayBytes, seen, shown } from './helper.mjs';
import { engineReady } from './mount.mjs';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const TRAINER = process.env.VITRINE_TRAINER ?? join(process.env.HOME, '.cache/vitrine/target/debug/trainer');
const HISTORY = 'Film 1 (1951):5, Film 3 (1953):4, Film 20 (1970):1';
const RECIPES = ['compact', 'text'];
const QUANTS = ['q8', 'q4'];

/** Scores of two devices: sums in another order, and states rounded or not, over the same packed weights. */
const TOLERANCE = 2e-3;
/** Where states are rounded to 8 bits: sums over a title of several tokens, some -20. */
const TOLERANCE_OF_BYTES = 1e-2;

let folder;
/** recipe and quantisation -> {url, stop, events, expected} */
const sites = {};

async function trainer(...words) {
  const { stdout } = await promisify(execFile)(TRAINER, words, { maxBuffer: 1 << 26 });
  return stdout;
}

/** 40 visitors who each walk along one of two shelves of 15 films. */
async function writeFilms(data) {
  await mkdir(data, { recursive: true });
  const films = Array.from({ length: 30 }, (_, i) => `${i + 1}|Film ${i + 1} (19${i + 51})|01-Jan-1995|||${'0|'.repeat(18)}0`);
  await writeFile(join(data, 'u.item'), `${films.join('\n')}\n`);
  const rows = [];
  for (let user = 1; user <= 40; user += 1) {
    for (let step = 0; step < 10; step += 1) {
      const film = 1 + 15 * (user % 2) + ((user + step) % 15);
      rows.push([user, film, step % 4 === 3 ? 2 : 5, 880_000_000 + step * 60].join('\t'));
    }
  }
  await writeFile(join(data, 'u.data'), `${rows.join('\n')}\n`);
}

/** The trainer's own server, on a free port, until the test ends. */
function serve(site) {
  const server = spawn(TRAINER, ['serve', site, '--port', '0', '--www', join(REPOSITORY, 'www'), '--bundle', join(REPOSITORY, 'web/dist')]);
  return new Promise((resolve, reject) => {
    server.stdout.once('data', (line) => resolve({ url: String(line).trim(), stop: () => server.kill() }));
    server.once('exit', (code) => reject(new Error(`trainer serve ended with ${code}`)));
  });
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-engine-'));
  const data = join(folder, 'data');
  await writeFilms(data);
  for (const recipe of RECIPES) {
    const config = join(folder, `${recipe}.toml`);
    await writeFile(config, `recipe = "${recipe}"
hidden_size = 32
heads = 2
layers = 1
tokens = 320
[sft]
batch_targets = 60
[sft.stage]
epochs = 6
[preference]
batch_rows = 8
max_examples = 40
[preference.stage]
epochs = 1
`);
    const run = join(folder, recipe);
    await trainer('train', config, '--data', data, '--out', run, '--quiet');
    for (const quant of QUANTS) {
      const site = join(folder, `${recipe}-${quant}-package`);
      await trainer('export', run, '--out', site, '--quant', quant);
      const { events, recommendations } = JSON.parse(await trainer('recommend', site, '--history', HISTORY, '--k', '10', '--json'));
      sites[`${recipe} ${quant}`] = { ...(await serve(site)), events, expected: recommendations, package: site };
    }
  }
});

after(async () => {
  for (const site of Object.values(sites)) site.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A browser that is gone after the test. */
async function browserFor(t, options) {
  const browser = await launch(options);
  t.after(() => browser.close());
  return browser;
}

/** Asks the bundle itself, without worker and element. */
function ask(page, device, events) {
  return page.evaluate(async ({ device, events }) => {
    const { startBundle } = await import('/vitrine/bundle.js');
    const bundle = await startBundle(device);
    try {
      const progress = [];
      const url = new URL('/vitrine/model/', location.href).href;
      const recommender = await bundle.Recommender.open(url, device, (loaded, total) => progress.push([loaded, total]));
      return {
        selfTest: await recommender.self_test(),
        info: recommender.info(),
        interactions: recommender.interactions(events),
        list: (await recommender.recommend(events, { k: 10 })).rows,
        none: (await recommender.recommend([], { k: 10 })).rows,
        progress: progress.at(-1),
      };
    } catch (error) {
      return { error };
    }
  }, { device, events });
}

/** Either module of the CPU is right in every browser; which is loaded is for `bytes.js` to say. */
const BUNDLES = [
  { name: 'cpu bundle', device: 'cpu', multipliesBytes: false, tolerance: TOLERANCE },
  { name: 'cpu bundle with relaxed SIMD', device: 'cpu', multipliesBytes: true, tolerance: TOLERANCE_OF_BYTES },
  { name: 'gpu bundle', device: 'gpu', multipliesBytes: false, tolerance: TOLERANCE },
];

for (const { name: bundle, device, multipliesBytes, tolerance } of BUNDLES) {
  describe(bundle, () => {
    let browser;
    before(async () => { browser = await launch({ gpu: device === 'gpu' }); });
    after(() => browser.close());

    for (const name of RECIPES.flatMap((recipe) => QUANTS.map((quant) => `${recipe} ${quant}`))) {
      test(`${name}: the ten items and scores of the trainer`, async () => {
        const { page, problems } = await openPage(browser);
        // Chromium says what is wrong with a shader in a warning.
        page.on('console', (message) => { if (message.type() === 'warning') problems.push(message.text()); });
        await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
        await sayBytes(page, multipliesBytes);
        const { url, events, expected } = sites[name];
        const loaded = page.waitForRequest(`**/${device}/web${multipliesBytes ? '_relaxed' : ''}_bg.wasm`);
        // A page of the shop's address without an element that would ask, too.
        await page.goto(`${url}/images/aurelle.svg`);
        const answer = await ask(page, device, events);
        assert.equal(answer.error, undefined, JSON.stringify(answer.error));
        await loaded;
        assert.ok(answer.selfTest.passed, `largest error ${answer.selfTest.max_error}`);
        assert.deepEqual(answer.list.map((row) => row.item), expected.map((row) => row.item));
        for (const [index, row] of answer.list.entries()) {
          assert.ok(Math.abs(row.score - expected[index].score) < tolerance, `${row.score} and ${expected[index].score}`);
        }
        assert.deepEqual(answer.none, []);
        assert.deepEqual(answer.interactions.map((row) => row.intensity), [1, 0.5, -1]);
        assert.equal(`${answer.info.recipe} ${answer.info.quantisation}`, name);
        assert.equal(answer.info.device, device);
        assert.equal(answer.progress[0], answer.progress[1]);
        assert.deepEqual(problems, [], 'no shader error and no exception');
        await page.context().close();
      });
    }
  });
}

test('a bundle is loaded at once, and compiled when the page is calm', async (t) => {
  const { page } = await openPage(await browserFor(t));
  await sayBytes(page, false);
  await page.goto(`${sites[`${RECIPES[0]} q8`].url}/images/aurelle.svg`);
  const log = await page.evaluate(async () => {
    const log = [];
    const { instantiateStreaming } = WebAssembly;
    WebAssembly.instantiateStreaming = (...args) => (log.push('compiled'), instantiateStreaming(...args));
    const { fetch } = window;
    window.fetch = (address) => fetch(address).finally(() => log.push(`loaded ${String(address).split('/').at(-1)}`));
    const { startBundle } = await import('/vitrine/bundle.js');
    let setCalm;
    const started = startBundle('cpu', 0, new Promise((resolve) => { setCalm = resolve; }));
    while (log.length === 0) await new Promise((resolve) => { setTimeout(resolve, 20); });
    await new Promise((resolve) => { setTimeout(resolve, 200); });
    log.push('calm');
    setCalm();
    const { Recommender } = await started;
    return [...log, typeof Recommender.open];
  });
  assert.deepEqual(log, ['loaded web_bg.wasm', 'calm', 'compiled', 'function']);
});

for (const recipe of RECIPES) {
  test(`${recipe}: a thousand answers in a row need no more memory`, async (t) => {
    const { page } = await openPage(await browserFor(t));
    const { url, events } = sites[`${recipe} q8`];
    await page.goto(`${url}/images/aurelle.svg`);
    const bytes = await page.evaluate(async (events) => {
      const { startBundle } = await import('/vitrine/bundle.js');
      const { memory, ...bundle } = await startBundle('cpu');
      const recommender = await bundle.Recommender.open(new URL('/vitrine/model/', location.href).href, 'cpu', () => {});
      const bytes = [];
      for (let answer = 0; answer < 1000; answer += 1) {
        // A visit goes on, is taken back, goes on: histories of one to three events in turn.
        const { rows } = await recommender.recommend(events.slice(0, 1 + (answer % events.length)), { k: 10 });
        if (rows.length === 0) throw new Error('no answer');
        if (answer === 99 || answer === 999) bytes.push(memory.buffer.byteLength);
      }
      return bytes;
    }, events);
    assert.equal(bytes[1], bytes[0]);
  });
}

/** The whole list of a package beside a catalogue of the shop's own. */
async function listBeside(context, recipe, catalogue) {
  const { page, problems } = await openPage(context);
  const { url, events } = sites[`${recipe} q8`];
  await page.route('**/catalogue-of-today.json', (route) => route.fulfill({ contentType: 'application/json', body: catalogue }));
  await page.goto(`${url}/images/aurelle.svg`);
  const answer = await page.evaluate(async (events) => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    const recommender = createRecommender({
      package: new URL('/vitrine/model/', location.href), catalog: '/catalogue-of-today.json', device: 'cpu', consent: true,
    });
    for (const event of events) await recommender.observe({ ...event, ts: Date.now() - 1000 });
    while ((await recommender.info()).tier === 1) await new Promise((resolve) => setTimeout(resolve, 50));
    return { info: await recommender.info(), list: await recommender.recommend({ k: 40 }), items: (await recommender.catalog()).length };
  }, events);
  assert.deepEqual(problems, []);
  await page.context().close();
  return answer;
}

for (const recipe of RECIPES) {
  test(`${recipe}: what the shop took in after the export is ranked by its text`, async (t) => {
    const browser = await browserFor(t);
    const items = [
      { id: 'later', title: 'Film 5 (1955)', available: true, price: 900 },
      { id: 'other', title: 'Größe ピンク 2024', available: true },
      { id: '5', title: 'Film 5 (1955)', available: true, price: 1100 },
    ];
    const before = await listBeside(browser, recipe, 'no catalogue');
    const { info, list, items: count } = await listBeside(browser, recipe, JSON.stringify(items));
    assert.deepEqual([info.tier, info.fallback, before.items, count], [2, undefined, 30, 32]);
    const byId = new Map(list.map((entry) => [entry.item, entry]));
    assert.equal(byId.size, before.list.length + 2);
    assert.ok(Number.isFinite(byId.get('other').score));
    assert.equal(byId.get('5').details.price, 1100);
    assert.equal(byId.get('later').details.price, 900);
    if (recipe === 'text') {
      // As likely as the one that it shares its title with, which is as likely as before.
      assert.ok(Math.abs(byId.get('later').score - byId.get('5').score) < TOLERANCE);
      assert.ok(Math.abs(before.list.find(({ item }) => item === '5').score - byId.get('5').score) < TOLERANCE);
    }
  });
}

test('a catalogue of the shop that cannot be read is told of, and the package answers', async (t) => {
  const { info, list, items } = await listBeside(await browserFor(t), 'compact', '[{"id": "later", "title": " "}]');
  assert.deepEqual([info.tier, info.fallback?.code, items], [2, 'bad_request', 30]);
  assert.match(info.fallback.message, /"later" has an empty title/);
  assert.ok(list.length > 0);
});

/** A page of the text package with a recommender of its own, and the answer to the history. */
async function visit(context, device) {
  const { page, problems, requests } = await openPage(context);
  const { url, events } = sites['text q8'];
  await page.goto(`${url}/images/aurelle.svg`);
  await page.evaluate(async ({ device, events }) => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    window.recommender = createRecommender({ package: new URL('/vitrine/model/', location.href), device, consent: true });
    window.engines = [];
    window.recommender.addEventListener('engine', ({ detail }) => window.engines.push(detail.device));
    if ((await window.recommender.events()).length === 0) {
      // What is older than half a year is not remembered.
      for (const event of events) await window.recommender.observe({ ...event, ts: Date.now() - 1000 });
    }
    // Tier 1 answers before the engine is there.
    while ((await window.recommender.info()).tier === 1) await new Promise((resolve) => setTimeout(resolve, 50));
    window.list = async () => (await window.recommender.recommend({ k: 5 })).map(({ item, score }) => ({ item, score }));
    window.saved = async () => {
      while ((await window.recommender.diagnostics()).snapshot.saved_bytes === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    };
  }, { device, events });
  return { page, problems, requests };
}

test('what was read of a history is read on after a reload, and gone when the visitor is forgotten', async (t) => {
  const context = await (await browserFor(t)).newContext();
  const first = await visit(context, 'cpu');
  const list = await first.page.evaluate(() => window.list());
  assert.equal(list.length, 5);
  await first.page.evaluate(() => window.saved());
  await first.page.close();

  const second = await visit(context, 'cpu');
  const again = await second.page.evaluate(() => window.list());
  assert.deepEqual(again.map(({ item }) => item), list.map(({ item }) => item));
  for (const [index, { score }] of again.entries()) assert.ok(Math.abs(score - list[index].score) < 5e-3);
  const { snapshot } = await second.page.evaluate(() => window.recommender.diagnostics());
  assert.ok(snapshot.restored >= 10, `only ${snapshot.restored} elements were known`);

  await second.page.evaluate(() => window.recommender.erase());
  const databases = await second.page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
  assert.ok(!databases.includes('vitrine-engine'), databases.join());
});

test('each file of the package is asked for once, by content rules and engine together', async (t) => {
  const { requests } = await visit(await browserFor(t), 'cpu');
  const names = requests.map((request) => new URL(request.url()).pathname).filter((path) => path.startsWith('/vitrine/model/'));
  assert.deepEqual(names.sort(), ['catalog.json', 'manifest.json', 'tokenizer.json', 'weights-000.bin'].map((name) => `/vitrine/model/${name}`));
});

test('the package is on its way while the bundle is', async (t) => {
  const context = await (await browserFor(t)).newContext();
  let letGo;
  const weights = new Promise((resolve) => { letGo = resolve; });
  await context.route('**/*_bg.wasm', async (route) => {
    await weights;
    await route.continue();
  });
  context.on('requestfinished', (request) => request.url().endsWith('/weights-000.bin') && letGo());
  const { page } = await visit(context, 'cpu');
  assert.equal((await page.evaluate(() => window.list())).length, 5);
});

test('without consent the engine keeps nothing', async (t) => {
  const { page } = await openPage(await browserFor(t));
  const { url, events } = sites['text q8'];
  await page.goto(`${url}/images/aurelle.svg`);
  const databases = await page.evaluate(async (events) => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    const recommender = createRecommender({ package: new URL('/vitrine/model/', location.href), device: 'cpu', consent: false });
    for (const event of events) await recommender.observe({ ...event, ts: Date.now() - 1000 });
    while ((await recommender.info()).tier === 1) await new Promise((resolve) => setTimeout(resolve, 50));
    if ((await recommender.recommend({ k: 5 })).length === 0) throw new Error('no answer');
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return indexedDB.databases();
  }, events);
  assert.deepEqual(databases, []);
});

test('a GPU device that is lost in the middle loses no request, and is set up again', async (t) => {
  const context = await (await browserFor(t, { gpu: true })).newContext();
  // A driver that crashes, as far as the page can tell.
  const crash = `const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (...words) { return (self.device = await requestDevice.apply(this, words)); };
    self.addEventListener('message', (event) => { if (event.data.kind === 'crash') { event.stopImmediatePropagation(); self.device.destroy(); } });\n`;
  await context.route('**/device.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${await response.text()}\nif (globalThis.GPUAdapter && !globalThis.document) { ${crash} }` });
  });
  // The page's own way to its worker is private; the worker hears this one, too.
  await context.addInitScript(() => {
    const { Worker: Real } = window;
    window.Worker = class extends Real { constructor(...words) { super(...words); window.crash = () => this.postMessage({ kind: 'crash' }); } };
  });
  const { page } = await visit(context, 'gpu');
  const before = await page.evaluate(() => window.list());
  assert.equal(before.length, 5);
  assert.equal((await page.evaluate(() => window.recommender.diagnostics())).device, 'gpu');
  // Asked, and lost before the answer can be there.
  const during = await page.evaluate(() => { const list = window.list(); window.crash(); return list; });
  assert.deepEqual(during.map(({ item }) => item), before.map(({ item }) => item));
  await page.evaluate(() => { window.crash(); });
  await page.waitForFunction(() => /cpu,gpu$/.test(window.engines.join()), undefined, { timeout: 60_000 });
  const after = await page.evaluate(() => window.list());
  assert.deepEqual(after.map(({ item }) => item), before.map(({ item }) => item));
  const { device, gpu_losses, self_test } = await page.evaluate(() => window.recommender.diagnostics());
  assert.equal(device, 'gpu');
  assert.ok(gpu_losses >= 1);
  assert.ok(self_test.passed);
});

test('events give the intensities of the table that the trainer is tested with', async (t) => {
  const { page } = await openPage(await browserFor(t));
  await page.goto(`${sites['compact q8'].url}/images/aurelle.svg`);
  const { catalog, cases } = JSON.parse(await readFile(join(REPOSITORY, 'tests/fixtures/signals.json'), 'utf8'));
  const answers = await page.evaluate(async ({ catalog, cases }) => {
    const { startBundle } = await import('/vitrine/bundle.js');
    const bundle = await startBundle('cpu');
    const file = JSON.stringify({ items: catalog.map((item) => ({ ...item, tokens: [] })) });
    return cases.map(({ signals, events }) => {
      try {
        return bundle.fold(file, signals && JSON.stringify(signals), events);
      } catch (error) {
        return { error };
      }
    });
  }, { catalog, cases });
  for (const [index, { name, expected, unknown_items = 0, unknown_types = {} }] of cases.entries()) {
    const { error, interactions } = answers[index];
    assert.equal(error, undefined, `${name}: ${JSON.stringify(error)}`);
    const places = (rows) => rows.map(({ item, time_ms }) => [item, time_ms]);
    assert.deepEqual(places(interactions), places(expected), name);
    for (const [row, { intensity }] of expected.entries()) {
      assert.ok(Math.abs(interactions[row].intensity - intensity) < 1e-5, `${name}: ${interactions[row].intensity}, not ${intensity}`);
    }
    assert.equal(answers[index].unknown_items, unknown_items, name);
    assert.deepEqual(answers[index].unknown_types, unknown_types, name);
  }
});

test('an event that cannot be read silences no other', async (t) => {
  const { page } = await openPage(await browserFor(t));
  await page.goto(`${sites['compact q8'].url}/images/aurelle.svg`);
  const [all, some] = await page.evaluate(async (items) => {
    const bundle = await (await import('/vitrine/bundle.js')).startBundle('cpu');
    const met = [{ item: '1', type: 'purchase', ts: 1_000, extra: [1] }, { item: '2', type: 'view', ts: 2_000, dwell_ms: undefined }];
    const bad = [null, undefined, 7, {}, { item: '3', type: 'view', ts: 'soon' }, { item: '3', type: 'view', ts: NaN }, { item: '3', type: 'view', ts: 3_000n }];
    const file = JSON.stringify({ items: items.map((id) => ({ id, title: id, tokens: [] })) });
    return [met, [...bad, met[0], ...bad, met[1]]].map((events) => bundle.fold(file, undefined, events).interactions);
  }, ['1', '2', '3']);
  assert.deepEqual(all.map((row) => row.item), ['1', '2']);
  assert.deepEqual(some, all);
});

test('a damaged package is refused by name, and content rules go on without it', async (t) => {
  const { page } = await openPage(await browserFor(t));
  const weights = await readFile(join(sites['compact q8'].package, 'weights-000.bin'));
  weights[100] ^= 1;
  await page.route('**/weights-000.bin', (route) => route.fulfill({ body: weights }));
  await page.goto(`${sites['compact q8'].url}/#/item/2`);
  const { detail } = await seen(page, 'vitrine-error');
  assert.equal(detail.code, 'package_corrupt');
  assert.match(detail.message, /weights-000\.bin/);
  const { tier, items } = await page.evaluate(() => document.querySelector('vitrine-recs').recommender.info());
  assert.deepEqual([tier, items], [1, 30]);
});

test('weights that a busy server refuses are asked for again, and the model answers on the same page', async (t) => {
  const { page, requests } = await openPage(await browserFor(t));
  let asked = 0;
  await page.route('**/weights-000.bin', (route) => ((asked += 1) > 1 ? route.continue() : route.fulfill({ status: 503 })));
  await page.goto(`${sites['compact q8'].url}/#/item/2`);
  const { detail } = await seen(page, 'vitrine-error');
  assert.equal(detail.code, 'package_unreachable');
  assert.match(detail.message, /weights-000\.bin: the server answered 503; it is tried again$/);
  await engineReady(page);
  assert.equal(asked, 2);
  assert.ok(requests.filter((request) => request.url().endsWith('.wasm')).length === 1, 'the bundle is there already');
});

test('a file that is longer than the manifest says is not read to its end', async (t) => {
  const { page } = await openPage(await browserFor(t));
  const { url, package: folder } = sites['compact q8'];
  const weights = await readFile(join(folder, 'weights-000.bin'));
  await page.route('**/weights-000.bin', (route) => route.fulfill({ body: Buffer.concat([weights, Buffer.alloc(1000)]) }));
  await page.goto(`${url}/#/item/2`);
  const { detail } = await seen(page, 'vitrine-error');
  assert.equal(detail.code, 'package_corrupt');
  assert.match(detail.message, /weights-000\.bin is longer than \d+ bytes/);
});

test('in the shop: an answer, kept over a reload, gone when forgotten; nothing leaves the page', async (t) => {
  const { page, requests, problems } = await openPage(await browserFor(t));
  const { url } = sites['compact q8'];
  const rate = (film, stars) => page.evaluate(async ({ film, stars }) => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    const recommender = createRecommender({ package: new URL('/vitrine/model/', location.href) });
    await recommender.setConsent(true);
    await recommender.observe({ item: film, type: 'rate', rating: stars, ts: Date.now() });
  }, { film, stars });

  await page.goto(url);
  await engineReady(page);
  assert.equal(await shown(page), null, 'without a history the shop\'s own list stands');
  await rate('1', 5);
  const first = await answered(page);
  const odd = await page.evaluate(async () => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    const recommender = createRecommender({ package: new URL('/vitrine/model/', location.href) });
    await recommender.observe({ item: '1', type: 'dwell', dwell_ms: 1234.5 });
    const codes = [];
    for (const event of [{ item: '1', type: 'rate', rating: 9 }, { item: '1', type: 'dwell', dwell_ms: NaN }]) {
      await recommender.observe(event).catch((error) => codes.push(error.code));
    }
    return { codes, list: await recommender.recommend({ k: 3 }) };
  });
  assert.deepEqual(odd.codes, ['bad_request', 'bad_request']);
  assert.equal(odd.list.length, 3, 'odd events silence nothing');
  assert.ok(!first.includes('1'), 'what was met is not shown again');
  await rate('25', 5);
  const second = await answered(page, (ids) => ids.join() !== first.join());
  assert.ok(!second.includes('25'));

  await page.reload();
  // The catalogue answers first, the model when it is there.
  await engineReady(page);
  await answered(page, (ids) => ids.join() === second.join());

  await page.evaluate(async () => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    await createRecommender({ package: new URL('/vitrine/model/', location.href) }).erase();
  });
  await page.reload();
  await engineReady(page);
  await page.waitForTimeout(500);
  assert.equal(await shown(page), null, 'nothing is left to answer from');

  for (const request of requests) {
    assert.equal(request.method(), 'GET');
    assert.ok(request.url().startsWith(url), request.url());
    assert.ok(!request.url().includes('?'), request.url());
    assert.equal(request.postData(), null);
  }
  assert.deepEqual(problems, []);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
});
