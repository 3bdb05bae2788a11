// Which devices are there? An adapter that is worth a try, its name, and a word when its device is lost.
//
// Apart from the engines so that the rule can be tested without any.

import { VitrineError } from './protocol.js';

/**
 * The GPU bundle is large, so it is worth its download only where a real GPU meets a large model.
 * A compact model ranks the catalogue on the CPU in milliseconds.
 *
 * @param {"auto" | "cpu" | "gpu"} requested
 * @param {{requestAdapter(): Promise<any>} | undefined} gpu  `navigator.gpu`
 * @param {() => Promise<string>} readRecipe  asked only when the adapter would do
 * @returns {Promise<{device: "cpu" | "gpu", adapter: string, because: string}>}
 * @throws {VitrineError} `webgpu_unavailable` when the GPU is forced and there is none
 */
export async function chooseDevice(requested, gpu, readRecipe) {
  if (requested === 'cpu') return { device: 'cpu', adapter: '', because: 'asked for' };
  const found = await findAdapter(gpu);
  const adapter = nameOf(found);
  if (requested === 'gpu') {
    if (!found) throw new VitrineError('webgpu_unavailable', 'this browser offers no WebGPU adapter');
    return { device: 'gpu', adapter, because: 'asked for' };
  }
  if (!found) return { device: 'cpu', adapter, because: 'this browser offers no WebGPU adapter' };
  if (isFallback(found)) return { device: 'cpu', adapter, because: 'the only WebGPU adapter computes on the CPU' };
  // burn measures its kernels with them and panics where they are missing.
  if (!found.features?.has('timestamp-query')) return { device: 'cpu', adapter, because: 'the GPU keeps no time stamps' };
  if ((await readRecipe()) === 'compact') return { device: 'cpu', adapter, because: 'a compact model' };
  return { device: 'gpu', adapter, because: 'not yet measured' };
}

/**
 * What tells one adapter from another; measurements of one say nothing about another.
 *
 * @param {any} adapter
 */
export function nameOf(adapter) {
  const { vendor = '', architecture = '', device = '', description = '' } = adapter?.info ?? {};
  return [vendor, architecture, device, description].filter(Boolean).join(' ');
}

/**
 * Says when a GPU device is lost, whoever requested it: burn does not.
 *
 * @param {() => number} life  of the device that is requested at this moment
 * @param {(life: number, reason: string) => void} onLoss
 */
export function watchDevices(life, onLoss) {
  const prototype = /** @type {any} */ (globalThis).GPUAdapter?.prototype;
  if (!prototype) return;
  const { requestDevice } = prototype;
  prototype.requestDevice = async function (/** @type {any[]} */ ...words) {
    const mine = life();
    const device = await requestDevice.apply(this, words);
    device.lost.then(({ reason, message }) => onLoss(mine, message || reason));
    return device;
  };
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
