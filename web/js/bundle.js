// How does a bundle start? Its code and its constructors, once for every engine that is wanted.

import { multipliesBytes } from './bytes.js';
import { refuse } from './network.js';

/** @typedef {{Recommender: any, memory: WebAssembly.Memory | undefined, isRelaxed: boolean}} Bundle */

/** @type {Map<string, Promise<Bundle>>} */
const started = new Map();
/** How often something did not load: a browser may remember that of an address. */
let failed = 0;

/**
 * Loads the wasm bundle of a device; the same one for everybody who asks.
 *
 * burn sets a GPU up once per wasm module, so that one whose device was lost is of no more use: another `life` is a
 * module of its own from the same files (a fragment tells them apart and is not sent).
 *
 * @param {"cpu" | "gpu"} device
 * @param {number} [life]
 * @param {Promise<void>} [calm]  when to compile it
 */
export function startBundle(device, life = 0, calm) {
  const name = `${device} ${life}`;
  if (!started.has(name)) {
    const start = load(device, life || failed ? `#${life}.${failed}` : '', calm);
    started.set(name, start);
    // What failed once, the network perhaps, may succeed another time.
    start.catch(() => {
      failed += 1;
      started.delete(name);
    });
  }
  return /** @type {Promise<Bundle>} */ (started.get(name));
}

/**
 * @param {"cpu" | "gpu"} device
 * @param {string} fragment
 * @param {Promise<void>} [calm]
 * @returns {Promise<Bundle>}
 */
async function load(device, fragment, calm) {
  const script = new URL(`${device}/web.js${fragment}`, import.meta.url).href;
  let isRelaxed = device === 'cpu' && multipliesBytes();
  const wasm = () => new URL(`${device}/web${isRelaxed ? '_relaxed' : ''}_bg.wasm`, import.meta.url).href;
  const loading = fetch(wasm()).then((response) => {
    if (!isRelaxed || response.status !== 404) return response;
    // A shop that copies its files by name may not know of this one.
    isRelaxed = false;
    return fetch(wasm());
  });
  loading.catch(() => {}); // told where it is waited for
  const bundle = await import(script).catch((cause) => refuse(cause, script));
  await calm;
  const exports = await bundle.default({ module_or_path: loading }).catch((/** @type {unknown} */ cause) => refuse(cause, wasm()));
  // CubeCL registers its instructions in constructors. The linker would call all of them at every call into the module,
  // so that the build leaves them to us.
  exports?.__wasm_call_ctors?.();
  return { ...bundle, memory: exports?.memory, isRelaxed };
}
