// What is asked of a list? Options that were left out, and those that make no sense, by name.
//
// Looked at in the worker, of which the page loads less.

import { cartOf } from './cart.js';
import { VitrineError } from './protocol.js';

/** Items at most, where a script asks and says nothing, and where a row does. */
const COUNT = 10;
const LIMIT = 8;

/** @typedef {import('./protocol.js').EngineOptions} EngineOptions */

/**
 * @param {import('./protocol.js').Asked} asked
 * @param {import('./protocol.js').HistoryEvent[]} [events]  what is in the cart, where the row leaves that to them
 * @returns {{options: EngineOptions, mistake?: import('./protocol.js').ErrorRecord}}
 *   `mistake`: what is wrong with a row's attribute or property, and in the place of which the usual holds
 * @throws {VitrineError} bad_request: a script is told at once
 */
export function checkedOptions({ k = COUNT, limit, isCartSynced, now_ms, ...asked }, events = []) {
  /** @type {string[]} */
  const mistakes = [];
  const text = (/** @type {"seed" | "placement"} */ name) => {
    const value = asked[name] ?? '';
    if (typeof value === 'string') return value;
    mistakes.push(`${name} is ${written(value)}, not a text`);
    return '';
  };
  const ids = (/** @type {"exclude" | "cart" | "shown" | "candidates"} */ name) => {
    const given = asked[name] ?? [];
    const all = Array.isArray(given) || /** @type {unknown} */ (given) instanceof Set ? [...given] : [undefined];
    const texts = all.filter((each) => typeof each === 'string');
    if (texts.length < all.length) mistakes.push(`${name} is ${written(given)}, not a list of ids`);
    return texts;
  };
  const cart = ids('cart');
  const options = {
    candidates: asked.candidates ? ids('candidates') : undefined,
    exclude: ids('exclude'),
    seed: text('seed') || undefined,
    placement: text('placement'),
    cart: isCartSynced ? [...new Set([...cart, ...cartOf(events)])] : cart,
    shown: ids('shown'),
    now_ms,
    k: limit === undefined ? k : Number(limit || LIMIT),
  };
  if (!isCount(options.k)) {
    mistakes.push(limit === undefined ? `k is ${k}, not a count from 1 up` : `the attribute limit is "${limit}", not a count from 1 up; it is taken for ${LIMIT}`);
    options.k = LIMIT;
  }
  if (mistakes.length === 0) return { options };
  if (limit === undefined) throw new VitrineError('bad_request', mistakes[0]);
  return { options, mistake: { code: 'bad_request', message: mistakes[0] } };
}

/**
 * Does a row ask where there is nothing to go by? Then the shop's own list is as good. Who only passed by is not known.
 *
 * @param {import('./protocol.js').Asked} asked
 * @param {EngineOptions} options
 * @param {import('./protocol.js').HistoryEvent[]} events
 */
export function isForNobody({ limit }, { seed, cart = [] }, events) {
  return limit !== undefined && !seed && cart.length === 0 && events.every(({ type }) => type === 'impression');
}

/** @param {unknown} value */
function isCount(value) {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

/** No longer than a line. @param {unknown} value */
function written(value) {
  let text = String(value);
  try {
    text = JSON.stringify(value) ?? text;
  } catch {}
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
