// What does Meta's base code say? Standard events of `fbq('track', …)`.

import { onCall } from '../page-queue.js';
import { count, list, price, text, tidy } from './fields.js';

/** @typedef {import('./fields.js').Mapped} Mapped */

/** @type {Record<string, string>} */
const TYPES = {
  ViewContent: 'view', AddToCart: 'cart_add', AddToWishlist: 'wishlist_add', InitiateCheckout: 'checkout', Purchase: 'purchase',
  Search: 'search',
};

/** @param {(args: any[]) => void} receive */
export function listen(receive) {
  onCall('fbq', receive);
}

/** @param {any[]} args @returns {Mapped[]} */
export function map(args) {
  // `trackSingle` names one of several receivers first.
  const [name, parameters, options] = args[0] === 'track' ? args.slice(1) : args[0] === 'trackSingle' ? args.slice(2) : [];
  if (!Object.hasOwn(TYPES, name)) return [];
  const type = TYPES[name];
  const shop = parameters ?? {};
  const currency = text(shop.currency);
  const order = type === 'purchase' ? text(shop.order_id, options?.eventID) : undefined;
  const contents = list(shop.contents).filter(({ id }) => text(id));
  // One id may stand by itself, without a list around it.
  const ids = list(Array.isArray(shop.content_ids) ? shop.content_ids : [shop.content_ids]).map((id) => ({ id }));
  return (contents.length > 0 ? contents : ids).filter(({ id }) => text(id)).map(({ id, quantity, item_price }) => tidy({
    // Several viewed at once are a list.
    type: type === 'view' && ids.length > 1 ? 'list_view' : type,
    item: text(id), qty: count(quantity), price: price(item_price, currency), currency, order,
  }));
}
