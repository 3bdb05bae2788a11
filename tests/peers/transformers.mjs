// transformers.js as its documentation leads one to use it: a model of a folder, a padded batch of whole sequences,
// logits of every position, log-softmax in the page.
//
// What its API permits: `model(inputs)` gives logits of all positions ("prefill scoring" in its source), and
// `generate` keeps a cache for the one sequence that grows. It has no call that scores continuations after a shared
// prefix, so each candidate reads the history again, whether it was read before or not.

import { AutoModelForCausalLM, Tensor, env } from '/transformers/dist/transformers.min.js';
import { CANDIDATES, END, LEVEL, history, title } from './job.mjs';
import { load } from './memory.mjs';

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = '/';
env.useBrowserCache = false;
env.useWasmCache = false;
env.backends.onnx.wasm.numThreads = 1;
env.backends.onnx.wasm.wasmPaths = '/transformers-ort/';

/** On the CPU q8 and on WebGPU f32: its defaults. */
export function open(base, device = 'wasm') {
  return load('transformers', () =>
    AutoModelForCausalLM.from_pretrained(`${base.slice(1)}/transformers`, { device, dtype: device === 'wasm' ? 'q8' : 'fp32' }));
}

const ints = (rows) => new Tensor('int64', BigInt64Array.from(rows.flat().map(BigInt)), [rows.length, rows[0].length]);

/** What its tokenizer would give for 20 texts. */
export function inputs(items, tokens) {
  const prefix = [...history(items, tokens), LEVEL];
  const rows = CANDIDATES.map((item) => [...prefix, ...title(item, tokens), END]);
  const longest = Math.max(...rows.map((row) => row.length));
  const padded = (row) => [...row, ...Array(longest - row.length).fill(0)];
  const batch = { input_ids: ints(rows.map(padded)), attention_mask: ints(rows.map((row) => padded(row.map(() => 1)))) };
  return { batch, rows, first: prefix.length };
}

/** Summed log-probabilities of the candidates' titles. */
export async function score(model, { batch, rows, first }) {
  const { logits } = await model(batch);
  const [, positions, tokens] = logits.dims;
  return rows.map((row, at) => {
    let sum = 0;
    for (let i = first; i < row.length; i += 1) {
      const begin = (at * positions + i - 1) * tokens;
      const values = logits.data.subarray(begin, begin + tokens);
      let [largest, total] = [-Infinity, 0];
      for (const value of values) largest = Math.max(largest, value);
      for (const value of values) total += Math.exp(value - largest);
      sum += values[row[i]] - largest - Math.log(total);
    }
    return sum;
  });
}
