// What can be recommended without a model? Items like those that the visitor met, by what the catalogue says of them.
//
// Tier 1: a few kilobytes, no wasm. Two items share *grounds*: each step of the category path, the brand, each
// attribute. A shared ground counts by its weight and by its rarity (what the whole catalogue has in common says
// nothing). Each item that was met speaks for those it shares grounds with, or against them, by the intensity of what
// was done, halved every few interactions and every month.

/** What two items that share everything of a kind have in common by it. */
const WEIGHTS = { category: 0.5, brand: 0.2, attributes: 0.2, price: 0.1 };
/** Prices that differ by a factor of two are not near at all. */
const FAR_PRICE = Math.log(2);
/** Newer interactions after which one counts half. */
const HALF_LIFE_STEPS = 8;
const HALF_LIFE_DAYS = 30;
/** The page is about its item: it counts as if it were bought. */
const SEED_INTENSITY = 1;
/** Interactions that are read at most, the newest. */
const CONTEXT = 24;
/** What was met with such an intensity or less is not shown again, asked for or not; as in the engine. */
const DISLIKED = -0.25;
/** Less in common is no reason that a person would understand: a brand alone is not, nor is half of a category path. */
const STRONG = 0.25;

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The default signals in short; the package's own hold as soon as its engine answers.
 * `kind` is what a reason calls it.
 *
 * @satisfies {Record<string, {p: number, kind: import('./protocol.js').Reason["kind"]}>}
 */
const STAGES = {
  click: { p: 0.1, kind: 'viewed' },
  view: { p: 0.1, kind: 'viewed' },
  wishlist_add: { p: 0.6, kind: 'saved' },
  cart_add: { p: 0.7, kind: 'cart' },
  checkout: { p: 0.8, kind: 'cart' },
  purchase: { p: 1, kind: 'bought' },
};
const BONUSES = {
  zoom: { add: 0.1, cap: 0.2, group: 'attention' },
  size_guide: { add: 0.1, cap: 0.2, group: 'attention' },
  review: { add: 0.1, cap: 0.2, group: 'attention' },
  variant: { add: 0.1, cap: 0.2, group: 'attention' },
  share: { add: 0.1, cap: 0.2, group: 'attention' },
  revisit: { add: 0.15, cap: 0.3, group: 'revisit' },
};
const VERDICTS = { order_cancel: 0.3, return: -0.6, dismiss: -0.8 };
const RETURNS = { size: -0.1, late: -0.1, defect: -0.5, dislike: -0.9 };
/** What is taken back counts against the item, unless the visitor went further than `after`. */
const UNDONE = { cart_remove: { p: -0.3, after: 0.8 }, wishlist_remove: { p: -0.1, after: 0.6 } };
/** From here on a stage is a decision, and takes back a verdict that came before it. */
const DECISION = 0.6;
const BOUNCE = { p: -0.1, below_ms: 3_000 };
const DWELL = { from: 0.1, to: 0.4, low_ms: 15_000, high_ms: 90_000 };

/** For how many days an item stays away after an event. */
const FILTER_DAYS = { dismiss: 90 };

/**
 * @typedef {import('./protocol.js').Item} Item
 * @typedef {import('./protocol.js').HistoryEvent} HistoryEvent
 * @typedef {import('./protocol.js').Reason} Reason
 * @typedef {{index: number, intensity: number, time_ms: number, kind: Reason["kind"] | null}} Met
 */

export class ContentRules {
  #items;
  #neverNamed;
  /** @type {Map<string, number>} */
  #indexById = new Map();
  /** Of each item: its grounds, and what sharing them is worth. @type {{ground: number, worth: number}[][]} */
  #grounds = [];
  /** Of each ground: the items that have it. @type {number[][]} */
  #holders = [];
  /** Logarithms, or NaN. */
  #logPrices;
  /** Currencies as numbers: prices of two currencies are not compared. */
  #currencies;

