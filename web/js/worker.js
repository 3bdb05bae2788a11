// Who computes? A module worker that holds the engine, so that the page never waits for it.
//
// Requests are answered strictly one after another: the engine is a single stateful object.
// Only the bundle that is needed is downloaded; a GPU that fails is replaced by the CPU, at the start
// and at any later request.

import { chooseDevice } from './device.js';
import { VitrineError, toErrorRecord } from './protocol.js';

/** A GPU engine that neither loads bytes nor answers for so long has hung: a lost device never rejects. */
const GPU_SILENCE_MS = 60_000;

/** @type {any} */
let engine = null;
/** @type {import('./protocol.js').EngineInfo | null} */
let info = null;
/** @type {Map<string, import('./protocol.js').Item>} */
let itemById = new Map();
let packageUrl = '';

/** When the engine last gave a sign of life. */
let heard_ms = 0;
/** Ends the wait for an engine that has trapped. @type {((error: Error) => void) | null} */
let onTrap = null;

let queue = Promise.resolve();
self.addEventListener('message', ({ data }) => {
  queue = queue.then(() => respond(data));
});

/** @param {import('./protocol.js').Request} request */
async function respond(request) {
  try {
    const value = await answer(request);
    self.postMessage({ id: request.id, kind: 'result', value });
  } catch (cause) {
    self.postMessage({ id: request.id, kind: 'error', error: toErrorRecord(cause) });
  }
}

/** @param {import('./protocol.js').Request} request */
async function answer(request) {
  if (request.kind === 'open') return open(request);
  if (!engine) throw new VitrineError('bad_request', `${request.kind} came before open`);
  switch (request.kind) {
    case 'recommend':
      return recommend(request);
    case 'interactions':
      return engine.interactions(request.events);
    case 'catalog':
      return [...itemById.values()];
    case 'info':
      return info;
    default:
      throw new VitrineError('bad_request', 'a request of an unknown kind');
  }
}

/** @param {Extract<import('./protocol.js').Request, {kind: "open"}>} request */
async function open(request) {
  packageUrl = request.package;
  /** @param {number} loaded_bytes @param {number} total_bytes */
  const onProgress = (loaded_bytes, total_bytes) => {
    heard_ms = performance.now();
    self.postMessage({ id: request.id, kind: 'progress', loaded_bytes, total_bytes });
  };
  let fallback;
  try {
    if ((await chooseDevice(request.device, gpu(), readRecipe)) === 'gpu') {
      return adopt(await openOnGpu(onProgress), 'gpu');
    }
  } catch (cause) {
    fallback = toErrorRecord(cause);
    // The CPU engine would fetch the same package in vain.
    if (fallback.code.startsWith('package_')) throw cause;
  }
  return adopt(await watched(openBundle('cpu', onProgress)), 'cpu', fallback);
}

/** @param {(loaded: number, total: number) => void} onProgress */
async function openOnGpu(onProgress) {
  const candidate = await watched(openBundle('gpu', onProgress), GPU_SILENCE_MS);
  // Drivers miscompute silently; the package knows what the answers must be.
  const { passed, max_error } = await watched(candidate.self_test(), GPU_SILENCE_MS);
  if (!passed) {
    candidate.free?.();
    throw new VitrineError('engine_failed', `the GPU self-test is off by ${max_error}`);
  }
  return candidate;
}

/**
 * @param {"cpu" | "gpu"} device
 * @param {(loaded: number, total: number) => void} onProgress
 */
async function openBundle(device, onProgress) {
  const bundle = await import(new URL(`${device}/web.js`, import.meta.url).href);
  await bundle.default({ module_or_path: new URL(`${device}/web_bg.wasm`, import.meta.url) });
  return bundle.Recommender.open(packageUrl, device, onProgress);
}

/**
 * @param {any} opened
 * @param {"cpu" | "gpu"} device
 * @param {import('./protocol.js').ErrorRecord} [fallback]
 */
function adopt(opened, device, fallback) {
  engine = opened;
  itemById = new Map(engine.catalog().map((/** @type {any} */ { tokens, ...item }) => [item.id, item]));
  info = { ...engine.info(), device, tier: device === 'gpu' ? 3 : 2, ...(fallback && { fallback }) };
  return info;
}

/** @param {Extract<import('./protocol.js').Request, {kind: "recommend"}>} request */
async function recommend({ events, options }) {
  let ranked;
  try {
    const silence_ms = info?.device === 'gpu' ? GPU_SILENCE_MS : Infinity;
    ranked = await watched(engine.recommend(events, options), silence_ms);
  } catch (cause) {
    const error = toErrorRecord(cause);
    if (info?.device !== 'gpu' || error.code === 'bad_request') throw cause;
    // A lost GPU device stays lost: the CPU answers from here on.
    adopt(await watched(openBundle('cpu', () => {})), 'cpu', error);
    ranked = await watched(engine.recommend(events, options));
  }
  return {
    info,
    // The few items that the page draws travel with their ids, so that it needs no catalogue.
    recommendations: ranked.map((/** @type {{item: string, score: number}} */ { item, score }) => ({
      item,
      score,
      details: itemById.get(item),
    })),
  };
}

/** The recipe decides about the device before any engine is there to read the manifest. */
async function readRecipe() {
  let response;
  try {
    response = await fetch(new URL('manifest.json', packageUrl));
  } catch (cause) {
    throw new VitrineError('package_unreachable', `manifest.json: ${cause}`);
  }
  if (!response.ok) throw new VitrineError('package_unreachable', `manifest.json: status ${response.status}`);
  try {
    return (await response.json()).recipe;
  } catch {
    throw new VitrineError('package_corrupt', 'manifest.json is not JSON');
  }
}

function gpu() {
  return /** @type {any} */ (navigator).gpu;
}

/**
 * Waits for the engine, but not for one that is dead: a panic in wasm surfaces as an error of the whole
 * worker and leaves its promise open, and a lost GPU device says nothing at all.
 *
 * @template T
 * @param {Promise<T>} work
 * @param {number} [silence_ms]
 * @returns {Promise<T>}
 */
function watched(work, silence_ms = Infinity) {
  heard_ms = performance.now();
  let timer = 0;
  /** @type {Promise<never>} */
  const failure = new Promise((_, reject) => {
    onTrap = reject;
    timer = setInterval(() => {
      if (performance.now() - heard_ms < silence_ms) return;
      reject(new VitrineError('engine_failed', `the engine was silent for ${silence_ms / 1000} s`));
    }, 1000);
  });
  return Promise.race([work, failure]).finally(() => {
    clearInterval(timer);
    onTrap = null;
  });
}

self.addEventListener('error', (event) => {
  event.preventDefault();
  onTrap?.(new VitrineError('engine_failed', event.message));
});
self.addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  onTrap?.(new VitrineError('engine_failed', String(event.reason?.message ?? event.reason)));
});
