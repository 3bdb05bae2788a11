// onnxruntime-web by hand: the graph of export_onnx.py, a prefix cache, all candidates in one block-masked call.

import { CANDIDATES, END, LEVEL, history, title } from './job.mjs';
import { load } from './memory.mjs';

/** @param {'wasm' | 'webgpu'} provider */
export async function runtime(provider = 'wasm') {
  const ort = await import(`/ort/ort.${provider}.min.mjs`);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = '/ort/';
  const ints = (values, dims) => new ort.Tensor('int64', BigInt64Array.from(values.map(BigInt)), dims);
  const floats = (values, dims) => new ort.Tensor('float32', values, dims);
  const session = (base, name, on = provider) => load('onnxruntime', () =>
    ort.InferenceSession.create(`${base}/onnx/${name}.onnx`, { executionProviders: [on], graphOptimizationLevel: 'all', logSeverityLevel: 3 }));
  return { ints, floats, session };
}

/** Cosines, sines and bias of elements at `positions`, of which `sees(element, other)` says what they see. */
export function places({ floats }, positions, cached, sees, head) {
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
export function past({ floats }, outputs, { layers, shared, head }, count) {
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

/** One pass of a text model: `read` as more history, the question, `asked` as blocks that do not see each other. */
export function textFeeds(ort, { tokens, head }, known, read, asked, cache) {
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
    ids: ort.ints(ids, [1, ids.length]), ...places(ort, positions, known, sees, head), rows: ort.ints(rows, [rows.length]),
    pick_rows: ort.ints(picks.flat(), [picks.length, 2]), ...cache,
  };
}

/** Everything of visitor `items`, or what is left to do when the history is in `cache`. */
export const coldFeeds = (ort, size, items, asked = CANDIDATES) =>
  textFeeds(ort, size, 0, history(items, size.tokens), asked, past(ort, null, size, 0));

/** The history of `items`, read: how many tokens, and their cache. */
export async function readHistory(ort, size, session, items) {
  const known = history(items, size.tokens).length;
  return { known, cache: past(ort, await session.run(coldFeeds(ort, size, items, [])), size, known) };
}

/** Summed log-probabilities of the candidates' titles. */
export async function sums(session, feeds, tokens) {
  const { picks } = await session.run(feeds, ['picks']);
  let at = 0;
  return CANDIDATES.map((item) => picks.data.slice(at, at += title(item, tokens).length + 1).reduce((sum, pick) => sum + pick, 0));
}
