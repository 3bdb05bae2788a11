// How does a shop's script speak to Vitrine? One recommender per package: history here, engine in a worker.
//
// Nothing in this file sends anything: the worker fetches the package, and only that.

import { History } from './history.js';
import { dropAll } from './keep.js';
import { VitrineError, toError } from './protocol.js';

/**
 * @typedef {import('./protocol.js').HistoryEvent} HistoryEvent
 * @typedef {import('./protocol.js').EngineInfo} EngineInfo
 * @typedef {import('./protocol.js').Recommendation} Recommendation
 */

/** What every package understands. Other types are refused, so that a typing error does not pass as silence; a shop
 * names those that its own signals know with `createRecommender({ events })`. */
const EVENT_TYPES = new Set([
  'impression', 'click', 'view', 'dwell', 'zoom', 'review', 'compare', 'share', 'search', 'list_view',
  'wishlist_add', 'wishlist_remove', 'cart_add', 'cart_remove', 'cart_view', 'checkout', 'purchase', 'return',
  'rate', 'dismiss', 'revisit', 'size_guide', 'variant', 'order_cancel',
]);

/** All that is ever kept of an event: whatever else a shop passes (names, addresses) is dropped on entry. */
const EVENT_FIELDS = [
  'item', 'type', 'ts', 'dwell_ms', 'depth', 'zoom', 'qty', 'rating', 'reason', 'list', 'pos', 'rec_id',
];

const DAY_MS = 24 * 60 * 60 * 1000;

/** A package that could not be opened is not asked for again before this. */
const RETRY_MS = 30_000;

/** @type {Map<string, Recommender>} */
const recommenders = new Map();

/**
 * The recommender of a package; the same object for everyone on the page, so that there is one worker.
 * The first caller chooses the device. A later caller that names `consent` changes it for all; `events` of all
 * callers are accepted.
 *
 * @param {{package: string | URL, device?: "auto" | "cpu" | "gpu", consent?: boolean, events?: string[]}} options
 * @returns {Recommender}
 */
export function createRecommender({ package: folder, device = 'auto', consent, events = [] }) {
  const url = new URL(folder, document.baseURI);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  const known = recommenders.get(url.href);
  if (known) {
    if (consent !== undefined) known.setConsent(consent);
    known.accept(events);
    return known;
  }
  const recommender = new Recommender(url.href, device, consent ?? true);
  recommender.accept(events);
  recommenders.set(url.href, recommender);
  return recommender;
}

/**
 * @fires change when the history changed, in this tab or another
 * @fires progress `{loaded_bytes, total_bytes}` while the package loads
 * @fires engine its info, when another engine answers from here on
 */
export class Recommender extends EventTarget {
  #packageUrl;
  #device;
  #consent;
  /** @type {Promise<History>} */
  #history;
  /** @type {Engine | null} */
  #engine = null;
  /** @type {Promise<EngineInfo> | null} */
  #opened = null;
  /** @type {EngineInfo | null} */
  #info = null;
  #otherTabs;
  #eventTypes = new Set(EVENT_TYPES);

