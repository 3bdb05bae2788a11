// What does the shop itself tell the recorder? What its markup cannot say: bag, orders, returns, ratings.

import { recorder } from '../vitrine/vitrine.js';
import { notify } from './dom.js';

/**
 * @param {string} item
 * @param {import('../vitrine/vitrine.js').EventType} type
 * @param {Record<string, unknown>} [more]
 */
export function note(item, type, more = {}) {
  recorder.observe({ item, type, ...more }).catch((error) => notify(error.message));
}
