// wllama, llama.cpp for the browser, by the calls that its version 3 has.
//
// What its API permits: completions of a text, with the log-probability of each token that is generated. Version 3 took
// away `decode`, `getLogits` and the removal of cached tokens; a prompt has no log-probabilities, and `createSystemOne`
// (several questions about one state) wants a decision model. So a title is scored by generating it: a grammar lets
// nothing else through, and `n_probs` gives what the model itself thought of each token. The prompt's cache is kept
// (`cache_prompt`), so the history is read once and the first of 20 candidates pays for it; each token is one pass.
//
// Also tried: twenty slots at once (`n_parallel`), where each reads the history itself: nine times as long cold, the same
// warm; a request for each token, with a bias in place of the grammar: 1.6 times as long.

import { Wllama } from '/wllama/esm/index.min.js';
import { CANDIDATES, LEVEL, history, title } from './job.mjs';

/** Token t is called by one character: `export_gguf.py`. */
const text = (tokens) => String.fromCharCode(...tokens.map((token) => 0x4e00 + token));

/** Its worker is a module that shows nothing: one more line lets it say how much memory it holds. */
function letWorkersTell() {
  const { Blob } = globalThis;
  globalThis.Blob = class extends Blob {
    constructor(parts, options) {
      const isWorker = typeof parts?.[0] === 'string' && parts[0].includes('wModuleInit');
      super(isWorker ? [...parts, '\nglobalThis.heldBytes = () => Module.wasmMemory.buffer.byteLength;'] : parts, options);
    }
  };
}

export async function open(base) {
  letWorkersTell();
  const quiet = { debug() {}, log() {}, warn() {}, error: console.error };
  const engine = new Wllama({ default: '/wllama/esm/wasm/wllama.wasm' }, { logger: quiet, suppressNativeLog: true });
  const model = await (await fetch(`${base}/q8_0.gguf`)).blob();
  await engine.loadModel([model], { n_ctx: 512, n_threads: 1, n_gpu_layers: 0, n_parallel: 1, seed: 1 });
  return engine;
}

/** Summed log-probabilities of the candidates' titles. */
export async function score(engine, items, tokens) {
  const prompt = text([...history(items, tokens), LEVEL]);
  const sums = [];
  for (const item of CANDIDATES) {
    const words = title(item, tokens);
    const { choices: [{ logprobs }] } = await engine.createCompletion({
      prompt, max_tokens: words.length + 1, grammar: `root ::= "${text(words)}"`,
      cache_prompt: true, logprobs: 1, n_probs: 1, samplers: ['top_k'], top_k: 1,
    });
    if (logprobs.content.length !== words.length + 1) throw new Error(`title ${item} came out as ${JSON.stringify(logprobs.content)}`);
    sums.push(logprobs.content.reduce((sum, token) => sum + token.logprob, 0));
  }
  return sums;
}
