// Which tier answers? Content rules until an engine is there, and again when there is none any more.
//
// The catalogue alone is a fraction of a package, so that the page has a first answer while the rest is on its way.
// What holds on every tier is done here, once: what may not be shown, what the page's own item counts as, titles of reasons.

import { ownItems, packageItems } from './catalogue.js';
import { ContentRules } from './content-rules.js';
import * as keeper from './keep.js';
import { UNKNOWN, leastRules, neverNamed } from './least-rules.js';
import { isWebPage, passesAfter, pastCache, read, shareNoMore } from './network.js';
import { VitrineError, toErrorRecord } from './protocol.js';
import { FIRST_MS, Retries } from './retries.js';

/** Rules that do not come must not keep the answers waiting for ever; later nobody waits for them. */
const RULES_WAIT_MS = 5_000;
/** Nor must the shop's own list, where a package has one that will do. */
const LIST_WAIT_MS = 5_000;
/** Visitors are told apart in hundredths. */
const BUCKETS = 100;

/** What is said of a reason when the shop says nothing else. */
const REASONS = {
  viewed: 'Because you viewed {title}',
  saved: 'You saved {title}',
  cart: 'Goes with {title} in your cart',
  bought: 'Because you bought {title}',
  liked: 'Because you liked {title}',
};

/** How long the page may take to draw its first rows before an engine is compiled beside it. */
const DRAWING_MS = 500;
/** And how long it waits in any case: what the rows are drawn from may not come. */
const LOADING_MS = 2_000;

const DEVICES = ['auto', 'cpu', 'gpu'];

/** What is said of files that are of two exports. */
const MIXED = ['package_corrupt', 'package_version'];

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * @typedef {import('./protocol.js').Item} Item
 * @typedef {import('./protocol.js').HistoryEvent} HistoryEvent
 * @typedef {import('./protocol.js').EngineInfo} EngineInfo
 * @typedef {import('./protocol.js').ErrorRecord} ErrorRecord
 */

export class Tiers {
  #engines;
  #onChange;
  #kept;
  #first_ms;
  #list_ms;
  /** @type {import('./protocol.js').Opening} */
  #opening = { device: 'auto' };
  /** What may answer, once it is there: the engine, if there is a package, before content rules. @type {Retries[]} */
  #jobs = [];
  /** @type {ContentRules | null} */
  #content = null;
  /** @type {Map<string, Item>} */
  #itemById = new Map();
  /** Whether an engine is open and its catalogue known. */
  #isReady = false;
  /** Why an engine that was there answers no more. @type {ErrorRecord | undefined} */
  #failure;
  /** What the page knows of who answers, and why no better one. */
  #told = '';
  /** The shop's own items, while they are read. @type {Promise<Item[]> | undefined} */
  #own;
  /** What reads the shop's rules. @type {Retries | undefined} */
  #rules;
  /** Its first try, for which the answers wait. @type {Promise<void> | undefined} */
  #rulesTried;
  /** What came of it. @type {string | undefined} */
  #rulesText;
  /** Why there are no rules. @type {ErrorRecord | undefined} */
  #rulesError;
  /** What is wrong with the shop's own catalogue, or with some of it. @type {ErrorRecord | undefined} */
  #catalogError;
  /** What the page asked for that there is not. @type {ErrorRecord | undefined} */
  #mistake;
  /** Categories that no reason names; null when nobody knows. @type {string[] | null} */
  #neverNamed = [];
  /** Placements of which an experiment is made. @type {Set<string>} */
  #tried = new Set();
  /** Whether the package was asked for past the browser's cache: once is enough. */
  #isPastCache = false;
  #persistent = false;
  #setCalm = () => {};
  /** When an engine may be compiled, which takes all cores. @type {Promise<void>} */
  #calm = new Promise((resolve) => (this.#setCalm = resolve));
  /** @type {number | undefined} */
  #bucket;
  /** @type {import('./protocol.js').Diagnostics["took_ms"]} */
  #took_ms = {};

