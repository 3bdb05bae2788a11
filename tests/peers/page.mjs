// The scoring jobs in one page: our bundle and onnxruntime-web on the same weights, one thread each.

import * as ort from '/ort/ort.wasm.min.mjs';

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = '/ort/';

const RUNS = 11;
// Both compile what runs often a second time, better.
const WARM_UP = 10;
export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Titles of `random_package`. */
function title(item, tokens) {
  const mixed = (item * 48_271) % 2_147_483_647;
  const [low, high] = [mixed % 4_099, Math.floor(mixed / 4_099)];
  return Array.from({ length: 4 + (item % 7) }, (_, i) => 11 + ((low * (i + 1) * 31 + high * (i * i + 7)) % (tokens - 11)));
}
const END = 1;
const LEVEL = 10;

/** What visitor number `who` met, oldest first: item numbers. */
const met = (who, count) => Array.from({ length: count }, (_, i) => who * 1000 + i * 3);
const events = (items) => items.map((item, i) => ({ item: `i${item}`, type: 'purchase', ts: Date.now() - (1000 - i) * 3_600_000 }));

/** Runs both in turn, so that a busy moment hits both alike; medians in milliseconds. */
async function inTurn(jobs) {
  const times = jobs.map(() => []);
  for (let run = 0; run < RUNS + WARM_UP; run += 1) {
    for (const [index, { prepare, job }] of jobs.entries()) {
      const input = await prepare(run);
      const began = performance.now();
      await job(input);
      if (run >= WARM_UP) times[index].push(performance.now() - began);
    }
  }
  return times.map(median);
}

const ints = (values, dims) => new ort.Tensor('int64', BigInt64Array.from(values.map(BigInt)), dims);
const floats = (values, dims) => new ort.Tensor('float32', values, dims);

/** Cosines, sines and bias of elements at `positions`, of which `sees(element, other)` says what they see. */
function places(positions, cached, sees, head) {
  const [count, half] = [positions.length, head / 2];
  const [cos, sin] = [new Float32Array(count * half), new Float32Array(count * half)];
  const bias = new Float32Array(count * (cached + count));
  for (let e = 0; e < count; e += 1) {
    for (let i = 0; i < half; i += 1) {
      const angle = positions[e] * 10_000 ** (-i / half);
      cos[e * half + i] = Math.cos(angle);
      sin[e * half + i] = Math.sin(angle);
    }
    for (let other = 0; other < count; other += 1) bias[e * (cached + count) + cached + other] = sees(e, other) ? 0 : -1e9;
  }
  return { cos: floats(cos, [count, half]), sin: floats(sin, [count, half]), bias: floats(bias, [count, cached + count]) };
}

/** Keys and values of the first `count` positions, as inputs of the next pass. */
function past(outputs, { layers, shared, head }, count) {
  const inputs = {};
  for (let layer = 0; layer < layers; layer += 1) {
    for (const kind of ['keys', 'values']) {
      const kept = new Float32Array(shared * count * head);
      if (outputs) {
        const { data, dims } = outputs[`${kind}_${layer}`];
        for (let k = 0; k < shared; k += 1) kept.set(data.subarray(k * dims[2] * head, (k * dims[2] + count) * head), k * count * head);
      }
      inputs[`past_${kind}_${layer}`] = floats(kept, [1, shared, count, head]);
    }
  }
  return inputs;
}

async function sizes(base) {
  const config = await (await fetch(`${base}/hf/config.json`)).json();
  const { hidden_size: hidden, num_hidden_layers: layers, num_attention_heads: heads, num_key_value_heads: shared, vocab_size: tokens } = config;
  return { hidden, layers, heads, shared, tokens, head: hidden / heads };
}

async function open(base) {
  const bundle = await import('/vitrine/cpu/web.js');
  await bundle.default();
  const recommender = await bundle.Recommender.open(new URL(`${base}/package/`, location.href).href, 'cpu', () => {});
  const { passed, max_error: error } = await recommender.self_test();
  return { recommender, selfTest: { passed, error } };
}

const session = async (base, name) => ort.InferenceSession.create(`${base}/onnx/${name}.onnx`, { executionProviders: ['wasm'], graphOptimizationLevel: 'all' });

