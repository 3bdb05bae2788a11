// Which engine may answer: the one on the CPU, or the one on the GPU?
//
// Apart from the worker so that the rule can be tested without one.

import { VitrineError } from './protocol.js';

/**
 * The GPU bundle is large, so it is worth its download only where a real GPU meets a large model.
 * A compact model ranks the catalogue on the CPU in milliseconds.
 *
 * @param {"auto" | "cpu" | "gpu"} requested
 * @param {{requestAdapter(): Promise<any>} | undefined} gpu  `navigator.gpu`
 * @param {() => Promise<string>} readRecipe  asked only when the adapter would do
 * @returns {Promise<"cpu" | "gpu">}
 * @throws {VitrineError} `webgpu_unavailable` when the GPU is forced and there is none
 */
export async function chooseDevice(requested, gpu, readRecipe) {
  if (requested === 'cpu') return 'cpu';
  const adapter = await findAdapter(gpu);
  if (requested === 'gpu') {
    if (!adapter) throw new VitrineError('webgpu_unavailable', 'this browser offers no WebGPU adapter');
    return 'gpu';
  }
  if (!adapter || isFallback(adapter)) return 'cpu';
  return (await readRecipe()) === 'compact' ? 'cpu' : 'gpu';
}

/** @param {{requestAdapter(): Promise<any>} | undefined} gpu */
async function findAdapter(gpu) {
  try {
    return (await gpu?.requestAdapter()) ?? null;
  } catch {
    return null;
  }
}

/**
 * A fallback adapter computes on the CPU, more slowly than the engine made for it.
 * The flag moved from the adapter to its info; browsers in use have either.
 */
function isFallback(/** @type {any} */ adapter) {
  return Boolean(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
}
