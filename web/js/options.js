// What is asked of a list? Options that were left out, and those that make no sense, by name.
//
// Looked at in the worker, of which the page loads less.

import { VitrineError } from './protocol.js';

/** Items at most, where a script asks and says nothing, and where a row does. */
const COUNT = 10;
const LIMIT = 8;

/** @typedef {import('./protocol.js').EngineOptions} EngineOptions */

/**
 * @param {import('./protocol.js').Asked} asked
 * @returns {{options: EngineOptions, mistake?: import('./protocol.js').ErrorRecord}}
 *   `mistake`: an attribute of a row that is wrong, and in the place of which the usual holds
 * @throws {VitrineError} bad_request: a script is told at once
 */
export function checkedOptions({ k = COUNT, limit, candidates, exclude, seed, placement, cart, shown, now_ms }) {
  const options = {
    candidates, exclude: exclude ?? [], seed: seed || undefined, placement: placement ?? '', cart: cart ?? [], shown: shown ?? [], now_ms,
  };
  if (limit !== undefined) {
    const count = Number(limit || LIMIT);
    if (isCount(count)) return { options: { ...options, k: count } };
    const message = `the attribute limit is "${limit}", not a count from 1 up; it is taken for ${LIMIT}`;
    return { options: { ...options, k: LIMIT }, mistake: { code: 'bad_request', message } };
  }
  if (!isCount(k)) throw new VitrineError('bad_request', `k is ${k}, not a count from 1 up`);
  return { options: { ...options, k } };
}

/** @param {unknown} value */
function isCount(value) {
  return Number.isSafeInteger(value) && Number(value) > 0;
}
