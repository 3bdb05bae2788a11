// What do Google Retail and Vertex AI Search for commerce say? User events, from their queue or the data layer.

import { onPush } from '../page-queue.js';
import { count, list, price, text, tidy } from './fields.js';

/** @typedef {import('./fields.js').Mapped} Mapped */

/** @type {Record<string, string>} */
const TYPES = {
  search: 'search', 'category-page-view': 'list_view', 'detail-page-view': 'view', 'add-to-cart': 'cart_add',
  'shopping-cart-page-view': 'cart_view', 'purchase-complete': 'purchase', 'add-to-list': 'wishlist_add',
  'remove-from-list': 'wishlist_remove', 'remove-from-cart': 'cart_remove', 'checkout-start': 'checkout', refund: 'return',
  impression: 'list_view',
};

/** @param {(event: any) => void} receive */
export function listen(receive) {
  onPush('_gre', (pushed) => {
    if (pushed?.[0] === 'logEvent') receive(pushed[1]);
  });
  onPush('dataLayer', (pushed) => {
    const event = pushed?.cloud_retail ?? pushed?.automl;
    if (event) receive(event);
  });
}

/** @param {any} event @returns {Mapped[]} */
export function map(event) {
  if (!Object.hasOwn(TYPES, event?.eventType)) return [];
  const type = TYPES[event.eventType];
  const transaction = event.purchaseTransaction ?? {};
  const currency = text(transaction.currencyCode);
  const order = type === 'purchase' || type === 'return' ? text(transaction.id) : undefined;
  const time = Date.parse(event.eventTime);
  const products = list(event.productDetails).map(({ product, id, quantity }) => ({
    item: text(product?.id, id),
    qty: count(quantity),
    price: price(product?.priceInfo?.price, text(product?.priceInfo?.currencyCode) ?? currency),
    currency: text(product?.priceInfo?.currencyCode) ?? currency,
  }));
  const ts = Number.isFinite(time) ? time : undefined;
  const known = products.filter(({ item }) => item);
  if (known.length === 0) return type === 'return' && order ? [tidy({ type, order, ts })] : [];
  return known.map((each) => tidy({ type, ...each, order, ts }));
}
