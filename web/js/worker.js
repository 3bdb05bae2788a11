// Who computes? A module worker that holds all tiers, so that the page never waits for them.
//
// Requests are answered strictly one after another: an engine is a single stateful object.

import { watchDevices } from './device.js';
import { Engines } from './engines.js';
import { watchNetwork } from './network.js';
import { checkedOptions, isForNobody } from './options.js';
import { VitrineError, toErrorRecord } from './protocol.js';
import { Tiers } from './tiers.js';

/** @typedef {import('./protocol.js').Request} Request */

/** @type {Promise<unknown>} */
let queue = Promise.resolve();
/** @template T @param {() => Promise<T>} job @returns {Promise<T>} */
function inQueue(job) {
  const done = queue.then(job);
  queue = done.catch(() => {});
  return done;
}

/** @type {import('./protocol.js').Answer} */
const NOTHING = { recommendations: [], isHidden: false, experiment: null };

/** @param {import('./protocol.js').Response} response */
const tell = (response) => self.postMessage(response);

watchNetwork();
const { gpu, connection } = /** @type {any} */ (navigator);
const engines = new Engines({
  gpu,
  inQueue,
  isSaving: connection?.saveData === true,
  onProgress: (loaded_bytes, total_bytes) => tell({ id: 0, kind: 'progress', value: { loaded_bytes, total_bytes } }),
  onChange: () => tiers.engineChanged(),
});
const tiers = new Tiers({ engines, onChange: (value) => tell({ id: 0, kind: 'engine', value }) });
watchDevices(() => engines.life, (life, reason) => engines.lost(life, reason));

self.addEventListener('message', ({ data }) => {
  if (data.kind === 'ping') tell({ id: 0, kind: 'alive' });
  else inQueue(() => respond(data));
});

/** @param {Request} request */
async function respond(request) {
  try {
    const value = await answer(request);
    tell({ id: request.id, kind: 'result', value });
  } catch (cause) {
    tell({ id: request.id, kind: 'error', error: toErrorRecord(cause) });
  }
}

/** @param {Request} request */
async function answer(request) {
  switch (request.kind) {
    case 'open':
      // The first number that a process puts into words costs it 25 ms for tables; the page, which has prices to show, finds
      // them read. Only now: what is fetched has been asked for.
      setTimeout(() => (0).toLocaleString());
      return tiers.open(request);
    case 'forget':
      return tiers.forget();
    case 'drawn':
      return tiers.drawn();
    case 'persist':
      return tiers.setPersistent(request.persistent);
  }
  if (!tiers.isOpen) throw new VitrineError('bad_request', `${request.kind} came before open`);
  switch (request.kind) {
    case 'recommend': {
      const { events, options: asked } = request;
      const { options, mistake } = checkedOptions(asked, events);
      const answer = isForNobody(asked, options, events) ? NOTHING : await tiers.recommend(events, options);
      const recommendations = answer.recommendations.map((each) => ({ ...each, details: withUrl(each.details, asked.itemUrl) }));
      // The tier may have changed on the way.
      return { info: tiers.info(), ...answer, recommendations, mistake, hasStrangers: tiers.hasStrangers(events) };
    }
    case 'interactions':
      return tiers.interactions(request.events);
    case 'catalog':
      return tiers.catalog();
    case 'diagnostics':
      return tiers.diagnostics();
    default:
      throw new VitrineError('bad_request', 'a request of an unknown kind');
  }
}

/** @param {import('./protocol.js').Item} item @param {string | null} [pattern]  for those without an address of their own */
function withUrl(item, pattern) {
  return item.url || !pattern ? item : { ...item, url: pattern.replaceAll('{id}', () => encodeURIComponent(item.id)) };
}

self.addEventListener('error', (event) => {
  event.preventDefault();
  engines.trapped(event.message, `${event.filename} ${event.error?.stack}`);
});
self.addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  engines.trapped(String(event.reason?.message ?? event.reason), String(event.reason?.stack));
});
