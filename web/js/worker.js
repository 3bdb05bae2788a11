// Who computes? A module worker that holds the engines, so that the page never waits for them.
//
// Requests are answered strictly one after another: an engine is a single stateful object.

import { watchDevices } from './device.js';
import { Engines } from './engines.js';
import { VitrineError, toErrorRecord } from './protocol.js';

/** @type {Map<string, import('./protocol.js').Item>} */
let itemById = new Map();
/** Of the request that opens. */
let opening = 0;

/** @type {Promise<unknown>} */
let queue = Promise.resolve();
/** @template T @param {() => Promise<T>} job @returns {Promise<T>} */
function inQueue(job) {
  const done = queue.then(job);
  queue = done.catch(() => {});
  return done;
}

const { gpu, connection } = /** @type {any} */ (navigator);
const engines = new Engines({
  gpu,
  inQueue,
  isSaving: connection?.saveData === true,
  onProgress: (loaded_bytes, total_bytes) => self.postMessage({ id: opening, kind: 'progress', loaded_bytes, total_bytes }),
  onChange: (value) => self.postMessage({ id: 0, kind: 'engine', value }),
});
watchDevices(() => engines.life, (life, reason) => engines.lost(life, reason));

self.addEventListener('message', ({ data }) => inQueue(() => respond(data)));

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
  if (!engines.isOpen) throw new VitrineError('bad_request', `${request.kind} came before open`);
  switch (request.kind) {
    case 'recommend':
      return recommend(request);
    case 'interactions':
      return engines.interactions(request.events);
    case 'catalog':
      return [...itemById.values()];
    case 'info':
      return engines.info();
    case 'diagnostics':
      return engines.diagnostics();
    case 'forget':
      return engines.forget();
    case 'persist':
      return engines.setPersistent(request.persistent);
    default:
      throw new VitrineError('bad_request', 'a request of an unknown kind');
  }
}

/** @param {Extract<import('./protocol.js').Request, {kind: "open"}>} request */
async function open(request) {
  opening = request.id;
  const info = await engines.open(request);
  itemById = new Map(engines.catalog().map((/** @type {any} */ { tokens, ...item }) => [item.id, item]));
  return info;
}

/** @param {Extract<import('./protocol.js').Request, {kind: "recommend"}>} request */
async function recommend({ events, options }) {
  const ranked = await engines.recommend(events, options);
  return {
    // The device may have changed on the way.
    info: engines.info(),
    // The few items that the page draws travel with their ids, so that it needs no catalogue.
    recommendations: ranked.map(({ item, score }) => ({ item, score, details: itemById.get(item) })),
  };
}

self.addEventListener('error', (event) => {
  event.preventDefault();
  engines.trapped(event.message, `${event.filename} ${event.error?.stack}`);
});
self.addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  engines.trapped(String(event.reason?.message ?? event.reason), String(event.reason?.stack));
});
