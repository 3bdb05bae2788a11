// What does Google Analytics 4 say? `gtag('event', …)` and `dataLayer.push({ event, ecommerce })`.
//
// The pushed object is read, never the state that Tag Manager merges from all of them, which shows stale items.

import { onPush } from '../page-queue.js';
import { count, list, price, text, tidy } from './fields.js';

/** @typedef {import('./fields.js').Mapped} Mapped */

/** @type {Record<string, string>} */
const TYPES = {
  view_item_list: 'list_view', view_promotion: 'list_view', select_item: 'click', select_promotion: 'click', view_item: 'view',
  add_to_wishlist: 'wishlist_add', add_to_cart: 'cart_add', remove_from_cart: 'cart_remove', view_cart: 'cart_view',
  begin_checkout: 'checkout', purchase: 'purchase', refund: 'return', search: 'search', view_search_results: 'search',
};

/** @type {Record<string, string>} */
const CONTENT = { select_content: 'click', share: 'share' };

/** @param {(pushed: any) => void} receive */
export function listen(receive) {
  onPush('dataLayer', receive);
}

/** @param {any} pushed  an `arguments` object of gtag, or a plain object @returns {Mapped[]} */
export function map(pushed) {
  const isCall = pushed?.[0] === 'event';
  const name = isCall ? pushed[1] : pushed?.event;
  return typeof name === 'string' ? mapEvent(name, (isCall ? pushed[2] : pushed) ?? {}) : [];
}

/**
 * @param {string} name
 * @param {any} parameters  with its items at the top, or under `ecommerce`
 * @returns {Mapped[]}
 */
export function mapEvent(name, parameters) {
  if (Object.hasOwn(CONTENT, name)) {
    const { content_type, content_id, item_id } = parameters;
    const item = text(item_id, content_id);
    return content_type === 'product' && item ? [{ type: CONTENT[name], item }] : [];
  }
  if (!Object.hasOwn(TYPES, name)) return [];
  const type = TYPES[name];
  const shop = { ...parameters, ...parameters.ecommerce };
  const order = type === 'purchase' || type === 'return' ? text(shop.transaction_id) : undefined;
  const items = list(shop.items).map((each) => readItem(each, shop)).filter(({ item }) => item);
  if (items.length === 0) return type === 'return' && order ? [{ type, order }] : [];
  return items.map((item) => tidy({ type, ...item, order }));
}

/** @param {any} item @param {any} shop */
function readItem(item, shop) {
  const currency = text(item.currency, shop.currency);
  return {
    item: text(item.item_id, item.item_name),
    variant: text(item.item_variant),
    qty: count(item.quantity),
    price: price(item.price, currency),
    currency,
    list: text(item.item_list_id, item.item_list_name, shop.item_list_id, shop.item_list_name),
    pos: count(item.index),
  };
}
