// What does Snowplow's e-commerce plugin say? Calls like `snowplow('trackProductView', { id, … })`.

import { onCall } from '../page-queue.js';
import { count, list, price, text, tidy } from './fields.js';
import { mapEvent } from './ga4.js';

/** @typedef {import('./fields.js').Mapped} Mapped */

/** @type {Record<string, string>} */
const TYPES = {
  trackProductView: 'view', trackProductListView: 'list_view', trackProductListClick: 'click', trackAddToCart: 'cart_add',
  trackRemoveFromCart: 'cart_remove', trackTransaction: 'purchase', trackRefund: 'return',
};

/** Its calls in the words of Google Analytics 4. @type {Record<string, string>} */
const GA4 = {
  trackGA4ViewItem: 'view_item', trackGA4ViewItemList: 'view_item_list', trackGA4SelectItem: 'select_item',
  trackGA4AddToCart: 'add_to_cart', trackGA4RemoveFromCart: 'remove_from_cart', trackGA4Transaction: 'purchase',
};

/** @param {(args: any[]) => void} receive */
export function listen(receive) {
  const [name = 'snowplow'] = list(/** @type {any} */ (globalThis).GlobalSnowplowNamespace);
  onCall(name, receive);
}

/** @param {any[]} args @returns {Mapped[]} */
export function map([call, parameters]) {
  // `trackProductView:shop` is told to one of several.
  const [name] = String(call).split(':');
  const shop = parameters ?? {};
  if (Object.hasOwn(GA4, name)) return mapEvent(GA4[name], shop);
  // Every step of a checkout is told, and none says with which items.
  if (!Object.hasOwn(TYPES, name)) return [];
  const type = TYPES[name];
  const products = name === 'trackProductView' ? [shop] : list(shop.product ? [shop.product] : shop.products);
  const order = type === 'purchase' || type === 'return' ? text(shop.transaction_id) : undefined;
  if (products.length === 0) return type === 'return' && order ? [{ type, order }] : [];
  return products.filter(({ id }) => text(id)).map((product) => {
    const currency = text(product.currency, shop.currency);
    return tidy({
      type, order, item: text(product.id), variant: text(product.variant), qty: count(product.quantity),
      price: price(product.price, currency), currency, list: text(shop.name !== product.name ? shop.name : undefined), pos: count(product.position),
    });
  });
}
