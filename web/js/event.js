// What is an event, and what is kept of one? Known types and known fields; everything else is dropped on entry.

import { VitrineError } from './protocol.js';

/**
 * What a visitor did. The recorder adds `v`, `id`, `session`, `n` (the running number) and `src` (who told it).
 *
 * @typedef {{item: string, type: string, ts: number, v?: number, id?: string, session?: string, n?: number, src?: string,
 *   variant?: string, qty?: number, price?: number, currency?: string, dwell_ms?: number, depth?: number, zoom?: number,
 *   rating?: number, reason?: string, list?: string, pos?: number, rec_id?: string}} HistoryEvent
 *   `ts` is in milliseconds since 1970, `price` in minor units, `depth` from 0 to 1.
 */

/** What every package understands. Other types are refused, so that a typing error does not pass as silence; a shop
 * names those that its own signals know with `start({ events })`. */
export const EVENT_TYPES =
  ('impression click view dwell zoom review compare share search list_view wishlist_add wishlist_remove cart_add cart_remove ' +
    'cart_view checkout purchase return rate dismiss revisit size_guide variant order_cancel').split(' ');

/** Texts are ids and names: longer ones are something else. */
const TEXT_LENGTH = 200;
const TEXTS = ['id', 'src', 'variant', 'currency', 'reason', 'list', 'rec_id'];

/** Whole numbers that the engine reads in 32 bits; a page may well measure in fractions of a millisecond. */
const COUNTS = ['dwell_ms', 'qty', 'price', 'pos'];
const MOST = 0xffffffff;
const NUMBERS = [...COUNTS, 'depth', 'zoom', 'rating'];

/** Seconds and microseconds are times of long ago and of a far future; clocks differ by less. */
const YEAR_2000_MS = 946_684_800_000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** One in so many parts: what sums of fractions are wrong by is less. */
const PARTS = 1e5;

/** After so long without any event, the next one begins a session. */
export const SESSION_GAP_MS = 30 * 60 * 1000;

/**
 * The event as it may be kept: known fields, checked. Names and addresses of people have no field; a text that holds an
 * e-mail address is dropped, and so is whatever follows a `?` in the name of a list, which may be an address of a page.
 *
 * @param {{item: string, type: string, ts?: number} & Record<string, any>} event
 * @param {Set<string>} types
 * @returns {HistoryEvent}
 * @throws {VitrineError} bad_request, naming what is wrong
 */
export function checkedEvent(event, types) {
  const now_ms = Date.now();
  const { item, type, ts = now_ms } = event ?? {};
  /** @type {Record<string, any>} */
  const kept = { v: 1, item, type, ts };
  /** @param {unknown} isRight @param {string} message */
  const demand = (isRight, message) => {
    if (!isRight) throw new VitrineError('bad_request', message);
  };
  demand(item && typeof item === 'string', 'an event names its item by a non-empty string');
  if (!types.has(type)) {
    // `add_to_cart`, `Product Viewed`: other recorders use the same words.
    const meant = EVENT_TYPES.filter((each) => each.split('_').every((word) => `${type}`.toLowerCase().includes(word))).pop();
    demand(false, `"${type}" is no event type; ${meant ? `did you mean ${meant}?` : `name it in start({ events })`}`);
  }
  // A device may believe that it is 1970: what is now is right in any case.
  demand(ts === now_ms || (Number.isSafeInteger(ts) && ts > YEAR_2000_MS && ts < now_ms + DAY_MS), `ts is ${ts}, not milliseconds from 2000 to now`);
  for (const field of TEXTS) {
    const text = String(event[field] ?? '').slice(0, TEXT_LENGTH);
    if (text && !/\S@\S/.test(text)) kept[field] = field === 'list' ? text.split('?')[0] : text;
  }
  for (const field of NUMBERS) {
    const number = event[field];
    if (number == null) continue;
    const isCount = COUNTS.includes(field);
    demand(Number.isFinite(number) && (!isCount || number >= 0), `${field} is ${number}, not a count or number`);
    demand(field !== 'price' || Math.round(number * PARTS) % PARTS === 0, `price is ${number}, not minor units: 99.90 is 9990`);
    kept[field] = isCount ? Math.min(Math.round(number), MOST) : number;
  }
  // The scale of a type of the shop's own is in its signals alone.
  demand(type !== 'rate' || (kept.rating >= 1 && kept.rating <= 5), `rating is ${kept.rating}, not 1 to 5`);
  return /** @type {HistoryEvent} */ (kept);
}
