// The scoring jobs in one page: our bundle and the others on the same weights, one thread each.

import { CANDIDATES, TEXT_EVENTS, events, history, inTurn, met, sizes, worst } from './job.mjs';
import { held } from './memory.mjs';
import * as onnxruntime from './onnxruntime.mjs';
import * as vitrine from './vitrine.mjs';

/** Text: a prompt of some 200 tokens, 20 candidates of 4 to 10. */
export async function text(base) {
  const [transformers, wllama] = [await import('./transformers.mjs'), await import('./wllama.mjs')];
  const size = await sizes(base);
  const recommender = await vitrine.open(base);
  const ort = await onnxruntime.runtime();
  const q8 = await ort.session(base, 'q8');
  const theirModel = await transformers.open(base);
  const engine = await wllama.open(base);
  const visitor = (run) => met(run, TEXT_EVENTS);
  const run = (input) => q8.run(input);

  const cold = await inTurn({
    vitrine: { prepare: visitor, job: (items) => vitrine.score(recommender, items) },
    // The history alone, then with the candidates behind it: their best way of answering a cold question is the better
    // of one call for all and two.
    onnxruntime: { prepare: (turn) => onnxruntime.coldFeeds(ort, size, visitor(turn)), job: run },
    history: { prepare: (turn) => onnxruntime.coldFeeds(ort, size, visitor(turn), []), job: run },
    transformers: { prepare: (turn) => transformers.inputs(visitor(turn), size.tokens), job: (input) => transformers.score(theirModel, input) },
    wllama: { prepare: visitor, job: (items) => wllama.score(engine, items, size.tokens) },
  });
  const { known, cache } = await onnxruntime.readHistory(ort, size, q8, visitor(0));
  const warmFeeds = () => onnxruntime.textFeeds(ort, size, known, [], CANDIDATES, cache);
  await wllama.score(engine, visitor(0), size.tokens);
  const warm = await inTurn({
    vitrine: { prepare: () => vitrine.score(recommender, visitor(0), []), job: () => vitrine.score(recommender, visitor(0)) },
    onnxruntime: { prepare: warmFeeds, job: run },
    wllama: { job: () => wllama.score(engine, visitor(0), size.tokens) },
  });
  const longer = met(0, TEXT_EVENTS + 1);
  const next = history(longer, size.tokens).slice(known);
  const append = await inTurn({
    vitrine: { prepare: () => vitrine.score(recommender, visitor(0), []), job: () => vitrine.score(recommender, longer, []) },
    onnxruntime: { prepare: () => onnxruntime.textFeeds(ort, size, known, next, [], cache), job: run },
  });
  const memory = held();

  const f32 = await ort.session(base, 'f32');
  const feeds = onnxruntime.coldFeeds(ort, size, visitor(0));
  const exact = await onnxruntime.sums(f32, feeds, size.tokens);
  const error = {
    vitrine: worst(await vitrine.sums(recommender, visitor(0)), exact),
    onnxruntime: worst(await onnxruntime.sums(q8, feeds, size.tokens), exact),
    transformers: worst(await transformers.score(theirModel, transformers.inputs(visitor(0), size.tokens)), exact),
    wllama: worst(await wllama.score(engine, visitor(0), size.tokens), exact),
  };
  return { cold, warm, append, error, memory, prefix: known + 1, appended: next.length + 1 };
}

