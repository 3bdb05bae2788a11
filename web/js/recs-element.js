// What does `<vitrine-recs>` do? It keeps the shop's own list until it has something better, then shows
// it. Behaviour only: the look is in `recs-view.js`, the registration in `vitrine.js`.

import { toError } from './protocol.js';
import { createRecommender } from './recommender.js';
import { frame, styleSheet, templateTile, tile } from './recs-view.js';

/** Events come in bursts (a view, a zoom, a cart): one answer for all of them. */
const DEBOUNCE_MS = 150;
/** An item counts as seen after it was fully visible for so long. */
const SEEN_MS = 1000;

// On a server there is no HTMLElement; importing the package there must not throw.
const Base = globalThis.HTMLElement ?? class {};

/**
 * A row of recommendations.
 *
 * Attributes: `package` (folder of the exported model), `limit` (8), `heading`, `placement` (a name for
 * events), `seed` (id of the item of this page), `device` (`auto`, `cpu`, `gpu`), `consent` (`denied`:
 * nothing is stored), `item-url` (pattern with `{id}` for items without an address), `dismiss-label`
 * (offers a button to send an item away), `locale`, `live` (announces changes to screen readers).
 *
 * @element vitrine-recs
 * @slot - the shop's own list, shown until an answer is there
 * @fires vitrine-ready `{tier, device, info}`
 * @fires vitrine-impression `{item, rec_id, position, placement}`
 * @fires vitrine-click `{item, rec_id, position, placement}`
 * @fires vitrine-error `{code, message}`
 */
export class VitrineRecs extends Base {
  static observedAttributes = ['package', 'limit', 'heading', 'seed', 'device', 'locale', 'live', 'item-url'];

  /** @type {import('./recommender.js').Recommender | null} */
  #recommender = null;
  /** @type {string[]} */
  #exclude = [];
  /** @type {((items: any[]) => any[]) | null} */
  #transformItems = null;
  #frame;
  /** Which connection to the page this is; what an earlier one began is dropped. */
  #connection = 0;
  /** Only the answer to the newest question is shown. */
  #question = 0;
  #started = false;
  #timer = 0;
  #recId = '';
  /** What is drawn, by item: an unchanged tile is kept, so that its picture does not flicker.
   * @type {Map<string, {content: string, entry: HTMLElement}>} */
  #drawn = new Map();
  /** @type {Set<string>} */
  #seen = new Set();
  /** @type {Map<Element, number>} */
  #seenTimers = new Map();
  /** @type {IntersectionObserver | null} */
  #observer = null;

  constructor() {
    super();
    this.#frame = frame();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [styleSheet()];
    root.append(this.#frame.fallback, this.#frame.section);
    this.#frame.list.addEventListener('click', (event) => this.#onClick(event));
  }

  /** Ids that must not be recommended: what is in the cart, for example. */
  get exclude() {
    return this.#exclude;
  }
  set exclude(ids) {
    this.#exclude = [...ids];
    this.#refreshSoon();
  }

  /** A last word on what is shown: receives the items best first, returns the items to draw. */
  get transformItems() {
    return this.#transformItems;
  }
  set transformItems(transform) {
    this.#transformItems = transform;
    this.#refreshSoon();
  }

  /** The recommender behind this element, shared by all elements of the same package. */
  get recommender() {
    return this.#recommender;
  }

  connectedCallback() {
    // Properties that were set before the class was known would hide the accessors.
    for (const name of /** @type {const} */ (['exclude', 'transformItems'])) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      /** @type {any} */ (this)[name] = value;
    }
    this.#observer = new IntersectionObserver((entries) => this.#onVisibility(entries), { threshold: 0.99 });
    this.#connect();
  }

  disconnectedCallback() {
    this.#disconnect();
    this.#observer?.disconnect();
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (!this.isConnected || before === after) return;
    if (name === 'package' || name === 'device') {
      this.#disconnect();
      this.#connect();
    } else {
      this.#refreshSoon();
    }
  }

