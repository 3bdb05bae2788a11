// How does a shop's script speak to Vitrine? One recommender per package: the history of the recorder, a worker that ranks.
//
// Nothing in this file sends anything: the worker fetches the package, and only that.

import { dropAll } from './keep.js';
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
 * `rules` is the address of `rules.json`; `catalog` that of a list of items, for content rules while there is no package.
 * `consent`: true or "granted" stores the history, false or "denied" keeps it in memory, else the name of what knows
 * (`none`, `tcf`, `google`, `shopify`).
 *
 * @param {{package?: string | URL, device?: "auto" | "cpu" | "gpu", consent?: boolean | string, events?: string[],
 *   rules?: string | URL, catalog?: string | URL}} options
 * @returns {Recommender}
 */
export function createRecommender({ package: folder, device = 'auto', consent, events = [], rules, catalog }) {
  const packageUrl = folder ? absolute(folder) : undefined;
  if (packageUrl && !packageUrl.pathname.endsWith('/')) packageUrl.pathname += '/';
  const catalogUrl = catalog ? absolute(catalog) : undefined;
  const key = (packageUrl ?? catalogUrl)?.href;
  if (!key) throw new VitrineError('bad_request', 'a recommender needs a package, or a catalog while there is none');
  // What the page shows is observed where the page says so; here it is only listened to.
  recorder.start({ watch: false, events, ...(consent !== undefined && { consent }) });
  const known = recommenders.get(key);
  if (known) return known;
  const recommender = new Recommender({
    device, ...(packageUrl && { package: packageUrl.href }), ...(catalogUrl && { catalog: catalogUrl.href }),
    ...(rules && { rules: absolute(rules).href }),
  });
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
  /** @type {EngineInfo | null} */
  #info = null;
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
   * The same with what should stand in the place of an empty list: nothing (`isHidden`) instead of the shop's own.
   *
   * @param {Partial<Options>} [options]
   * @returns {Promise<{recommendations: Recommendation[], isHidden: boolean}>}
   */
  async answer({ k = 10, candidates, exclude = [], seed, placement = '', cart = [], shown = [] } = {}) {
    if (!Number.isInteger(k) || k < 1) throw new VitrineError('bad_request', `k is ${k}, not a count`);
    await this.open();
    const options = { k, exclude, placement, cart, shown, now_ms: Date.now(), ...(seed && { seed }), ...(candidates && { candidates }) };
    const { info, hasStrangers, ...answer } = await this.#ask('recommend', { events: await this.events(), options });
    this.#info = info;
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
  async info() {
    const opened = await this.open();
    return this.#info ?? opened;
  }

  /**
   * Which tier answers and why: adapter, self-test, what was measured, losses, memory.
   *
   * @returns {Promise<import('./protocol.js').Diagnostics>}
   */
  async diagnostics() {
    await this.open();
    return this.#ask('diagnostics');
  }

  /** @returns {Promise<import('./protocol.js').Item[]>} */
  async catalog() {
    await this.open();
    return this.#ask('catalog');
  }

  /** Loads what answers; every other request does so by itself. @returns {Promise<EngineInfo>} */
  open() {
    this.#opened ??= this.#start();
    return this.#opened;
  }

  async #start() {
    this.#worker = null;
    try {
      const opening = { ...this.#opening, persistent: recorder.consent === 'granted' };
      this.#worker = new WorkerClient(opening, {
        onProgress: (progress) => this.dispatchEvent(new CustomEvent('progress', { detail: progress })),
        onInfo: (info) => {
          this.#info = info;
          this.dispatchEvent(new CustomEvent('engine', { detail: info }));
        },
        onEnd: () => this.#retryLater(),
      });
      this.#info = await this.#worker.open();
      return this.#info;
    } catch (cause) {
      if (this.#worker) this.#worker.close();
      else this.#retryLater();
      throw toError(cause);
    }
  }

  #retryLater() {
    setTimeout(() => (this.#opened = null), RETRY_MS);
  }

  /**
   * @param {"recommend" | "interactions" | "diagnostics" | "catalog" | "forget"} kind
   * @param {Record<string, unknown>} [fields]
   * @returns {Promise<any>}
   */
  #ask(kind, fields) {
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

  /** What the engine read of the history goes with it. @param {boolean} isGone */
  async #follow(isGone) {
    const persistent = recorder.consent === 'granted';
    // An engine that is on its way hears of it; one that failed has nothing to forget.
    await this.#opened
      ?.then(() => (isGone ? this.#ask('forget') : this.#worker?.setPersistent(persistent)))
      .catch(() => {});
    if (isGone || !persistent) await dropAll();
  }
}

/** @param {string | URL} address */
function absolute(address) {
  return new URL(address, document.baseURI);
}
