// What does Algolia Insights say? Calls of `aa`, each with the ids of its objects.

import { onCall } from '../page-queue.js';
import { count, list, price, text, tidy } from './fields.js';

/** @typedef {import('./fields.js').Mapped} Mapped */

/** Without what follows "ObjectIDs" in the name of a call. @type {Record<string, string>} */
const TYPES = { viewed: 'view', clicked: 'click', addedToCart: 'cart_add', purchased: 'purchase' };

/** @type {Record<string, string>} */
const CONVERSIONS = { addToCart: 'cart_add', purchase: 'purchase' };

/** @param {(args: any[]) => void} receive */
export function listen(receive) {
  const name = /** @type {any} */ (globalThis).AlgoliaAnalyticsObject;
  onCall(typeof name === 'string' ? name : 'aa', receive);
}

/** @param {any[]} args @returns {Mapped[]} */
export function map([call, parameters]) {
  if (call === 'sendEvents') return list(parameters).flatMap((event) => objects(typeOf(event), event));
  const [, verb = ''] = /^(\w+)ObjectIDs/.exec(String(call)) ?? [];
  if (verb === 'converted') return objects(CONVERSIONS[parameters?.eventSubtype], parameters);
  return Object.hasOwn(TYPES, verb) ? objects(TYPES[verb], parameters) : [];
}

/** @param {any} event */
function typeOf({ eventType, eventSubtype }) {
  if (eventType === 'conversion') return CONVERSIONS[eventSubtype];
  return eventType === 'view' || eventType === 'click' ? eventType : undefined;
}

/** @param {string | undefined} type  none: a conversion that does not say into what @param {any} parameters @returns {Mapped[]} */
function objects(type, parameters) {
  const ids = list(parameters?.objectIDs);
  if (!type || ids.length === 0) return [];
  const currency = text(parameters.currency);
  return ids.map((id, place) => {
    const data = parameters.objectData?.[place] ?? {};
    return tidy({
      // Several viewed at once are a list.
      type: type === 'view' && ids.length > 1 ? 'list_view' : type,
      item: text(id), qty: count(data.quantity), price: price(data.price, currency), currency,
      pos: count(parameters.positions?.[place]), ts: count(parameters.timestamp),
    });
  });
}
