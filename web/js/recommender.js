// How does a shop's script speak to Vitrine? One recommender per package: the history of the recorder, a worker that ranks.
//
// Nothing in this file sends anything: the worker fetches the package, and only that.

import { VitrineError, toError } from './protocol.js';
import { recorder } from './recorder.js';
import { WorkerClient } from './worker-client.js';

/**
 * @typedef {import('./protocol.js').HistoryEvent} HistoryEvent
 * @typedef {import('./protocol.js').EngineInfo} EngineInfo
 * @typedef {import('./protocol.js').Recommendation} Recommendation
 * @typedef {import('./protocol.js').Options} Options
 */

/** What could not be opened is not asked for again before this. */
const RETRY_MS = 30_000;

/** @type {Map<string, Recommender>} */
const recommenders = new Map();

/**
 * The recommender of a package; the same object for everyone on the page, so that there is one worker.
 * The first caller chooses device, rules and catalogue. A later caller that names `consent` changes it for all; `events`
 * of all callers are accepted.
 *
 * `rules` is the address of `rules.json`; `catalog` that of the shop's own list of items: for content rules without a
 * package, and for what came after its export.
 * `consent`: true or "granted" stores the history, false or "denied" erases it and keeps what comes in memory, else the
 * name of what knows (`none`, `tcf`, `google`, `shopify`).
 *
 * @param {{package?: string | URL, device?: "auto" | "cpu" | "gpu", consent?: boolean | string, events?: string[],
 *   rules?: string | URL, catalog?: string | URL}} options
 * @returns {Recommender}
 */
export function createRecommender({ package: folder, device = 'auto', consent, events = [], rules, catalog }) {
  const opening = { device, package: absolute(folder, '/'), catalog: absolute(catalog), rules: absolute(rules) };
  const key = opening.package ?? opening.catalog;
  if (!key) throw new VitrineError('bad_request', 'neither package nor catalog');
  // What the page shows is observed where the page says so; here it is only listened to.
  recorder.start({ watch: false, events, consent });
  const known = recommenders.get(key);
  if (known) return known;
  const recommender = new Recommender(opening);
  recommenders.set(key, recommender);
  return recommender;
}

/**
 * @fires change `{kind}` when the history changed, in this tab or another
 * @fires progress `{loaded_bytes, total_bytes}` while the package loads
 * @fires engine its info, when another tier or engine answers from here on
 */
export class Recommender extends EventTarget {
  #opening;
  /** @type {WorkerClient | null} */
  #worker = null;
  /** @type {Promise<EngineInfo> | null} */
  #opened = null;
  /** @type {Promise<void> | undefined} */
  #introduced;
  /** What erasing goes on doing after the history is gone. @type {Promise<unknown>} */
  #erased = Promise.resolve();