  /**
   * @param {string} packageUrl
   * @param {"auto" | "cpu" | "gpu"} device
   * @param {boolean} consent
   */
  constructor(packageUrl, device, consent) {
    super();
    this.#packageUrl = packageUrl;
    this.#device = device;
    this.#consent = consent;
    this.#history = History.open({ persistent: consent });
    this.#otherTabs = globalThis.BroadcastChannel ? new BroadcastChannel('vitrine-history') : null;
    if (this.#otherTabs) {
      this.#otherTabs.onmessage = ({ data }) => {
        if (data === 'erased') this.#tell('forget');
        this.dispatchEvent(new Event('change'));
      };
    }
  }

  /** Accepts events of these types too. @param {string[]} types */
  accept(types) {
    for (const type of types) this.#eventTypes.add(type);
  }

  /**
   * Remembers what the visitor did. `ts` defaults to now.
   *
   * @param {{item: string, type: string, ts?: number} & Record<string, unknown>} event
   */
  async observe(event) {
    const kept = checkedEvent(event, this.#eventTypes);
    await (await this.#history).append(kept);
    this.#changed();
  }

  /** Every event that is remembered, oldest first. @returns {Promise<HistoryEvent[]>} */
  async events() {
    return (await this.#history).all();
  }

  /** Does the history survive this page? Without consent, or where storage is refused, it does not. */
  async isPersistent() {
    return (await this.#history).persistent;
  }

  /**
   * The best items for this visitor, best first. Dismissed items stay away.
   *
   * `seed` is the item that the visitor looks at just now: it counts as one more view, is not
   * remembered, and is not recommended.
   *
   * @param {{k?: number, candidates?: string[], exclude?: string[], seed?: string}} [options]
   * @returns {Promise<Recommendation[]>}
   */
  async recommend({ k = 10, candidates, exclude = [], seed } = {}) {
    if (!Number.isInteger(k) || k < 1) throw new VitrineError('bad_request', `k is ${k}, not a count`);
    const { filter_days } = await this.open();
    const events = await this.events();
    const now_ms = Date.now();
    const away = new Set(exclude);
    for (const { type, item, ts } of events) {
      if (ts > now_ms - (filter_days[type] ?? 0) * DAY_MS) away.add(item);
    }
    if (seed) {
      away.add(seed);
      events.push({ item: seed, type: 'view', ts: now_ms });
    }
    const options = { k, exclude: [...away], ...(candidates && { candidates }) };
    const { info, recommendations } = await this.#ask('recommend', { events, options });
    // The device may have changed on the way: a lost GPU is replaced by the CPU.
    this.#info = info;
    return recommendations;
  }

  /** What the model makes of the history. @returns {Promise<import('./protocol.js').Interaction[]>} */
  async interactions() {
    await this.open();
    return this.#ask('interactions', { events: await this.events() });
  }

  /** All that is known about the visitor, to take away. */
  async export() {
    return { format: 'vitrine-history', version: 1, exported_ms: Date.now(), events: await this.events() };
  }

  /** Forgets the visitor: what was done, and what the engine read of it. */
  async erase() {
    await (await this.#history).clear();
    // Told first: an engine that is still loading would keep the page waiting.
    this.#changed('erased');
    await this.#tell('forget');
    await dropAll();
  }

  /**
   * Consent given: what was held in memory is stored. Consent withdrawn: everything is erased.
   *
   * @param {boolean} consent
   */
  async setConsent(consent) {
    if (consent === this.#consent) return;
    this.#consent = consent;
    const before = this.#history;
    this.#history = (async () => {
      const former = await before;
      const held = consent ? await former.all() : [];
      await former.clear();
      const history = await History.open({ persistent: consent });
      for (const event of held) await history.append(event);
      return history;
    })();
    await this.#history;
    await this.#tell('persist', { persistent: consent });
    if (!consent) await dropAll();
    this.#changed(consent ? 'changed' : 'erased');
  }

  /** Which engine answers. @returns {Promise<EngineInfo>} */
  async info() {
    const opened = await this.open();
    return this.#info ?? opened;
  }

  /**
   * Which engine answers and why: adapter, self-test, what was measured, losses, memory.
   *
   * @returns {Promise<import('./protocol.js').Diagnostics>}
   */
  async diagnostics() {
    await this.open();
    return this.#ask('diagnostics', {});
  }

  /** @returns {Promise<import('./protocol.js').Item[]>} */
  async catalog() {
    await this.open();
    return this.#ask('catalog', {});
  }

  /** Loads the engine; every other request does so by itself. @returns {Promise<EngineInfo>} */
  open() {
    this.#opened ??= this.#start();
    return this.#opened;
  }

  async #start() {
    try {
      this.#engine = new Engine(
        (progress) => this.dispatchEvent(new CustomEvent('progress', { detail: progress })),
        (info) => {
          this.#info = info;
          this.dispatchEvent(new CustomEvent('engine', { detail: info }));
        },
      );
      const open = { package: this.#packageUrl, device: this.#device, persistent: this.#consent };
      this.#info = await this.#ask('open', open);
      return /** @type {EngineInfo} */ (this.#info);
    } catch (cause) {
      this.#engine?.close();
      setTimeout(() => (this.#opened = null), RETRY_MS);
      throw toError(cause);
    }
  }

  /**
   * @param {import('./protocol.js').Request["kind"]} kind
   * @param {Record<string, unknown>} fields
   * @returns {Promise<any>}
   */
  #ask(kind, fields) {
    return /** @type {Engine} */ (this.#engine).ask(kind, fields);
  }

  /** Asks what an engine that is not there need not hear. @param {"forget" | "persist"} kind */
  async #tell(kind, fields = {}) {
    // It may be on its way; one that failed has nothing to forget.
    if (this.#opened) await this.#opened.then(() => this.#ask(kind, fields)).catch(() => {});
  }

  /** @param {"changed" | "erased"} [what] */
  #changed(what = 'changed') {
    this.#otherTabs?.postMessage(what);
    this.dispatchEvent(new Event('change'));
  }
}

/** The worker, as promises. */
class Engine {
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
  #pending = new Map();
  #next = 1;
  #worker;

  /**
   * @param {(progress: {loaded_bytes: number, total_bytes: number}) => void} onProgress
   * @param {(info: EngineInfo) => void} onChange  another engine answers from here on
   */
  constructor(onProgress, onChange) {
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }) => {
      if (data.kind === 'progress') {
        onProgress({ loaded_bytes: data.loaded_bytes, total_bytes: data.total_bytes });
        return;
      }
      if (data.kind === 'engine') {
        onChange(data.value);
        return;
      }
      const pending = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if (data.kind === 'result') pending?.resolve(data.value);
      else pending?.reject(toError(data.error));
    };
    this.#worker.onerror = (event) => {
      // The worker handles its own errors; one that arrives here means that the script did not load.
      event.preventDefault();
      this.close(event.message || 'the worker did not start');
    };
  }

  /** @param {string} [reason] */
  close(reason = 'the worker was closed') {
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(new VitrineError('engine_failed', reason));
    this.#pending.clear();
  }

  /**
   * @param {string} kind
   * @param {Record<string, unknown>} fields
   * @returns {Promise<any>}
   */
  ask(kind, fields) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, kind, ...fields });
    });
  }
}