  #connect() {
    const folder = this.getAttribute('package');
    if (!folder) return;
    const device = /** @type {any} */ (this.getAttribute('device')) ?? 'auto';
    // Only an explicit word about consent may change what another element on the page was told.
    const consent = this.hasAttribute('consent') ? this.getAttribute('consent') !== 'denied' : undefined;
    this.#recommender = createRecommender({ package: folder, device, consent });
    this.#recommender.addEventListener('change', this.#refreshSoon);
    const connection = ++this.#connection;
    whenIdle(() => {
      if (connection === this.#connection) this.#start(connection);
    });
  }

  #disconnect() {
    this.#recommender?.removeEventListener('change', this.#refreshSoon);
    this.#connection += 1;
    this.#question += 1;
    this.#started = false;
    clearTimeout(this.#timer);
  }

  /** @param {number} connection */
  async #start(connection) {
    try {
      const info = await /** @type {any} */ (this.#recommender).open();
      if (connection !== this.#connection) return;
      this.#started = true;
      this.#fire('vitrine-ready', { tier: info.tier, device: info.device, info });
      await this.#refresh();
    } catch (cause) {
      if (connection !== this.#connection) return;
      this.#started = true; // what happens next may find the package reachable again
      this.#fail(cause);
    }
  }

  /** A bound field, because it is added and removed as a listener. */
  #refreshSoon = () => {
    if (!this.#started) return;
    this.#question += 1; // what is still being computed is out of date
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refresh(), DEBOUNCE_MS);
  };

  async #refresh() {
    const recommender = this.#recommender;
    if (!recommender) return;
    const question = ++this.#question;
    try {
      const seed = this.getAttribute('seed') || undefined;
      const isKnown = Boolean(seed) || (await recommender.events()).length > 0;
      const k = Number.parseInt(this.getAttribute('limit') ?? '', 10) || 8;
      const answer = isKnown ? await recommender.recommend({ k, exclude: this.#exclude, seed }) : [];
      if (question !== this.#question || !this.isConnected) return;
      const items = answer.map(({ details }) => this.#withUrl(details));
      const shown = this.#transformItems ? this.#transformItems(items) : items;
      if (shown.length > 0) this.#show(shown);
      else this.#showFallback();
    } catch (cause) {
      if (question === this.#question) this.#fail(cause);
    }
  }

  /** @param {import('./protocol.js').Item} item */
  #withUrl(item) {
    const pattern = this.getAttribute('item-url');
    if (item.url || !pattern) return item;
    return { ...item, url: pattern.replaceAll('{id}', encodeURIComponent(item.id)) };
  }

  /** @param {import('./protocol.js').Item[]} items */
  #show(items) {
    const { heading, list } = this.#frame;
    heading.textContent = this.getAttribute('heading') ?? '';
    heading.hidden = heading.textContent === '';
    list.setAttribute('aria-live', this.hasAttribute('live') ? 'polite' : 'off');

    const focused = /** @type {HTMLElement | null} */ (this.shadowRoot?.activeElement);
    const focusedEntry = focused?.closest('li');
    const position = focusedEntry ? [...list.children].indexOf(focusedEntry) : -1;
    const before = new Set([...list.children].map(entryId));
    const options = {
      locale: this.getAttribute('locale') ?? undefined,
      dismissLabel: this.getAttribute('dismiss-label'),
    };
    const entries = this.#entries(items, options);
    for (const entry of entries) entry.toggleAttribute('data-fresh', !before.has(entryId(entry)));
    this.#clearSeen();
    list.replaceChildren(...entries);
    this.dataset.state = 'answer';

    if (focusedEntry) {
      // The keyboard stays with its item, or with its place when the item is gone.
      const again = entries.find((entry) => entryId(entry) === entryId(focusedEntry)) ?? entries[position];
      const target = /** @type {HTMLElement | null} */ (again?.querySelector(focused?.localName ?? 'a'));
      target?.focus({ preventScroll: true });
    }
    this.#recId = randomId();
    for (const entry of entries) this.#observer?.observe(entry);
  }

  /**
   * @param {import('./protocol.js').Item[]} items
   * @param {import('./recs-view.js').ViewOptions} options
   */
  #entries(items, options) {
    this.#removeSlotted();
    const template = /** @type {HTMLTemplateElement | null} */ (this.querySelector(':scope > template'));
    const former = this.#drawn;
    this.#drawn = new Map();
    return items.map((item, index) => {
      if (template) return this.#slotted(templateTile(template, item, options), item.id, index);
      const content = JSON.stringify([item, options]);
      const kept = former.get(item.id);
      const entry = kept?.content === content ? kept.entry : tile(item, options);
      entry.dataset.item = item.id;
      this.#drawn.set(item.id, { content, entry });
      return entry;
    });
  }

  /**
   * The shop's own markup stays in the light DOM; the list only refers to it.
   *
   * @param {HTMLElement} content
   * @param {string} id
   * @param {number} index
   */
  #slotted(content, id, index) {
    content.slot = `item-${index}`;
    this.append(content);
    const slot = document.createElement('slot');
    slot.name = content.slot;
    const entry = document.createElement('li');
    entry.part = 'item';
    entry.dataset.item = id;
    entry.append(slot);
    return entry;
  }

  #showFallback() {
    this.dataset.state = 'fallback';
    this.#clearSeen();
    this.#frame.list.replaceChildren();
    this.#drawn.clear();
    this.#removeSlotted();
  }