  /**
   * @param {Item[]} items
   * @param {string[] | null} [neverNamed]  categories whose items are in no reason; null when nobody knows, and nothing is named
   */
  constructor(items, neverNamed = []) {
    this.#items = items;
    this.#neverNamed = neverNamed && new Set(neverNamed);
    this.#logPrices = Float64Array.from(items, ({ price }) => (price && price > 0 ? Math.log(price) : NaN));
    const currencyNumber = numbering();
    this.#currencies = Int32Array.from(items, ({ currency }) => currencyNumber(currency ?? ''));
    const groundNumber = numbering();
    for (const [index, item] of items.entries()) {
      this.#indexById.set(item.id, index);
      const grounds = groundsOf(item).map(({ name, worth }) => ({ ground: groundNumber(name), worth }));
      for (const { ground } of grounds) (this.#holders[ground] ??= []).push(index);
      this.#grounds.push(grounds);
    }
  }

  /** @returns {import('./protocol.js').EngineInfo} */
  info() {
    return {
      recipe: 'content', parameters: 0, device: 'cpu', quantisation: 'none', items: this.#items.length, context: CONTEXT,
      fingerprint: '', filter_days: FILTER_DAYS, tier: 1,
    };
  }

  /** What the events add up to, newest last. @param {HistoryEvent[]} events  oldest first */
  interactions(events) {
    return this.#met(events).map(({ index, intensity, time_ms }) => ({ item: this.#items[index].id, intensity, time_ms }));
  }

  /**
   * The best items, best first; ties go to the earlier item of the catalogue. What shares nothing with the history is
   * left out, unless it is among the candidates that are asked for.
   *
   * @param {HistoryEvent[]} events  oldest first
   * @param {{k: number, exclude?: string[], candidates?: string[], seed?: string, now_ms: number}} options
   * @returns {{item: string, score: number, rules: string[], reason?: Reason}[]}
   */
  recommend(events, { k, exclude = [], candidates, seed, now_ms }) {
    const all = this.#met(events);
    const met = this.#weighed(all, seed, now_ms);
    if (met.length === 0) return [];
    const scores = this.#scores(met);

    const away = new Set(this.#indicesOf(seed ? [...exclude, seed] : exclude));
    // Nothing is like itself: what was met is shown again only where it is asked for.
    for (const { index, intensity } of all) if (!candidates || intensity <= DISLIKED) away.add(index);
    const asked = candidates ? new Set(this.#indicesOf(candidates)) : null;
    /** @type {number[]} */
    const ranked = [];
    for (let index = 0; index < scores.length; index += 1) {
      const isWanted = asked ? asked.has(index) : scores[index] > 0;
      if (isWanted && this.#items[index].available !== false && !away.has(index)) ranked.push(index);
    }
    ranked.sort((a, b) => scores[b] - scores[a] || a - b);
    const chosen = asked ? ranked : this.#onePerGroup(ranked, seed);
    return chosen.slice(0, k).map((index) => {
      const reason = this.#reason(index, met);
      return { item: this.#items[index].id, score: scores[index], rules: [], ...(reason && { reason }) };
    });
  }

  /** @param {HistoryEvent[]} events @returns {Met[]}  newest last */
  #met(events) {
    /** @type {Map<number, HistoryEvent[]>} */
    const byItem = new Map();
    for (const event of events) {
      const index = this.#indexById.get(event.item);
      if (index === undefined) continue;
      const ofItem = byItem.get(index) ?? [];
      ofItem.push(event);
      // Put back at the end: the order of their last events is the order of interactions, whatever the clock said.
      byItem.delete(index);
      byItem.set(index, ofItem);
    }
    /** @type {Met[]} */
    const met = [];
    for (const [index, ofItem] of byItem) {
      const folded = fold(ofItem);
      if (folded) met.push({ index, time_ms: ofItem[ofItem.length - 1].ts, ...folded });
    }
    return met;
  }

  /**
   * What speaks for others, and how much.
   *
   * @param {Met[]} met
   * @param {string | undefined} seed
   * @param {number} now_ms
   */
  #weighed(met, seed, now_ms) {
    let read = met.slice(-CONTEXT);
    const index = this.#indexById.get(seed ?? '');
    if (index !== undefined) {
      const former = met.find((each) => each.index === index);
      /** @type {Met} */
      const looked = { index, intensity: SEED_INTENSITY, time_ms: now_ms, kind: former ? former.kind : 'viewed' };
      read = [...read.filter((each) => each !== former), looked];
    }
    return read.map((each, place) => {
      const steps = read.length - 1 - place;
      // A clock that was set back makes no event younger than now.
      const days = Math.max(0, now_ms - each.time_ms) / DAY_MS;
      return { ...each, weight: each.intensity * 0.5 ** (steps / HALF_LIFE_STEPS + days / HALF_LIFE_DAYS) };
    });
  }

  /** @param {(Met & {weight: number})[]} met */
  #scores(met) {
    const scores = new Float64Array(this.#items.length);
    // Added up by ground first, so that each list of holders is walked once and not once an interaction.
    /** @type {Map<number, number>} */
    const wanted = new Map();
    for (const { index, weight } of met) {
      for (const { ground, worth } of this.#grounds[index]) wanted.set(ground, (wanted.get(ground) ?? 0) + weight * worth);
    }
    for (const [ground, value] of wanted) {
      const rare = value * this.#rarity(ground);
      for (const index of this.#holders[ground]) scores[index] += rare;
    }
    // A price alone is no ground, nor is it what was wrong with an item that was sent away: it tells apart what is alike.
    const alike = [...scores.keys()].filter((index) => scores[index] > 0);
    const [prices, currencies] = [this.#logPrices, this.#currencies];
    for (const { index: known, weight } of met) {
      const [price, currency, most] = [prices[known], currencies[known], weight * WEIGHTS.price];
      if (!(weight > 0) || Number.isNaN(price)) continue;
      for (const index of alike) {
        const distance = Math.abs(prices[index] - price) / FAR_PRICE;
        if (distance < 1 && currencies[index] === currency) scores[index] += most * (1 - distance);
      }
    }
    return scores;
  }

  /** From 0 (every item has it) to nearly 1. @param {number} ground */
  #rarity(ground) {
    return 1 - this.#holders[ground].length / this.#items.length;
  }

  /** Ten sizes of one shoe are one recommendation. @param {number[]} ranked @param {string | undefined} seed */
  #onePerGroup(ranked, seed) {
    const seen = new Set([this.#items[this.#indexById.get(seed ?? '') ?? -1]?.group]);
    return ranked.filter((index) => {
      const { group } = this.#items[index];
      const isRepeated = group !== undefined && seen.has(group);
      seen.add(group);
      return !isRepeated;
    });
  }

  /**
   * The interaction that speaks for an item most, if a person would see what they have in common and both may be named.
   *
   * @param {number} index
   * @param {(Met & {weight: number})[]} met
   * @returns {Reason | undefined}
   */
  #reason(index, met) {
    if (this.#isUnnamed(index)) return undefined;
    const grounds = new Set(this.#grounds[index].map(({ ground }) => ground));
    let best = 0;
    /** @type {Reason | undefined} */
    let reason;
    for (const { index: known, weight, kind } of met) {
      if (!kind || known === index || !(weight > 0) || this.#isUnnamed(known)) continue;
      let common = 0;
      for (const { ground, worth } of this.#grounds[known]) if (grounds.has(ground)) common += worth * this.#rarity(ground);
      if (common < STRONG || common * weight <= best) continue;
      best = common * weight;
      const { id, title } = this.#items[known];
      reason = { kind, item: id, title };
    }
    return reason;
  }

  /** @param {number} index */
  #isUnnamed(index) {
    const names = this.#neverNamed;
    return !names || (this.#items[index].category ?? []).some((step) => names.has(step));
  }

  /** @param {string[]} ids */
  #indicesOf(ids) {
    return ids.flatMap((id) => this.#indexById.get(id) ?? []);
  }
}

/**
 * What an item may share with another, under names that mean the same in all items.
 *
 * @param {Item} item
 */
function groundsOf({ brand, category = [], attrs = {} }) {
  const grounds = [];
  let path = 'category';
  for (const step of category) {
    // A step is what leads to it, too: coats for women are no coats for men.
    path += `\n${step}`;
    grounds.push({ name: path, worth: WEIGHTS.category / category.length });
  }
  if (brand) grounds.push({ name: `brand\n${brand}`, worth: WEIGHTS.brand });
  const attributes = Object.entries(attrs);
  for (const [name, value] of attributes) {
    grounds.push({ name: `attribute\n${name}\n${value}`, worth: WEIGHTS.attributes / attributes.length });
  }
  return grounds;
}

/**
 * What the events of one item say: the newest rating, else a verdict, else how far the visitor went.
 *
 * @param {HistoryEvent[]} events  oldest first
 * @returns {{intensity: number, kind: Reason["kind"] | null} | null}  null when they say nothing
 */
function fold(events) {
  /** @type {number | undefined} */
  let rating;
  /** @type {number | undefined} */
  let verdict;
  /** @type {{p: number, kind: Reason["kind"] | null}} */
  let stage = { p: 0, kind: null };
  let dwell_ms = -1;
  /** @type {Record<string, number>} */
  const bonuses = {};
  for (const { type, ...event } of events) {
    if (isIn(STAGES, type)) {
      const reached = STAGES[type];
      if (reached.p >= stage.p) stage = reached;
      if (reached.p >= DECISION) verdict = undefined;
    } else if (isIn(BONUSES, type)) {
      const { add, cap, group } = BONUSES[type];
      bonuses[group] = Math.min(cap, (bonuses[group] ?? 0) + add);
    } else if (isIn(VERDICTS, type)) {
      verdict = isIn(RETURNS, event.reason) && type === 'return' ? RETURNS[event.reason] : VERDICTS[type];
    } else if (isIn(UNDONE, type)) {
      if (stage.p <= UNDONE[type].after) verdict = UNDONE[type].p;
    } else if (type === 'dwell') {
      dwell_ms = Math.max(dwell_ms, event.dwell_ms ?? 0);
    } else if (type === 'rate' && event.rating) {
      rating = clamped((event.rating - 3) / 2);
    }
  }
  if (rating !== undefined) return { intensity: rating, kind: rating > 0 ? 'liked' : null };
  // Nobody wants to be reminded of what went wrong.
  if (verdict !== undefined) return { intensity: verdict, kind: null };
  const bonus = Object.values(bonuses).reduce((sum, each) => sum + each, 0);
  if (dwell_ms < 0 && stage.p === 0 && bonus === 0) return null;
  if (dwell_ms >= 0 && dwell_ms < BOUNCE.below_ms && stage.p < DECISION && bonus === 0) return { intensity: BOUNCE.p, kind: 'viewed' };
  const furthest = Math.max(stage.p, dwell_ms < 0 ? 0 : dwelt(dwell_ms));
  return { intensity: clamped(furthest + bonus), kind: stage.kind ?? 'viewed' };
}

/** Gives every name a number, from 0 on. */
function numbering() {
  /** @type {Map<string, number>} */
  const numbers = new Map();
  return (/** @type {string} */ name) => {
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return number;
  };
}

/** @param {number} dwell_ms */
function dwelt(dwell_ms) {
  const { from, to, low_ms, high_ms } = DWELL;
  const share = Math.log(Math.max(dwell_ms, low_ms) / low_ms) / Math.log(high_ms / low_ms);
  return from + (to - from) * Math.min(1, share);
}

/** @param {number} intensity */
function clamped(intensity) {
  return Math.min(1, Math.max(-1, intensity));
}

/**
 * Types come from pages and storage: `constructor` is none.
 *
 * @template {object} T
 * @param {T} table
 * @param {any} name
 * @returns {name is keyof T}
 */
function isIn(table, name) {
  return Object.hasOwn(table, name);
}