  /** @param {import('./protocol.js').Opening} opening */
  constructor(opening) {
    super();
    this.#opening = opening;
    recorder.addEventListener('change', (event) => this.#onChange(/** @type {CustomEvent} */ (event).detail));
  }

  /** Accepts events of these types too. @param {string[]} types */
  accept(types) {
    recorder.start({ watch: false, events: types });
  }

  /**
   * Remembers what the visitor did. `ts` defaults to now.
   *
   * @param {{item: string, type: string, ts?: number} & Record<string, unknown>} event
   */
  observe(event) {
    return recorder.observe(event);
  }

  /** Every event that is remembered, oldest first. @returns {Promise<HistoryEvent[]>} */
  async events() {
    return recorder.events();
  }

  /** Does the history survive this page? Without consent, or where storage is refused, it does not. */
  isPersistent() {
    return recorder.isPersistent();
  }

  /** All that is known about the visitor, to take away. */
  export() {
    return recorder.export();
  }

  /** Forgets the visitor: what was done, and what the engine read of it. */
  async erase() {
    await recorder.erase();
    await this.#erased;
  }

  /**
   * Consent given: what was held in memory is stored. Consent withdrawn: everything is erased.
   *
   * @param {boolean} consent
   */
  async setConsent(consent) {
    await recorder.setConsent(consent);
    await this.#erased;
  }

  /**
   * The best items for this visitor, best first. Dismissed items, and those in the cart, stay away.
   *
   * `seed` is the item that the visitor looks at just now, `cart` what is in the cart: they count as looked at and put
   * there, and are neither remembered nor recommended. `placement` chooses among the shop's rules; `shown` are items
   * that the page shows elsewhere.
   *
   * @param {Partial<Options>} [options]
   * @returns {Promise<Recommendation[]>}
   */
  async recommend(options) {
    return (await this.answer(options)).recommendations;
  }

  /**
   * The same with what should stand in the place of an empty list: nothing (`isHidden`) instead of the shop's own; and the
   * experiment of the shop's rules that the visitor is in, or null.
   *
   * @param {Omit<import('./protocol.js').Asked, "now_ms">} [asked]
   * @returns {Promise<import('./protocol.js').Answer>}
   */
  async answer(asked) {
    await this.open();
    // Lists of a framework are proxies, which do not travel; and whoever changes them meanwhile has asked already.
    const options = JSON.parse(JSON.stringify({ ...asked, now_ms: Date.now() }));
    const { info, hasStrangers, ...answer } = await this.#ask('recommend', { events: await this.events(), options });
    this.#opened = Promise.resolve(info);
    if (hasStrangers) this.#introduce();
    return answer;
  }

  /**
   * How these items rank for this visitor, best first. What may not be shown is left out.
   *
   * @param {string[]} candidates
   * @param {Partial<Options>} [options]
   */
  async score(candidates, options = {}) {
    return candidates.length === 0 ? [] : this.recommend({ ...options, k: candidates.length, candidates });
  }

  /**
   * Why an item would be recommended: what the visitor did with an item that is much like it, or null.
   *
   * @param {string} item
   * @param {Partial<Options>} [options]  those that the recommendation was asked with
   * @returns {Promise<import('./protocol.js').Reason | null>}
   */
  async explain(item, options = {}) {
    const [answer] = await this.score([item], options);
    return answer?.reason ?? null;
  }

  /** What the answering tier makes of the history. @returns {Promise<import('./protocol.js').Interaction[]>} */
  async interactions() {
    await this.open();
    return this.#ask('interactions', { events: await this.events() });
  }

  /** Which tier and engine answers. @returns {Promise<EngineInfo>} */
  info() {
    return this.open();
  }

  /**
   * Which tier answers and why: adapter, self-test, what was measured, losses, memory.
   *
   * @returns {Promise<import('./protocol.js').Diagnostics>}
   */
  diagnostics() {
    return this.#ask('diagnostics');
  }

  /** @returns {Promise<import('./protocol.js').Item[]>} */
  catalog() {
    return this.#ask('catalog');
  }

  /** Loads what answers; every other request does so by itself. @returns {Promise<EngineInfo>} */
  open() {
    this.#opened ??= this.#start();
    return this.#opened;
  }

  /** What there was to draw is drawn: an engine may be compiled, which takes all cores. */
  drawn() {
    this.#worker?.ask('drawn').catch(() => {});
  }

  async #start() {
    try {
      this.#worker ??= new WorkerClient({ ...this.#opening, persistent: recorder.consent === 'granted' }, {
        onNews: (kind, detail) => {
          if (kind === 'engine') this.#opened = Promise.resolve(detail);
          this.dispatchEvent(new CustomEvent(kind, { detail }));
        },
        onEnd: () => setTimeout(() => (this.#opened = this.#worker = null), RETRY_MS),
      });
      return await this.#worker.open();
    } catch (cause) {
      // The worker goes on trying by itself, where that is of use.
      setTimeout(() => (this.#opened = null), RETRY_MS);
      throw toError(cause);
    }
  }

  /**
   * @param {"recommend" | "interactions" | "diagnostics" | "catalog"} kind
   * @param {Record<string, unknown>} [fields]
   * @returns {Promise<any>}
   */
  async #ask(kind, fields) {
    await this.open();
    return /** @type {WorkerClient} */ (this.#worker).ask(kind, fields);
  }

  /** The recorder learns the catalogue's other ids when there is need; the `change` of what it translates is a new question. */
  #introduce() {
    this.#introduced ??= this.catalog().then((items) => recorder.know(items)).catch(() => {});
  }

  /** @param {{kind: "added" | "erased" | "forgot" | "consent" | "paused"}} detail */
  #onChange(detail) {
    const isGone = detail.kind === 'erased' || detail.kind === 'forgot';
    if (isGone || detail.kind === 'consent') this.#erased = Promise.all([this.#erased, this.#follow(isGone)]);
    this.dispatchEvent(new CustomEvent('change', { detail }));
  }

  /** What the engine read of the history goes with it. A worker that is gone keeps nothing. @param {boolean} isGone */
  async #follow(isGone) {
    await (isGone ? this.#worker?.ask('forget') : this.#worker?.setPersistent(recorder.consent === 'granted'))?.catch(() => {});
  }
}

/**
 * @param {string | URL | undefined} address
 * @param {string} [end]  of its path, there or not
 */
function absolute(address, end = '') {
  if (!address) return undefined;
  try {
    const url = new URL(address, document.baseURI);
    if (!url.pathname.endsWith(end)) url.pathname += end;
    return url.href;
  } catch {
    throw new VitrineError('bad_request', `"${address}" is no address`);
  }
}