/** Text: a prompt of some 200 tokens, 20 candidates of 4 to 10. */
export async function text(base) {
  const size = await sizes(base);
  const { tokens, head } = size;
  const { recommender, selfTest } = await open(base);
  const [q8, f32] = [await session(base, 'q8'), await session(base, 'f32')];
  const EVENTS = 22;
  const candidates = Array.from({ length: 20 }, (_, i) => i);
  const history = (items) => items.flatMap((item) => [LEVEL, ...title(item, tokens), END]);

  /** One pass of theirs: new history, the question, candidates as blocks that do not see each other. */
  function feeds(known, read, asked, cache) {
    const ids = [...read];
    const blocks = read.map(() => -1);
    const positions = read.map((_, i) => known + i);
    const [rows, picks] = [[ids.length], []];
    ids.push(LEVEL);
    blocks.push(0);
    positions.push(known + read.length);
    for (const [block, item] of asked.entries()) {
      const words = title(item, tokens);
      picks.push([0, words[0]]);
      for (const [i, word] of words.entries()) {
        picks.push([rows.length, words[i + 1] ?? END]);
        rows.push(ids.length);
        ids.push(word);
        blocks.push(block + 1);
        positions.push(known + read.length + 1 + i);
      }
    }
    if (picks.length === 0) picks.push([0, END]);
    const sees = (e, other) => other <= e && (blocks[other] === -1 || blocks[other] === 0 || blocks[other] === blocks[e]) && (blocks[e] !== -1 || blocks[other] === -1);
    return {
      ids: ints(ids, [1, ids.length]), ...places(positions, known, sees, head), rows: ints(rows, [rows.length]),
      pick_rows: ints(picks.flat(), [picks.length, 2]), ...cache,
    };
  }
  const visitor = (run) => met(run % 2, EVENTS);
  const empty = past(null, size, 0);
  const ask = (items, list) => recommender.recommend(events(items), { k: 20, candidates: list.map((item) => `i${item}`) });

  // The history alone, then with the candidates behind it: their best way of answering a cold question is the better of
  // one call for all and two.
  const [ours, one, two] = await inTurn([
    { prepare: (run) => visitor(run), job: (items) => ask(items, candidates) },
    { prepare: (run) => feeds(0, history(visitor(run)), candidates, empty), job: (input) => q8.run(input) },
    { prepare: (run) => feeds(0, history(visitor(run)), [], empty), job: (input) => q8.run(input) },
  ]);
  const read = await q8.run(feeds(0, history(visitor(0)), [], empty));
  const known = history(visitor(0)).length;
  const cache = past(read, size, known);
  const [oursWarm, theirsWarm] = await inTurn([
    { prepare: () => ask(visitor(0), []), job: () => ask(visitor(0), candidates) },
    { prepare: () => feeds(known, [], candidates, cache), job: (input) => q8.run(input) },
  ]);
  const next = history(met(0, EVENTS + 1)).slice(known);
  const [oursAppend, theirsAppend] = await inTurn([
    { prepare: () => ask(visitor(0), []), job: () => ask(met(0, EVENTS + 1), []) },
    { prepare: () => feeds(known, next, [], cache), job: (input) => q8.run(input) },
  ]);

  // How wrong are the summed log-probabilities, against f32?
  const sums = (picks) => {
    let at = 0;
    return candidates.map((item) => picks.slice(at, at += title(item, tokens).length + 1).reduce((sum, pick) => sum + pick, 0));
  };
  const exact = sums([...(await f32.run(feeds(0, history(visitor(0)), candidates, empty))).picks.data]);
  const theirs = sums([...(await q8.run(feeds(0, history(visitor(0)), candidates, empty))).picks.data]);
  const list = await ask(visitor(0), candidates);
  const mine = candidates.map((item) => list.find((row) => row.item === `i${item}`).score);
  const worst = (scores) => Math.max(...scores.map((score, i) => Math.abs(score - exact[i])));
  return {
    selfTest, prefix: known + 1, appended: next.length + 1,
    cold: { ours, theirs: Math.min(one, two + theirsWarm) }, warm: { ours: oursWarm, theirs: theirsWarm },
    append: { ours: oursAppend, theirs: theirsAppend }, error: { ours: worst(mine), theirs: worst(theirs) },
  };
}

/** Text: the ten best of a whole catalogue, by following its titles. */
export async function catalogue(base) {
  const { recommender } = await open(base);
  const ask = (count) => recommender.recommend(events(met(0, count)), { k: 10 });
  const [time] = await inTurn([{ prepare: () => ask(21), job: () => ask(22) }]);
  return time;
}

/** Compact: one more event and the ten best of all items, exactly. */
export async function compact(base) {
  const size = await sizes(base);
  const { head } = size;
  const { recommender, selfTest } = await open(base);
  const q8 = await session(base, 'q8');
  const EVENTS = 49;
  const position = (items, i) => ({ item: items[i - 1] ?? 0, intensity: i > 0 ? 9 : 0, asked: 9, gap: i > 1 ? 7 : 0, is_met: i > 0 ? 1 : 0 });
  /** Positions `from` to the one that answers. */
  function feeds(items, from, cache) {
    const all = Array.from({ length: items.length + 1 - from }, (_, i) => position(items, from + i));
    const of = (name) => ints(all.map((each) => each[name]), [1, all.length]);
    const [positions, sees] = [all.map((_, i) => from + i), (e, other) => other <= e];
    return {
      item: of('item'), intensity: of('intensity'), asked: of('asked'), gap: of('gap'),
      is_met: floats(Float32Array.from(all, (each) => each.is_met), [1, all.length, 1]),
      ...places(positions, from, sees, head), rows: ints([all.length - 1], [1]), ...cache,
    };
  }
  const empty = past(null, size, 0);
  const [before, after] = [met(0, EVENTS - 1), met(0, EVENTS)];
  const ask = (items) => recommender.recommend(events(items), { k: 10 });
  const [oursAll, theirsAll] = await inTurn([
    { prepare: (run) => met(run % 2, EVENTS), job: ask },
    { prepare: (run) => feeds(met(run % 2, EVENTS), 0, empty), job: (input) => q8.run(input) },
  ]);
  // Their cache holds what is settled: all but the position whose question was open.
  const cache = past(await q8.run(feeds(before, 0, empty)), size, EVENTS - 1);
  const [ours, theirs] = await inTurn([
    { prepare: () => ask(before), job: () => ask(after) },
    { prepare: () => feeds(after, EVENTS - 1, cache), job: (input) => q8.run(input) },
  ]);
  return { selfTest, anew: { ours: oursAll, theirs: theirsAll }, append: { ours, theirs } };
}
