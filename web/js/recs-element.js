// What does `<vitrine-recs>` do? It keeps the shop's own list until it has something better, then shows it.
//
// Behaviour only: the look is in `recs-view.js`, moving along the row in `carousel.js`, what other lists of the page show
// in `shown.js`, the registration in `vitrine.js`.

import { Carousel } from './carousel.js';
import { nextTask } from './dom.js';
import { Entries, idOf, itemsOf } from './entries.js';
import { newId } from './id.js';
import { Impressions } from './impressions.js';
import { onNavigation } from './navigation.js';
import { toError } from './protocol.js';
import { createRecommender } from './recommender.js';
import { frame, label, reasonText, recsStyle } from './recs-view.js';
import * as shown from './shown.js';
import { Space } from './space.js';
import { whenIdle, whenNear } from './when.js';

/** Events come in bursts (a view, a zoom, a cart): one answer for all of them. */
const DEBOUNCE_MS = 150;
/** Where there is no end of changes, what was changed is asked for after so long, and shown although there is something newer. */
const PATIENCE_MS = 1_000;

/** Attributes that mean another recommender. */
const SOURCE = ['package', 'catalog', 'rules', 'device', 'consent'];
const PROPERTIES = /** @type {const} */ (['exclude', 'cart', 'render', 'transformItems']);

// On a server there is no HTMLElement; importing the package there must not throw.
const Base = globalThis.HTMLElement ?? class {};

/**
 * @typedef {import('./protocol.js').Item} Item
 * @typedef {import('./protocol.js').Recommendation} Recommendation
 * @typedef {{placement: string, rec_id: string, tier: number, took_ms: number, experiment: string | null,
 *   recommendations: Recommendation[]}} Answer
 */

/**
 * A list of recommendations. Attributes, properties, events, parts and variables: `custom-elements.json`.
 */
export class VitrineRecs extends Base {
  static observedAttributes = [
    ...SOURCE, 'limit', 'seed', 'placement', 'heading', 'heading-level', 'layout', 'locale', 'live',
    'item-url', 'dismiss-label', 'previous-label', 'next-label', 'cart-synced', 'reasons', 'reason-viewed', 'reason-saved', 'reason-cart',
    'reason-bought', 'reason-liked', 'data-state',
  ];

  /** @type {import('./recommender.js').Recommender | null} */
  #recommender = null;
  /** @type {string[]} */
  #exclude = [];
  /** @type {string[]} */
  #cart = [];
  /** @type {((item: Item, context: {reason: any}) => Element) | null} */
  #render = null;
  /** @type {((items: Item[]) => Item[]) | null} */
  #transformItems = null;
  #frame = frame();
  #entries = new Entries(this, this.#frame.list);
  #carousel;
  #space;
  #impressions = new Impressions((entry) => this.#fire('impression', this.#detail(entry)));
  /** Which connection to the page this is; what an earlier one began is dropped. */
  #connection = 0;
  /** Only the answer to the newest question is shown. */
  #question = 0;
  #isStarted = false;
  /** Whether the newest question has its answer, drawn or not. */
  #isDrawing = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** When the first change came that no answer knows of; 0 if there is none. */
  #since_ms = 0;
  /** Ends with the newest question. @type {Promise<void> | undefined} */
  #asked;
  #stopNavigation = () => {};
  /** @type {Answer | null} */
  #answer = null;
  /** What went wrong and was told; the same is not told with every answer. @type {Set<string>} */
  #told = new Set();

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [recsStyle()];
    root.append(this.#frame.stage);
    this.#carousel = new Carousel(this.#frame);
    this.#space = new Space(this, this.#frame);
    for (const type of ['click', 'auxclick']) {
      this.#frame.list.addEventListener(type, (event) => this.#onClick(/** @type {MouseEvent} */ (event)));
    }
  }

  /** Ids that must not be recommended. */
  get exclude() {
    return this.#exclude;
  }
  set exclude(ids) {
    this.#exclude = this.#set(this.#exclude, ids);
  }

  /** Ids of what is in the cart: not recommended, and known to the shop's rules. */
  get cart() {
    return this.#cart;
  }
  set cart(ids) {
    this.#cart = this.#set(this.#cart, ids);
  }

