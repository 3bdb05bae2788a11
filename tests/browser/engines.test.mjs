// Does the right engine answer? The rule by itself, with engines whose speed and health are made up.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engines } from '../../web/js/engines.js';

const ADAPTER = { features: new Set(['timestamp-query']), info: { vendor: 'acme', architecture: 'a1' } };
const EVENTS = [{ item: 'a', type: 'view', ts: 0 }];

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
async function until(isTrue) {
  for (let waited_ms = 0; waited_ms < 3000; waited_ms += 5) {
    if (isTrue()) return;
    await sleep(5);
  }
  assert.fail('it never came to that');
}

/** An engine that needs so long, or does what it is told to. */
function engine(device, { ms = 1, list = [{ item: device, score: -1, rules: [] }], fails, passes = true, refuses, fingerprint = 'f1' } = {}) {
  const told = [];
  return {
    told,
    isFreed: false,
    free() { this.isFreed = true; },
    set_rules: (text) => {
      if (refuses && JSON.parse(text).version === 7) throw { code: 'bad_request', message: refuses };
      told.push(text);
    },
    self_test: async () => ({ passed: passes, max_error: passes ? 0 : 1 }),
    catalog: () => [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
    info: () => ({ recipe: 'text', context: 4, fingerprint }),
    recommend: async () => {
      await sleep(ms);
      if (fails) throw new Error(fails);
      return { rows: list };
    },
  };
}

/** What two pages of one visitor share. */
function storage() {
  const kept = new Map();
  return {
    kept,
    recall: async (name) => kept.get(name),
    keep: async (name, value) => { kept.set(name, value); },
    drop: async (name) => { kept.delete(name); },
  };
}

/** An open set of engines, `auto` unless said otherwise, and what happened to it. */
async function opened({ cpu = {}, gpu = {}, device = 'auto', kept = storage(), adapter = ADAPTER, persistent = true, isSaving = false, rules } = {}) {
  globalThis.fetch = async () => Response.json({ recipe: 'text' });
  const log = { started: [], changes: [], kept: kept.kept, engines: [] };
  const behaviour = { cpu, gpu };
  let queue = Promise.resolve();
  const engines = new Engines({
    gpu: { requestAdapter: async () => adapter },
    inQueue: (job) => {
      const done = queue.then(job);
      queue = done.catch(() => {});
      return done;
    },
    onProgress: () => {},
    onChange: (info) => log.changes.push(info.device),
    start: async (name, life = 0) => {
      log.started.push(name === 'gpu' ? `gpu ${life}` : name);
      const what = behaviour[name];
      if (what.absent) throw new Error('no bundle');
      const made = engine(name, what);
      log.engines.push(made);
      return { Recommender: { open: async () => made } };
    },
    kept,
    isSaving,
    // Late enough for what is asserted right after an answer.
    improveAfter_ms: 20,
  });
  const info = await engines.open({ package: 'http://shop/model/', device, persistent, ...(rules && { rules }) });
  return { engines, log, info, behaviour };
}

const answer = async (engines) => (await engines.recommend(EVENTS, { k: 1 })).rows[0]?.item;

test('the CPU answers first; a GPU that is right and faster takes over, and is remembered', async () => {
  const kept = storage();
  const { engines, log, info } = await opened({ cpu: { ms: 20 }, gpu: { ms: 1 }, kept });
  assert.equal(info.device, 'cpu');
  assert.equal(await answer(engines), 'cpu');
  await until(() => log.changes.includes('gpu'));
  assert.equal(await answer(engines), 'gpu');
  const { decision, self_test } = engines.diagnostics();
  assert.ok(decision.gpu_ms < decision.cpu_ms && !decision.from_before, JSON.stringify(decision));
  assert.deepEqual(self_test, { passed: true, max_error: 0 });

  // On the next page nothing is timed: with these times the race would end otherwise.
  const next = await opened({ cpu: { ms: 1 }, gpu: { ms: 20 }, kept });
  await until(() => next.log.changes.includes('gpu'));
  assert.ok(next.engines.diagnostics().decision.from_before);
  // Another adapter is another matter.
  const other = await opened({ cpu: { ms: 1 }, gpu: { ms: 20 }, kept, adapter: { ...ADAPTER, info: { vendor: 'other' } } });
  await until(() => other.engines.diagnostics().decision.gpu_ms);
  assert.equal(other.engines.diagnostics().device, 'cpu');
});

test('a GPU that is slower is left, and not loaded again', async () => {
  const kept = storage();
  const { engines, log } = await opened({ cpu: { ms: 2 }, gpu: { ms: 20 }, kept });
  await until(() => engines.diagnostics().decision.gpu_ms);
  assert.equal(await answer(engines), 'cpu');
  assert.deepEqual(log.changes, []);
  const next = await opened({ kept });
  await until(() => next.engines.diagnostics().decision.from_before);
  assert.deepEqual(next.log.started, ['cpu']);
});

test('a GPU that miscomputes, fails in the race or has no bundle is not used, and says why', async () => {
  for (const [gpu, message] of [[{ passes: false }, /self-test is off by 1/], [{ fails: 'boom' }, /boom/], [{ absent: true }, /no bundle/]]) {
    const { engines, log } = await opened({ cpu: { ms: 20 }, gpu });
    await until(() => engines.diagnostics().fallback);
    assert.match(engines.diagnostics().fallback.message, message);
    assert.equal(await answer(engines), 'cpu');
    assert.equal(log.kept.size, 0, 'bad luck is not remembered');
  }
});

test('a GPU without numbers, or one that fails, is replaced within the request', async () => {
  for (const broken of [{ list: [] }, { fails: 'validation error' }]) {
    const { engines, log, behaviour, info } = await opened({ device: 'gpu' });
    assert.equal(info.tier, 3);
    assert.equal(await answer(engines), 'gpu');
    Object.assign(behaviour.gpu, broken);
    const fresh = await opened({ device: 'gpu', gpu: broken });
    assert.equal(await answer(fresh.engines), 'cpu');
    assert.deepEqual(fresh.log.changes, ['cpu']);
    assert.deepEqual(log.started, ['gpu 0'], 'the CPU bundle is loaded only when it is needed');
  }
});

test('a lost device is answered for by the CPU and set up again in another life, but not for ever', async () => {
  const { engines, log } = await opened({ device: 'gpu', gpu: { ms: 50 } });
  const asked = answer(engines);
  await sleep(5);
  engines.lost(0, 'driver reset');
  assert.equal(await asked, 'cpu');
  assert.match(engines.diagnostics().fallback.message, /driver reset/);
  await until(() => log.changes.at(-1) === 'gpu');
  engines.lost(0, 'late news of the first');
  assert.equal(engines.diagnostics().gpu_losses, 1);
  // Between two requests, too.
  engines.lost(1, 'again');
  await until(() => log.changes.length === 4);
  engines.lost(2, 'once more');
  await until(() => log.changes.length === 5);
  await sleep(60);
  assert.deepEqual(log.changes, ['cpu', 'gpu', 'cpu', 'gpu', 'cpu']);
  assert.deepEqual(log.started, ['gpu 0', 'cpu', 'gpu 1', 'gpu 2']);
});

test('a package that was changed while the page was open brings no second engine in', async () => {
  const { engines, log } = await opened({ cpu: { ms: 20 }, gpu: { fingerprint: 'f2' } });
  await until(() => engines.diagnostics().fallback);
  assert.equal(engines.diagnostics().fallback.code, 'package_version');
  assert.equal(await answer(engines), 'cpu');
  assert.deepEqual(log.engines.map(({ isFreed }) => isFreed), [false, true]);

  // The CPU opens later where a GPU was asked for: with items that the page does not know it must not answer.
  const forced = await opened({ device: 'gpu', gpu: { fails: 'boom' }, cpu: { fingerprint: 'f2' } });
  await assert.rejects(answer(forced.engines), { code: 'package_version' });
  assert.ok(forced.log.engines[1].isFreed);
});

test('without consent nothing is kept; with a wish to save data nothing more is loaded', async () => {
  const { engines, log } = await opened({ cpu: { ms: 20 }, persistent: false });
  await until(() => log.changes.includes('gpu'));
  assert.equal(log.kept.size, 0);
  assert.equal(engines.diagnostics().decision.from_before, false);
  const saving = await opened({ isSaving: true });
  await sleep(60);
  assert.deepEqual(saving.log.started, ['cpu']);
});

test('every engine has the shop\'s rules before it answers; one that refuses them answers without, and says so', async () => {
  const { engines, log } = await opened({ cpu: { ms: 20 }, rules: Promise.resolve('{"version": 1}') });
  assert.equal(await answer(engines), 'cpu');
  await until(() => log.changes.includes('gpu'));
  assert.deepEqual(log.engines.map(({ told }) => told), [['{"version": 1}'], ['{"version": 1}']]);
  assert.equal(engines.info().fallback, undefined);

  const refusing = await opened({ device: 'cpu', cpu: { refuses: 'rules of version 7' }, rules: Promise.resolve('{"version": 7}') });
  assert.deepEqual(refusing.info.fallback, { code: 'bad_request', message: 'rules of version 7' });
  assert.equal(await answer(refusing.engines), 'cpu');

  assert.deepEqual(refusing.log.engines[0].told, ['{"version":1,"never_named":[],"placements":{"*":{"explain":true}}}'], 'and with the rest of them');
  await refusing.engines.setRules('{"version": 1}');
  assert.deepEqual([refusing.engines.areRulesRefused, refusing.engines.info().fallback], [false, undefined], 'rules that came later');

  const missing = await opened({ device: 'cpu', rules: Promise.resolve(undefined) });
  assert.deepEqual(missing.log.engines[0].told, [], 'what did not come is not told');
});