  #removeSlotted() {
    for (const former of this.querySelectorAll(':scope > [slot^="item-"]')) former.remove();
  }

  /** @param {unknown} cause */
  #fail(cause) {
    this.#showFallback();
    const { code, message } = toError(cause);
    this.#fire('vitrine-error', { code, message });
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const path = /** @type {Element[]} */ (event.composedPath());
    const entry = path.find((node) => node.localName === 'li' && node.parentNode === this.#frame.list);
    if (!entry) return;
    const detail = this.#detail(entry);
    const observed = { item: detail.item, list: detail.placement, pos: detail.position, rec_id: detail.rec_id };
    if (path.some((node) => node.matches?.('button[part~="dismiss"], [data-slot="dismiss"]'))) {
      this.#observe({ ...observed, type: 'dismiss' });
    } else if (path.some((node) => node.localName === 'a')) {
      this.#observe({ ...observed, type: 'click' });
      this.#fire('vitrine-click', detail);
    }
  }

  /** @param {any} event */
  #observe(event) {
    this.#recommender?.observe(event).catch((cause) => this.#fail(cause));
  }

  /**
   * Impressions are told to the shop's page, not to the history: each would count against the item, and
   * a row that changes because it was looked at would never come to rest.
   *
   * @param {IntersectionObserverEntry[]} changes
   */
  #onVisibility(changes) {
    for (const { target, intersectionRatio } of changes) {
      clearTimeout(this.#seenTimers.get(target));
      this.#seenTimers.delete(target);
      if (intersectionRatio < 0.99 || this.#seen.has(entryId(target))) continue;
      const timer = setTimeout(() => {
        this.#seen.add(entryId(target));
        this.#fire('vitrine-impression', this.#detail(target));
      }, SEEN_MS);
      this.#seenTimers.set(target, timer);
    }
  }

  #clearSeen() {
    for (const timer of this.#seenTimers.values()) clearTimeout(timer);
    this.#seenTimers.clear();
    this.#seen.clear();
    for (const entry of this.#frame.list.children) this.#observer?.unobserve(entry);
  }

  /** @param {Element} entry */
  #detail(entry) {
    return {
      item: entryId(entry),
      rec_id: this.#recId,
      position: [...this.#frame.list.children].indexOf(entry),
      placement: this.getAttribute('placement') ?? '',
    };
  }

  /** @param {string} type @param {unknown} detail */
  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, detail }));
  }
}

function entryId(/** @type {Element} */ entry) {
  return /** @type {HTMLElement} */ (entry).dataset.item ?? '';
}

/** `crypto.randomUUID` exists on secure origins only; shops are also tried out on plain addresses. */
function randomId() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join('');
}

/** @param {() => void} task */
function whenIdle(task) {
  // Safari has no idle callback.
  if ('requestIdleCallback' in globalThis) requestIdleCallback(task, { timeout: 2000 });
  else setTimeout(task, 1);
}