  /**
   * @param {{engines: import('./engines.js').Engines, onChange: (info: EngineInfo) => void, kept?: typeof keeper, first_ms?: number,
   *   list_ms?: number}} options
   *   `onChange` hears when another tier or engine answers from here on; the last three are for tests
   */
  constructor({ engines, onChange, kept = keeper, first_ms = FIRST_MS, list_ms = LIST_WAIT_MS }) {
    this.#engines = engines;
    this.#onChange = onChange;
    this.#kept = kept;
    this.#first_ms = first_ms;
    this.#list_ms = list_ms;
  }

  /**
   * As soon as anything can answer. What cannot be had yet is tried again; who asks once more makes it try at once.
   *
   * @param {import('./protocol.js').Opening} opening
   * @returns {Promise<EngineInfo>}
   */
  async open(opening) {
    if (this.isOpen) return this.info();
    if (this.#jobs.length === 0) {
      this.#opening = this.#checked(opening);
      this.#persistent = opening.persistent ?? false;
      setTimeout(this.#setCalm, LOADING_MS);
      const jobs = [() => this.#openEngine(), () => this.#openContent()];
      this.#jobs = jobs.slice(opening.package ? 0 : 1).map((job) => new Retries(job, this.#tell, this.#first_ms));
    }
    const running = this.#jobs.map((job) => job.run());
    await Promise.any(running).catch(({ errors }) => {
      throw errors[0];
    });
    this.#told = this.#state;
    for (const job of running) job.then(this.#tell, this.#tell);
    return this.info();
  }

  /** A device that there is not is none that was chosen. @param {import('./protocol.js').Opening} opening */
  #checked(opening) {
    const { device } = opening;
    if (DEVICES.includes(device)) return opening;
    this.#mistake = { code: 'bad_request', message: `device is "${device}", not ${DEVICES.join(', ')}; it is taken for auto` };
    return { ...opening, device: /** @type {const} */ ('auto') };
  }

  /** Can anything answer? */
  get isOpen() {
    return this.#itemById.size > 0;
  }

  /** Another engine answers from here on; even where the one before could not. */
  engineChanged() {
    if (!this.#isReady) return;
    this.#failure = undefined;
    this.#tell();
  }

  /** @returns {EngineInfo} */
  info() {
    const info = this.#hasEngine ? this.#engines.info() : this.#contentRules().info();
    // Content rules by themselves are no failure of anything.
    const unopened = this.#opening.package ? this.#jobs[0]?.failure : undefined;
    const fallback = this.#failure ?? unopened ?? info.fallback ?? this.#rulesError ?? this.#catalogError ?? this.#mistake;
    return { ...info, ...(fallback && { fallback }) };
  }

  catalog() {
    return [...this.#itemById.values()];
  }

  /** Does the history name items by ids that are not the catalogue's? @param {HistoryEvent[]} events */
  hasStrangers(events) {
    return events.some(({ item }) => !this.#itemById.has(item));
  }

  /** @param {HistoryEvent[]} events */
  interactions(events) {
    return this.#hasEngine ? this.#engines.interactions(events) : this.#contentRules().interactions(events);
  }

  /**
   * @param {HistoryEvent[]} events  oldest first
   * @param {import('./protocol.js').EngineOptions} options
   * @returns {Promise<import('./protocol.js').Answer>}
   */
  async recommend(events, options) {
    const start_ms = performance.now();
    const { rows, tier, fallback, experiment } = await this.#rank(events, options);
    this.#took_ms.answer = performance.now() - start_ms;
    const recommendations = rows.map(({ item, score, rules, reason }) => ({
      item,
      score,
      tier,
      // The few items that the page draws travel with their ids, so that it needs no catalogue.
      details: /** @type {Item} */ (this.#itemById.get(item)),
      ...(rules.length > 0 && { rules }),
      ...(reason && { reason: this.#withWords(reason) }),
    }));
    return { recommendations, isHidden: rows.length === 0 && fallback[0] === 'hide', experiment };
  }

  /** @param {{kind: import('./protocol.js').Reason["kind"], item: string}} reason @returns {import('./protocol.js').Reason} */
  #withWords(reason) {
    const title = this.#itemById.get(reason.item)?.title ?? '';
    return { ...reason, title, text: title && REASONS[reason.kind].replaceAll('{title}', () => title) };
  }

  /** The page has drawn what tier 1 gave it. */
  drawn() {
    this.#setCalm();
  }

  /** @returns {import('./protocol.js').Diagnostics} */
  diagnostics() {
    const { tier, fallback } = this.info();
    return { ...this.#engines.diagnostics(), tier, took_ms: { ...this.#took_ms }, requests: requests(), ...(fallback && { fallback }) };
  }

  /** Nothing of the visitor stays: what was written while the history went is taken away, too. */
  async forget() {
    this.#bucket = undefined;
    this.#engines.forget();
    await this.#kept.dropAll();
  }

  /** @param {boolean} persistent  whether there is consent to keep anything */
  async setPersistent(persistent) {
    this.#persistent = persistent;
    this.#engines.setPersistent(persistent);
    if (!persistent) await this.#kept.dropAll();
    else if (this.#bucket !== undefined) await this.#kept.keep(keeper.BUCKET, this.#bucket);
  }

  get #hasEngine() {
    return this.#isReady && !this.#failure;
  }

  get #state() {
    const { tier, fallback } = this.info();
    return `${tier} ${fallback?.message}`;
  }

  /** Says who answers, if that is news. Bound, because it is handed on. */
  #tell = () => {
    if (!this.isOpen || this.#told === this.#state) return;
    this.#told = this.#state;
    this.#onChange(this.info());
  };

  /** Made again when it is needed, of what the engine knew. */
  #contentRules() {
    return (this.#content ??= new ContentRules(this.catalog(), this.#neverNamed));
  }

  /**
   * @param {HistoryEvent[]} events
   * @param {import('./protocol.js').EngineOptions} options
   */
  async #rank(events, options) {
    const known = withCart(events, options);
    if (this.#hasEngine) {
      const asked = { ...options, exclude: this.#away(events, options), ...(await this.#experiment()) };
      try {
        const { rows, fallback, experiment = this.#noExperiment } = await this.#engines.recommend(withSeed(known, options), asked);
        return { rows, fallback, experiment, tier: this.#engines.info().tier };
      } catch (cause) {
        const error = toErrorRecord(cause);
        if (error.code === 'bad_request') throw cause;
        // An engine that trapped stays as it is; what is wrong with it would be wrong next time, too.
        this.#failure = error;
        this.#tell();
      }
    }
    // What an experiment leaves out, a hold-out perhaps all of it, is not to be seen until the engine comes that knows of it.
    const rows = this.#isWaitedFor(options) ? [] : this.#contentRules().recommend(known, { ...options, exclude: this.#away(events, options) });
    return { rows, fallback: [], experiment: this.#noExperiment, tier: /** @type {const} */ (1) };
  }

  /** Where the rules are not known, neither are their experiments. */
  get #noExperiment() {
    const isKnown = this.#opening.rules === undefined || (this.#rulesText !== undefined && !this.#engines.areRulesRefused);
    return isKnown ? null : UNKNOWN;
  }

  /** Does an experiment here need an engine that is on its way? @param {import('./protocol.js').EngineOptions} options */
  #isWaitedFor({ placement = '' }) {
    const [engine] = this.#jobs;
    return this.#tried.has(placement) && this.#opening.package !== undefined && !this.#isReady && !engine?.failure;
  }

  /**
   * What may not be shown, whichever tier answers.
   *
   * @param {HistoryEvent[]} events
   * @param {import('./protocol.js').EngineOptions} options
   */
  #away(events, { exclude = [], cart = [], shown = [], seed, now_ms }) {
    const { filter_days } = this.info();
    const dismissed = events.filter(({ type, ts }) => ts > now_ms - (filter_days[type] ?? 0) * DAY_MS);
    return [...new Set([...exclude, ...cart, ...shown, ...dismissed.map(({ item }) => item), ...(seed ? [seed] : [])])];
  }

  /** Chance decides once, and is remembered where that is allowed. */
  async #experiment() {
    if (this.#opening.rules === undefined) return {};
    if (this.#bucket === undefined) {
      const known = this.#persistent ? await this.#kept.recall(keeper.BUCKET) : undefined;
      this.#bucket = Number.isInteger(known) ? known : Math.floor(Math.random() * BUCKETS);
      if (this.#persistent && known === undefined) await this.#kept.keep(keeper.BUCKET, this.#bucket);
    }
    return { bucket: this.#bucket };
  }

  async #openEngine() {
    const start_ms = performance.now();
    const { package: folder = '', device } = this.#opening;
    const request = { package: folder, device, rules: this.#readRules(), catalog: this.#ownCatalogue(), calm: this.#calm };
    const open = () => this.#engines.open({ ...request, persistent: this.#persistent });
    try {
      await open().catch((cause) => {
        // The browser may have kept files of an export that was replaced since. A server that has none of it says so again.
        if (this.#isPastCache || !MIXED.includes(toErrorRecord(cause).code)) throw cause;
        this.#isPastCache = true;
        return pastCache(folder, open);
      });
    } catch (cause) {
      const manifest = new URL('manifest.json', folder).href;
      // An engine says only that it is no JSON.
      if (toErrorRecord(cause).code !== 'package_corrupt' || !isWebPage(manifest)) throw cause;
      throw new VitrineError('package_corrupt', `${manifest}: the server sent a web page`);
    } finally {
      // Next time there may be another package, and another catalogue.
      shareNoMore();
      this.#own = undefined;
    }
    // From here on its catalogue holds: it was checked against the manifest.
    this.#know(this.#engines.catalog());
    this.#isReady = true;
    this.#took_ms.engine = performance.now() - start_ms;
  }

  /** What the shop has today, if it says so: read once for engine and content rules. @returns {Promise<Item[]> | undefined} */
  #ownItems() {
    const { catalog } = this.#opening;
    if (catalog === undefined) return undefined;
    // What did not come is asked for by whoever tries next.
    this.#own ??= this.#readOwn(catalog).catch((cause) => {
      this.#own = undefined;
      throw cause;
    });
    return this.#own;
  }

  /**
   * The list, unless it is late. It is read to its end all the same: the browser has it for the next page, or for an engine
   * that is opened later.
   *
   * @template T
   * @param {Promise<T>} reading
   * @param {string} address
   * @returns {Promise<T>}
   */
  #inTime(reading, address) {
    // A code and words by which it is not taken for what is asked for once more.
    const late = new VitrineError('bad_request', `${address} did not come within ${this.#list_ms / 1000} s; the package's own is used`);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const end = new Promise((_, reject) => (timer = setTimeout(reject, this.#list_ms, late)));
    return Promise.race([reading, end]).finally(() => clearTimeout(timer));
  }

  /** @param {string} address */
  async #readOwn(address) {
    const reading = ownItems(address);
    const { items, mistake } = await (this.#opening.package ? this.#inTime(reading, address) : reading);
    this.#catalogError = mistake === undefined ? undefined : ofCatalogue(mistake);
    return items;
  }

  /**
   * The same as a package writes it: the engine knows then what came after the export. Without it the package has its own,
   * and the page is told why.
   */
  async #ownCatalogue() {
    try {
      const items = await this.#ownItems()?.catch((cause) => this.#askedOnceMore(cause));
      return items && JSON.stringify({ items });
    } catch (cause) {
      this.#catalogError = ofCatalogue(toErrorRecord(cause).message);
      this.#tell();
      return undefined;
    }
  }

  /** An engine is opened with what there is, and waits for no more than one pause. @param {unknown} cause */
  async #askedOnceMore(cause) {
    const after_ms = passesAfter(cause);
    if (after_ms === undefined || after_ms > this.#first_ms) throw cause;
    await new Promise((resolve) => setTimeout(resolve, this.#first_ms));
    return this.#ownItems();
  }

  /** @returns {Promise<Item[]>} */
  #contentItems() {
    const { package: folder } = this.#opening;
    const own = this.#ownItems();
    const ofPackage = () => packageItems(new URL('catalog.json', folder).href);
    if (!own) return ofPackage();
    return folder ? own.catch(ofPackage) : own;
  }

  async #openContent() {
    if (this.#isReady) return;
    const start_ms = performance.now();
    const [items] = await Promise.all([this.#contentItems(), this.#readRules()]).finally(() => setTimeout(this.#setCalm, DRAWING_MS));
    if (this.#isReady) return;
    this.#know(items);
    this.#contentRules();
    this.#took_ms.catalogue = performance.now() - start_ms;
  }

  /** @param {any[]} items */
  #know(items) {
    this.#itemById = new Map(items.map(({ tokens, ...item }) => [item.id, item]));
    this.#content = null;
  }

  /**
   * The shop's rules for the engine; content rules obey one of them, what may not be named, and leave experiments alone. What
   * did not come is tried again as all files are, and holds from then on.
   *
   * @returns {Promise<string | undefined>}
   */
  async #readRules() {
    const { rules } = this.#opening;
    if (rules === undefined) return undefined;
    this.#rules ??= new Retries(() => this.#fetchRules(rules), () => this.#rulesCame(), this.#first_ms);
    this.#rulesTried ??= this.#rules.run().catch(() => {});
    await this.#rulesTried;
    return this.#rulesText ?? leastRules();
  }

  /** @param {string} address */
  async #fetchRules(address) {
    try {
      const text = await read(address, this.#rulesTried ? {} : { signal: AbortSignal.timeout(RULES_WAIT_MS) });
      if (isWebPage(address)) throw new VitrineError('bad_request', `${address}: the server sent a web page`);
      this.#rulesError = undefined;
      this.#rulesText = text;
      const { experiments } = JSON.parse(text);
      this.#tried = new Set(Object.values(experiments ?? {}).map(({ placement }) => placement));
    } catch (cause) {
      // The engine says better what is wrong with rules that came.
      if (this.#rulesText !== undefined) return;
      this.#rulesError = { code: 'bad_request', message: `the shop's rules did not come: ${toErrorRecord(cause).message}` };
      throw cause;
    } finally {
      this.#neverNamed = neverNamed(this.#rulesText) ?? null;
      this.#content = null;
    }
  }

  /** A later try has ended. */
  async #rulesCame() {
    if (this.#rulesText !== undefined) await this.#engines.setRules(this.#rulesText);
    this.#tell();
  }
}

/** @param {string} message @returns {ErrorRecord} */
function ofCatalogue(message) {
  return { code: 'bad_request', message: `the shop's catalogue: ${message}` };
}

/** What this worker asked the network for; the page cannot see it. */
function requests() {
  const entries = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType('resource'));
  return entries.map(({ name, transferSize = 0, duration, startTime }) => ({ address: name, bytes: transferSize, took_ms: duration, start_ms: startTime }));
}

/**
 * What is in the cart was put there, whether or not this history saw it.
 *
 * @param {HistoryEvent[]} events
 * @param {import('./protocol.js').EngineOptions} options
 */
function withCart(events, { cart = [], now_ms }) {
  const met = new Set(events.map(({ item }) => item));
  const unseen = cart.filter((item) => !met.has(item));
  return [...events, ...unseen.map((item) => ({ item, type: 'cart_add', ts: now_ms }))];
}

/**
 * For an engine, the item of the page is one more view; content rules have a weight for it.
 *
 * @param {HistoryEvent[]} events
 * @param {import('./protocol.js').EngineOptions} options
 */
function withSeed(events, { seed, now_ms }) {
  return seed ? [...events, { item: seed, type: 'view', ts: now_ms }] : events;
}