/** Text on WebGPU, a small model: SwiftShader is a CPU. */
export async function gpu(base) {
  const transformers = await import('./transformers.mjs');
  const size = await sizes(base);
  const recommender = await vitrine.open(base, 'gpu');
  const ort = await onnxruntime.runtime('webgpu');
  // Weights of 32 bits; of 8 bits in blocks; of 8 bits as on the CPU, for which WebGPU has no products: these run on the
  // CPU in the middle of the pass.
  const sessions = {
    onnxruntime: await ort.session(base, 'f32'), onnxruntime_blocks: await ort.session(base, 'q8-blocks'), onnxruntime_mixed: await ort.session(base, 'q8'),
  };
  const theirModel = await transformers.open(base, 'webgpu');
  const visitor = (run) => met(run, TEXT_EVENTS);
  const { known, cache } = await onnxruntime.readHistory(ort, size, sessions.onnxruntime, visitor(0));
  const theirs = (prepare) => Object.fromEntries(Object.entries(sessions).map(([name, session]) =>
    // Only what is asked comes back from the GPU.
    [name, { prepare, job: (input) => session.run(input, ['picks']) }]));

  const cold = await inTurn({
    vitrine: { prepare: visitor, job: (items) => vitrine.score(recommender, items) },
    ...theirs((turn) => onnxruntime.coldFeeds(ort, size, visitor(turn))),
    transformers: { prepare: (turn) => transformers.inputs(visitor(turn), size.tokens), job: (input) => transformers.score(theirModel, input) },
  }, 1);
  const warm = await inTurn({
    vitrine: { prepare: () => vitrine.score(recommender, visitor(0), []), job: () => vitrine.score(recommender, visitor(0)) },
    ...theirs(() => onnxruntime.textFeeds(ort, size, known, [], CANDIDATES, cache)),
  }, 1);
  const memory = held();
  const feeds = onnxruntime.coldFeeds(ort, size, visitor(0));
  const exact = await onnxruntime.sums(await ort.session(base, 'f32', 'wasm'), feeds, size.tokens);
  const error = {
    vitrine: worst(await vitrine.sums(recommender, visitor(0)), exact),
    onnxruntime: worst(await onnxruntime.sums(sessions.onnxruntime, feeds, size.tokens), exact),
    onnxruntime_blocks: worst(await onnxruntime.sums(sessions.onnxruntime_blocks, feeds, size.tokens), exact),
    onnxruntime_mixed: worst(await onnxruntime.sums(sessions.onnxruntime_mixed, feeds, size.tokens), exact),
    transformers: worst(await transformers.score(theirModel, transformers.inputs(visitor(0), size.tokens)), exact),
  };
  return { cold, warm, error, memory, prefix: known + 1 };
}

/** Text: the ten best of a whole catalogue, by following its titles. */
export async function catalogue(base) {
  const recommender = await vitrine.open(base);
  const ask = (count) => recommender.recommend(events(met(0, count)), { k: 10 });
  return inTurn({ vitrine: { prepare: () => ask(21), job: () => ask(22) } });
}

/** Compact: one more event and the ten best of all items, exactly. */
export async function compact(base) {
  const size = await sizes(base);
  const recommender = await vitrine.open(base);
  const ort = await onnxruntime.runtime();
  const q8 = await ort.session(base, 'q8');
  const EVENTS = 49;
  const position = (items, i) => ({ item: items[i - 1] ?? 0, intensity: i > 0 ? 9 : 0, asked: 9, gap: i > 1 ? 7 : 0, is_met: i > 0 ? 1 : 0 });
  /** Positions `from` to the one that answers. */
  function feeds(items, from, cache) {
    const all = Array.from({ length: items.length + 1 - from }, (_, i) => position(items, from + i));
    const of = (name) => ort.ints(all.map((each) => each[name]), [1, all.length]);
    const [positions, sees] = [all.map((_, i) => from + i), (e, other) => other <= e];
    return {
      item: of('item'), intensity: of('intensity'), asked: of('asked'), gap: of('gap'),
      is_met: ort.floats(Float32Array.from(all, (each) => each.is_met), [1, all.length, 1]),
      ...onnxruntime.places(ort, positions, from, sees, size.head), rows: ort.ints([all.length - 1], [1]), ...cache,
    };
  }
  const empty = onnxruntime.past(ort, null, size, 0);
  const [before, after] = [met(0, EVENTS - 1), met(0, EVENTS)];
  const ask = (items) => recommender.recommend(events(items), { k: 10 });
  const run = (input) => q8.run(input);
  const anew = await inTurn({
    vitrine: { prepare: (turn) => met(turn, EVENTS), job: ask },
    onnxruntime: { prepare: (turn) => feeds(met(turn, EVENTS), 0, empty), job: run },
  });
  // Their cache holds what is settled: all but the position whose question was open.
  const cache = onnxruntime.past(ort, await q8.run(feeds(before, 0, empty)), size, EVENTS - 1);
  const append = await inTurn({
    vitrine: { prepare: () => ask(before), job: () => ask(after) },
    onnxruntime: { prepare: () => feeds(after, EVENTS - 1, cache), job: run },
  });
  // What an export gives without more work: weights of 32 bits, and a whole history for every question.
  const f32 = await ort.session(base, 'f32');
  const exported = await inTurn({
    vitrine: { prepare: () => ask(before), job: () => ask(after) },
    onnxruntime_exported: { prepare: () => feeds(after, 0, empty), job: (input) => f32.run(input) },
  });
  return { anew, append, exported };
}