/**
 * @param {Record<string, any>} event
 * @param {Set<string>} types
 * @returns {HistoryEvent}
 */
function checkedEvent(event, types) {
  if (typeof event?.item !== 'string' || event.item === '') {
    throw new VitrineError('bad_request', 'an event names its item by a non-empty string');
  }
  if (!types.has(event.type)) {
    const remedy = 'a type of the shop\'s own is named in createRecommender({ events })';
    throw new VitrineError('bad_request', `${JSON.stringify(event.type)} is no event type; ${remedy}`);
  }
  /** @type {Record<string, unknown>} */
  const kept = { ...event, ts: event.ts ?? Date.now() };
  if (!Number.isSafeInteger(kept.ts)) {
    throw new VitrineError('bad_request', `ts is ${kept.ts}, not whole milliseconds`);
  }
  // What the engine reads as whole numbers; a page may well measure in fractions of a millisecond.
  for (const field of ['dwell_ms', 'qty']) {
    if (kept[field] === undefined) continue;
    if (!Number.isFinite(kept[field]) || kept[field] < 0) {
      throw new VitrineError('bad_request', `${field} is ${kept[field]}, not a count`);
    }
    kept[field] = Math.min(Math.round(/** @type {number} */ (kept[field])), 0xffffffff);
  }
  for (const field of ['depth', 'zoom']) {
    if (kept[field] !== undefined && !Number.isFinite(kept[field])) {
      throw new VitrineError('bad_request', `${field} is ${kept[field]}, not a number`);
    }
  }
  // The scale of a type of the shop's own is in its signals alone.
  const [least, most] = EVENT_TYPES.has(event.type) ? [1, 5] : [-1e6, 1e6];
  if (kept.rating !== undefined && !(/** @type {number} */ (kept.rating) >= least && /** @type {number} */ (kept.rating) <= most)) {
    throw new VitrineError('bad_request', `rating is ${kept.rating}, not ${least} to ${most}`);
  }
  if (kept.reason !== undefined) kept.reason = String(kept.reason);
  const fields = EVENT_FIELDS.filter((field) => kept[field] !== undefined);
  return /** @type {HistoryEvent} */ (Object.fromEntries(fields.map((field) => [field, kept[field]])));
}
