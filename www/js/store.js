// What does the shop itself remember? Catalogue, bag, saved items, orders and ratings.
//
// This is the shop's own state, as any shop has it; the visitor's history belongs to Vitrine.

/** @typedef {import('../vitrine/vitrine.js').Item} Item */
/** @typedef {{item: string, qty: number, returned?: string}} OrderLine */
/** @typedef {{ts: number, lines: OrderLine[]}} Order */

const KEY = 'aurelle';

/** @fires change */
export class Store extends EventTarget {
  /** @type {Item[]} */
  items = [];
  /** @type {Map<string, Item>} */
  itemById = new Map();
  /** Films and books have none; then the shop asks for stars instead of money. */
  hasPrices = false;
  /** @type {{cart: Record<string, number>, saved: string[], orders: Order[], ratings: Record<string, number>}} */
  #state = empty();

  /** @param {string} folder  the exported package */
  async load(folder) {
    const response = await fetch(new URL('catalog.json', folder));
    if (!response.ok) throw new Error(`The catalogue could not be loaded (status ${response.status}).`);
    this.items = (await response.json()).items;
    this.itemById = new Map(this.items.map((item) => [item.id, item]));
    this.hasPrices = this.items.some((item) => item.price !== undefined && item.price !== null);
    this.#state = this.#read();
  }

  /**
   * Category names, most frequent first. Of two that hold the same items (`Jewellery` with nothing but
   * `Earrings`) only the first is worth a place in the list.
   *
   * @returns {string[]}
   */
  get categories() {
    /** @type {Map<string, number[]>} */
    const members = new Map();
    this.items.forEach(({ category = [] }, index) => {
      for (const name of category) {
        if (!members.has(name)) members.set(name, []);
        members.get(name)?.push(index);
      }
    });
    /** @type {Map<string, [string, number]>} */
    const distinct = new Map();
    for (const [name, indices] of members) {
      const key = indices.join();
      if (!distinct.has(key)) distinct.set(key, [name, indices.length]);
    }
    return [...distinct.values()].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([name]) => name);
  }

  /** What must not be recommended: in the bag, bought or rated already. */
  get settled() {
    const bought = this.#state.orders.flatMap(({ lines }) => lines.map(({ item }) => item));
    return [...new Set([...Object.keys(this.#state.cart), ...bought, ...Object.keys(this.#state.ratings)])];
  }

  /** @returns {{item: Item, qty: number}[]} */
  get cart() {
    return Object.entries(this.#state.cart).map(([id, qty]) => ({ item: this.#item(id), qty }));
  }
  get cartCount() {
    return Object.values(this.#state.cart).reduce((sum, qty) => sum + qty, 0);
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
  /** Turns the bag into an order. @returns {OrderLine[]} */
  checkOut() {
    const lines = Object.entries(this.#state.cart).map(([item, qty]) => ({ item, qty }));
    this.#state.orders.push({ ts: Date.now(), lines });
    this.#state.cart = {};
    this.#changed();
    return lines;
  }
  /** @param {OrderLine} line @param {string} reason */
  giveBack(line, reason) {
    line.returned = reason;
    this.#changed();
  }
  forget() {
    this.#state = empty();
    this.#changed();
  }

  /** @param {string} id @returns {Item} */
  #item(id) {
    return /** @type {Item} */ (this.itemById.get(id));
  }

  #read() {
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
      localStorage.setItem(KEY, JSON.stringify(this.#state));
    } catch {
      // Storage is refused: the bag lasts as long as the page.
    }
    this.dispatchEvent(new Event('change'));
  }
}

function empty() {
  return { cart: {}, saved: [], orders: [], ratings: {} };
}
