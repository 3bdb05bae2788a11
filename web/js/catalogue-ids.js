// Which item of the catalogue is meant? Shops name the same thing by product, variant, SKU, GTIN, part number or handle.

/** @typedef {import('./event.js').HistoryEvent} HistoryEvent */

/** Under which names a row, or its `attrs`, or one of its variants, may hold each kind of id; the surest kind first. */
const KINDS = [
  ['sku', 'merchant_sku'],
  ['gtin', 'gtin8', 'gtin12', 'gtin13', 'gtin14', 'ean', 'upc', 'isbn', 'barcode'],
  ['mpn'],
  ['variant', 'variant_id'],
  ['group', 'item_group_id', 'product_id'],
  ['handle'],
];

const GTIN = 1;
const VARIANT = 3;

/** Kinds that several rows of a catalogue of variants share: the first of them, the shop's own order, stands for all. */
const GROUP = 4;

export class CatalogueIds {
  /** What an event of this id named, which no item has. @type {Map<string, string>} */
  #unmatched = new Map();
  /** @type {Set<string>} */
  #items = new Set();
  /** Other ids, one map for each kind; null: of several items, so that nobody knows. @type {Map<string, string | null>[]} */
  #others = KINDS.map(() => new Map());

  /** @param {Record<string, any>[]} rows */
  add(rows) {
    for (const row of rows) this.#items.add(String(row.id));
    for (const row of rows) {
      const item = String(row.id);
      const variants = Array.isArray(row.variants) ? row.variants : [];
      for (const holder of [row, row.attrs ?? {}, ...variants]) {
        const isVariant = variants.includes(holder);
        KINDS.forEach((names, kind) => names.forEach((name) => this.#learn(kind, holder?.[name], item)));
        if (isVariant) this.#learn(VARIANT, typeof holder === 'object' ? holder?.id : holder, item);
      }
      this.#learn(KINDS.length - 1, handleOf(row.url), item);
    }
    this.#unmatched.clear();
  }

  /** @param {string} id @returns {string | undefined} the catalogue's */
  find(id) {
    // An id of the catalogue is never anything else, whatever else it may be, too.
    for (const each of spellings(id)) {
      if (this.#items.has(each)) return each;
    }
    for (const [kind, others] of this.#others.entries()) {
      for (const each of kind === GTIN ? [gtin(id)] : spellings(id)) {
        const item = others.get(each);
        if (item) return item;
      }
    }
    return undefined;
  }

  /**
   * The event with the catalogue's id; what it was named by is kept as its variant, unless it has one.
   *
   * @param {HistoryEvent} event
   * @returns {HistoryEvent} the same one if there is nothing to change
   */
  translate = (event) => {
    const item = this.find(event.item);
    // By the event's own id: it may come by more than once.
    if (item === undefined) this.#unmatched.set(event.id ?? '', event.item);
    if (item === undefined || item === event.item) return event;
    return { ...event, item, variant: event.variant ?? event.item };
  };

  /** Ids of events that no item has, and how often they came. @returns {Map<string, number>} */
  get unmatched() {
    const counts = new Map();
    for (const id of this.#unmatched.values()) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  }

  /** @param {number} kind @param {unknown} value @param {string} item */
  #learn(kind, value, item) {
    if (typeof value !== 'string' && typeof value !== 'number') return;
    const id = kind === GTIN ? gtin(String(value)) : String(value).trim().toLowerCase();
    if (!id) return;
    const known = this.#others[kind].get(id);
    if (known === undefined) this.#others[kind].set(id, item);
    else if (known !== item && kind < GROUP) this.#others[kind].set(id, null);
  }
}

/** How else the same id is written, the surest first. @param {string} id */
function spellings(id) {
  const plain = id.trim();
  // gid://shopify/Product/123, and shopify_DE_123_456 of Google's channel: the variant, then the product.
  const global = /^gid:\/\/.*\/([^/?]+)/.exec(plain)?.[1];
  const [, product, variant] = /^shopify_[a-z]{2}_(\d+)_(\d+)$/i.exec(plain) ?? [];
  return [plain, plain.toLowerCase(), global, variant, product].filter((each) => each !== undefined);
}

/** Numbers of 8, 12, 13 and 14 digits are one number with zeros before it. @param {string} id */
function gtin(id) {
  const digits = id.replace(/[\s-]/g, '');
  return /^\d{8,14}$/.test(digits) ? digits.replace(/^0+/, '') : '';
}

/** @param {unknown} url @returns {string | undefined} */
function handleOf(url) {
  return typeof url === 'string' ? url.split(/[?#]/)[0].split('/').filter(Boolean).at(-1) : undefined;
}