  /**
   * A copy of the list; frameworks set the same again and again. What is no list is told of by who answers.
   *
   * @param {string[]} before
   * @param {string[]} ids
   */
  #set(before, ids) {
    const after = typeof ids === 'string' ? ids : [...(ids ?? [])];
    if (JSON.stringify(after) !== JSON.stringify(before)) this.#refreshSoon();
    return after;
  }

  /** Draws an item in markup of the shop's own. */
  get render() {
    return this.#render;
  }
  set render(draw) {
    if (draw === this.#render) return;
    this.#render = draw;
    this.#entries.invalidate();
    this.#refreshSoon();
  }

  /** A last word on what is shown: receives the items best first, returns the items to draw. */
  get transformItems() {
    return this.#transformItems;
  }
  set transformItems(transform) {
    if (transform === this.#transformItems) return;
    this.#transformItems = transform;
    this.#refreshSoon();
  }

  /** The recommender behind this element, shared by all elements of the same package. */
  get recommender() {
    return this.#recommender;
  }

  /** What is shown, or null while the shop's own list stands. */
  get answer() {
    return this.#answer;
  }

  connectedCallback() {
    // Properties that were set before the class was known would hide the accessors.
    for (const name of PROPERTIES) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      /** @type {any} */ (this)[name] = value;
    }
    // A snapshot of the page (Turbo, htmx) has the attributes of an answer without one.
    if (!this.#answer && this.dataset.state === 'answer') this.#showFallback();
    this.dataset.tier ??= '0';
    this.#carousel.connect();
    this.#space.connect();
    shown.enter(this, this.#refreshSoon);
    this.#stopNavigation = onNavigation(() => this.#onNavigation());
    this.#connect();
  }

  disconnectedCallback() {
    this.#disconnect();
    this.#stopNavigation();
    shown.leave(this);
    this.#carousel.disconnect();
    this.#space.disconnect();
    this.#impressions.end();
    this.#forgetShowing();
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    // An element of the page's markup hears of its attributes before it is connected.
    if (!this.isConnected || !this.#connection || before === after) return;
    if (name === 'data-state') {
      // Whoever makes the page what the server says (Turbo, idiomorph) takes it away, and tiles in the light tree.
      if (after !== null) return;
      queueMicrotask(() => {
        this.dataset.state ??= /** @type {string} */ (before);
        if (this.#answer) this.#entries.restore();
        this.#refreshSoon();
      });
    } else if (SOURCE.includes(name)) {
      this.#disconnect();
      this.#connect();
    } else {
      this.#refreshSoon();
    }
  }

  #connect() {
    const connection = ++this.#connection;
    const given = (/** @type {string} */ name) => this.getAttribute(name) || undefined;
    if (!given('package') && !given('catalog')) return;
    const options = {
      package: given('package'), catalog: given('catalog'), rules: given('rules'), device: /** @type {any} */ (given('device')),
    };
    /** @type {unknown} */
    let mistake;
    this.#recommender = null;
    // Where nobody says that there is consent there is none, which is no reason to show nothing.
    for (const consent of [given('consent'), undefined]) {
      try {
        this.#recommender ??= createRecommender({ ...options, consent });
      } catch (cause) {
        mistake ??= cause;
      }
    }
    for (const type of ['change', 'engine']) this.#recommender?.addEventListener(type, this.#onChange);
    const start = () => {
      if (connection !== this.#connection) return;
      // Only now: the page's own scripts may listen by then.
      if (!this.#recommender) return this.#fail(mistake);
      if (mistake) this.#tell(toError(mistake));
      this.#start(connection);
    };
    // What is hidden never comes near.
    if (this.hasAttribute('lazy') && this.dataset.state !== 'hidden') whenNear(this, start);
    else whenIdle(start);
  }

  #disconnect() {
    for (const type of ['change', 'engine']) this.#recommender?.removeEventListener(type, this.#onChange);
    this.#connection += 1;
    this.#question += 1;
    this.#isStarted = false;
    this.#since_ms = 0;
    clearTimeout(this.#timer);
  }

  /** @param {number} connection */
  async #start(connection) {
    try {
      // Of now: whoever opened it first may have had a lower tier.
      const info = await /** @type {any} */ (this.#recommender).info();
      if (connection !== this.#connection) return;
      this.#isStarted = true;
      this.#ready(info);
      await this.#refresh();
    } catch (cause) {
      if (connection !== this.#connection) return;
      this.#isStarted = true; // what happens next may find the package reachable again
      this.#fail(cause);
    }
  }

  /** @param {import('./protocol.js').EngineInfo} info */
  #ready(info) {
    this.#fire('ready', { tier: info.tier, device: info.device, info });
    // A GPU that is done without is no loss; a package or rules that are, the shop wants to know of.
    if (info.fallback && (info.tier === 1 || info.fallback.code === 'bad_request')) this.#tell(info.fallback);
  }

  /** Bound fields, because they are added and removed as listeners. */
  #onChange = (/** @type {Event} */ event) => {
    const isEngine = event.type === 'engine';
    if (isEngine && this.#isStarted) this.#ready(/** @type {CustomEvent} */ (event).detail);
    this.#refreshSoon(isEngine && this.#isDrawing);
  };

  /** @param {boolean} [isRight]  whether what is on its way is no longer the best, but not wrong */
  #refreshSoon = (isRight) => {
    if (!this.#isStarted) return;
    this.#since_ms ||= performance.now();
    if (!this.#isLate) {
      if (!isRight) this.#question += 1;
      clearTimeout(this.#timer);
    } else if (this.#timer) return;
    this.#timer = setTimeout(async () => {
      if (this.#isLate) await this.#asked;
      this.#refresh();
    }, DEBOUNCE_MS);
  };

  get #isLate() {
    return performance.now() - this.#since_ms > PATIENCE_MS;
  }

  /** Another page: what is shown counts as shown anew, and the row begins at its beginning. */
  #onNavigation() {
    if (!this.#isStarted) return;
    this.#carousel.rewind();
    this.#forgetShowing();
    this.#refreshSoon();
  }

  /** What is shown counts as shown anew. */
  #forgetShowing() {
    if (this.#answer) this.#answer.rec_id = '';
  }

  async #refresh() {
    if (!this.#isStarted) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const question = ++this.#question;
    this.#isDrawing = false;
    this.#asked = this.#ask(() => question !== this.#question || !this.isConnected);
    shown.asks(this, this.#asked);
    await shown.all();
    this.#recommender?.drawn();
  }

  /** @param {() => boolean} isOutdated */
  async #ask(isOutdated) {
    const recommender = this.#recommender;
    if (!recommender) return;
    // Laid out while the answer is on its way.
    label(this, this.#frame);
    try {
      const options = {
        limit: this.getAttribute('limit'), exclude: this.#exclude, seed: this.getAttribute('seed'), cart: this.#cart,
        isCartSynced: this.hasAttribute('cart-synced'), itemUrl: this.getAttribute('item-url'), placement: this.#placement,
        shown: await shown.shownBefore(this),
      };
      const start_ms = performance.now();
      if (isOutdated()) return;
      const answer = await recommender.answer(options);
      if (isOutdated()) return;
      this.#isDrawing = true;
      await this.#show(answer, performance.now() - start_ms, isOutdated);
    } catch (cause) {
      if (!isOutdated()) this.#fail(cause);
    }
    if (!isOutdated()) this.#since_ms = 0;
  }

  get #placement() {
    return this.getAttribute('placement') ?? '';
  }

  /**
   * @param {import('./protocol.js').Answer} answer
   * @param {number} took_ms
   * @param {() => boolean} isOutdated
   */
  async #show({ recommendations, isHidden, experiment, mistake }, took_ms, isOutdated) {
    if (mistake) this.#tell(mistake);
    const items = recommendations.map(({ details }) => details);
    const transform = this.#transformItems;
    const chosen = (transform && this.#ofShop('transformItems', () => itemsOf(transform([...items])))) ?? items;
    /** @type {Answer} */
    const shownAs = { placement: this.#placement, rec_id: '', tier: recommendations[0]?.tier ?? 0, took_ms, experiment, recommendations: [] };
    if (chosen.length === 0) {
      this.#showFallback(isHidden);
      // Who measures an experiment counts those, too, who are shown nothing.
      if (experiment) this.#fire('answer', shownAs);
      return;
    }
    const drawn = await this.#draw(chosen, new Map(recommendations.map(({ item, reason }) => [item, reason])), isOutdated);
    const fit = () => {
      this.#carousel.update();
      this.#space.keep();
    };
    if (this.dataset.state !== 'answer') {
      // Measured unseen, so that there is little to do when it appears.
      await nextTask();
      fit();
      await nextTask();
    }
    if (isOutdated()) return;
    const before = this.#entries.ids.join('\n');
    // First, because nothing unseen takes the keyboard.
    this.dataset.state = 'answer';
    this.#entries.show(drawn);
    fit();
    const { ids } = this.#entries;
    shown.shows(this, ids);

    // The same list is the same showing.
    const former = before === ids.join('\n') && this.#answer?.rec_id;
    this.#answer = {
      ...shownAs, rec_id: former || newId(), recommendations: recommendations.filter(({ item }) => ids.includes(item)),
    };
    this.dataset.tier = String(shownAs.tier);
    if (!former) this.#impressions.begin([...this.#frame.list.children]);
    this.#fire('answer', this.#answer);
  }

  /**
   * @param {Item[]} items
   * @param {Map<string, import('./protocol.js').Reason | undefined>} reasons
   * @param {() => boolean} isOutdated
   */
  #draw(items, reasons, isOutdated) {
    const render = this.#render;
    return this.#entries.draw(items, {
      locale: this.getAttribute('locale') ?? undefined,
      dismissLabel: this.getAttribute('dismiss-label'),
      canOpenReasons: document.querySelector('vitrine-privacy') !== null,
      render: render && ((item, reason) => this.#ofShop('render', () => render(item, { reason }))),
      reasonOf: (id) => {
        const reason = this.hasAttribute('reasons') && reasons.get(id);
        const text = reason && reasonText(reason, this);
        return text ? { ...reason, text } : null;
      },
    }, isOutdated);
  }

  #showFallback(isHidden = false) {
    this.#answer = null;
    this.dataset.state = isHidden ? 'hidden' : 'fallback';
    this.dataset.tier = '0';
    this.#impressions.end();
    this.#entries.clear();
    shown.shows(this, []);
  }

  /** @param {unknown} cause */
  #fail(cause) {
    this.#showFallback();
    this.#told.clear();
    this.#tell(toError(cause));
  }

  /** @param {import('./protocol.js').ErrorRecord} error */
  #tell({ code, message }) {
    if (this.#told.has(code + message)) return;
    this.#told.add(code + message);
    this.#fire('error', { code, message });
  }

  /**
   * A function of the shop's: what it throws is told, and costs nobody the list.
   *
   * @template T
   * @param {string} name
   * @param {() => T} call
   */
  #ofShop(name, call) {
    try {
      return call();
    } catch (cause) {
      this.#tell({ code: 'bad_request', message: `${name}: ${toError(cause).message}` });
      return undefined;
    }
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    if (event.button > 1) return; // a menu is no visit
    const path = /** @type {Element[]} */ (event.composedPath());
    const entry = /** @type {HTMLElement | undefined} */ (path.find((node) => node.parentNode === this.#frame.list));
    if (!entry) return;
    const isOn = (/** @type {string} */ part) => path.some((node) => node.matches?.(`button[part~="${part}"], [data-slot="${part}"]`));
    if (isOn('reason') && entry.dataset.reason) {
      const privacy = /** @type {any} */ (document.querySelector('vitrine-privacy'));
      if (!privacy?.show) return;
      event.preventDefault(); // the line may stand inside the shop's link
      privacy.show(entry.dataset.reason);
    } else if (isOn('dismiss')) {
      event.preventDefault();
      this.#observe(entry, 'dismiss');
    } else if (path.some((node) => node.localName === 'a')) {
      this.#observe(entry, 'click');
      this.#fire('click', this.#detail(entry));
    }
  }

  /**
   * Clicks are remembered. Impressions are told to the shop's page only: each would count against the item, and a list that
   * changes because it was looked at would never come to rest.
   *
   * @param {Element} entry
   * @param {"click" | "dismiss"} type
   */
  #observe(entry, type) {
    const { item, placement, position, rec_id } = this.#detail(entry);
    const event = { item, type, pos: position, rec_id, ...(placement && { list: placement }) };
    this.#recommender?.observe(event).catch((cause) => this.#tell(toError(cause)));
  }

  /** @param {Element} entry */
  #detail(entry) {
    const { rec_id = '', experiment = null } = this.#answer ?? {};
    return {
      item: idOf(entry),
      rec_id,
      experiment,
      position: [...this.#frame.list.children].indexOf(entry),
      placement: this.#placement,
    };
  }

  /** @param {string} type @param {unknown} detail */
  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(`vitrine-${type}`, { bubbles: true, composed: true, detail }));
  }
}
