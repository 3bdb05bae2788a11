// What does the shop itself remember? Catalogue, bag, saved items, orders and ratings.
//
// This is the shop's own state, as any shop has it; the visitor's history belongs to Vitrine. Both keep the same word: in
// memory until the visitor says yes, stored then, and gone with it.

import { formatPrice, recorder } from '../vitrine/vitrine.js';

/** @typedef {import('../vitrine/vitrine.js').Item & {tags?: string[]}} Item */
/** @typedef {{item: string, qty: number, returned?: string}} OrderLine */
/** @typedef {{ts: number, lines: OrderLine[]}} Order */
/** @typedef {{item: Item, qty: number}} Line  in the bag */

const KEY = 'aurelle';

/** Sums of prices; one for each currency, for prices of different currencies do not add up. @param {Line[]} lines @returns {string[]} */
export function totals(lines) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { item, qty } of lines) {
    const currency = item.currency ?? '';
    sums.set(currency, (sums.get(currency) ?? 0) + (item.price ?? 0) * qty);
  }
  return [...sums].map(([currency, price]) => formatPrice({ id: '', title: '', price, currency }));
}

/** @fires change */
export class Store extends EventTarget {
  /** @type {Item[]} */
  items = [];
  /** @type {Map<string, Item>} */
  itemById = new Map();
  /** Films and books have none; then the shop asks for stars instead of money. */
  hasPrices = false;
  #state = empty();

  constructor() {
    super();
    recorder.addEventListener('change', (event) => this.#onRecorder(/** @type {CustomEvent} */ (event).detail.kind));
    addEventListener('storage', ({ key }) => {
      if (key !== KEY || recorder.consent !== 'granted') return;
      this.#state = this.#read();
      this.dispatchEvent(new Event('change'));
    });
  }

  /** @param {URL} folder  the exported package */
  async load(folder) {
    const response = await fetch(new URL('catalog.json', folder));
    if (!response.ok) throw new Error(`status ${response.status}`);
    this.items = (await response.json()).items;
    this.itemById = new Map(this.items.map((item) => [item.id, item]));
    this.hasPrices = this.items.some((item) => item.price !== undefined && item.price !== null);
    this.#state = this.#read();
  }

  /** What must not be recommended: bought or rated already. */
  get settled() {
    const bought = this.#state.orders.flatMap(({ lines }) => lines.map(({ item }) => item));
    return [...new Set([...bought, ...Object.keys(this.#state.ratings)])];
  }

  /** @returns {Line[]} */
  get cart() {
    return Object.entries(this.#state.cart).map(([id, qty]) => ({ item: this.#item(id), qty }));
  }
  /** How many of it are in the bag. @param {string} id */
  held(id) {
    return this.#state.cart[id] ?? 0;
  }
  /** @returns {Order[]} newest first */
  get orders() {
    return [...this.#state.orders].reverse();
  }
  get saved() {
    return this.#state.saved;
  }
  /** @param {string} id */
  rating(id) {
    return this.#state.ratings[id] ?? 0;
  }

  /** @param {string} id @param {number} qty  0 takes it out */
  setCart(id, qty) {
    if (qty > 0) this.#state.cart[id] = qty;
    else delete this.#state.cart[id];
    this.#changed();
  }
  /** @param {string} id */
  toggleSaved(id) {
    const isSaved = this.#state.saved.includes(id);
    this.#state.saved = isSaved ? this.#state.saved.filter((saved) => saved !== id) : [...this.#state.saved, id];
    this.#changed();
    return !isSaved;
  }
  /** @param {string} id @param {number} stars */
  rate(id, stars) {
    this.#state.ratings[id] = stars;
    this.#changed();
  }
  /** Turns the bag into an order. */
  checkOut() {
    const lines = Object.entries(this.#state.cart).map(([item, qty]) => ({ item, qty }));
    this.#state.orders.push({ ts: Date.now(), lines });
    this.#state.cart = {};
    this.#changed();
  }
  /** @param {OrderLine} line @param {string} reason */
  giveBack(line, reason) {
    line.returned = reason;
    this.#changed();
  }
  /** @param {string} kind  what became of the visitor's history */
  #onRecorder(kind) {
    if (kind === 'erased') this.#state = empty();
    if (kind === 'erased' || kind === 'consent') this.#changed();
  }

  /** @param {string} id @returns {Item} */
  #item(id) {
    return /** @type {Item} */ (this.itemById.get(id));
  }

  /** @returns {ReturnType<typeof empty>} */
  #read() {
    if (recorder.consent !== 'granted') return empty();
    try {
      const state = { ...empty(), ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
      // The catalogue may have changed since: what it lacks can be shown nowhere.
      const known = (/** @type {string} */ id) => this.itemById.has(id);
      const knownEntries = (/** @type {Record<string, number>} */ record) =>
        Object.fromEntries(Object.entries(record).filter(([id]) => known(id)));
      state.cart = knownEntries(state.cart);
      state.ratings = knownEntries(state.ratings);
      state.saved = state.saved.filter(known);
      for (const order of state.orders) order.lines = order.lines.filter(({ item }) => known(item));
      state.orders = state.orders.filter(({ lines }) => lines.length > 0);
      return state;
    } catch {
      return empty();
    }
  }

  #changed() {
    try {
      if (recorder.consent === 'granted') localStorage.setItem(KEY, JSON.stringify(this.#state));
      else localStorage.removeItem(KEY);
    } catch {
      // Storage is refused: the bag lasts as long as the page.
    }
    this.dispatchEvent(new Event('change'));
  }
}

/** @returns {{cart: Record<string, number>, saved: string[], orders: Order[], ratings: Record<string, number>}} */
function empty() {
  return { cart: {}, saved: [], orders: [], ratings: {} };
}
