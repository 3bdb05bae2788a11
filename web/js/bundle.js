// How does a bundle start? Its code and its constructors, once for every engine that is wanted.

/** @type {Map<string, Promise<{Recommender: any, memory: WebAssembly.Memory | undefined}>>} */
const started = new Map();

/**
 * Loads the wasm bundle of a device; the same one for everybody who asks.
 *
 * burn sets a GPU up once per wasm module, so that one whose device was lost is of no more use: another `life` is a
 * module of its own from the same files (a fragment tells them apart and is not sent).
 *
 * @param {"cpu" | "gpu"} device
 * @param {number} [life]
 */
export function startBundle(device, life = 0) {
  const address = new URL(`${device}/web.js${life ? `#${life}` : ''}`, import.meta.url).href;
  if (!started.has(address)) {
    const start = load(address, device);
    started.set(address, start);
    // What failed once, the network perhaps, may succeed another time.
    start.catch(() => started.delete(address));
  }
  return /** @type {Promise<{Recommender: any, memory: WebAssembly.Memory | undefined}>} */ (started.get(address));
}

/**
 * @param {string} address
 * @param {"cpu" | "gpu"} device
 */
async function load(address, device) {
  const bundle = await import(address);
  const module = await bundle.default({ module_or_path: new URL(`${device}/web_bg.wasm`, import.meta.url) });
  // CubeCL registers its instructions in constructors. The linker would call all of them at every call into the module,
  // so that the build leaves them to us.
  module?.__wasm_call_ctors?.();
  return { ...bundle, memory: module?.memory };
}
