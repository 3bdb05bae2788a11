// What does Universal Analytics' enhanced e-commerce say, which many a data layer still speaks?
//
// Named so, and not as its source is, since block-lists match file names.

import { onPush } from '../page-queue.js';
import { count, list, price, text, tidy } from './fields.js';

/** @typedef {import('./fields.js').Mapped} Mapped */

/** @type {Record<string, string>} */
const TYPES = { detail: 'view', click: 'click', add: 'cart_add', remove: 'cart_remove', checkout: 'checkout', purchase: 'purchase', refund: 'return' };

/** @param {(pushed: any) => void} receive */
export function listen(receive) {
  onPush('dataLayer', receive);
}

/** @param {any} pushed @returns {Mapped[]} */
export function map(pushed) {
  const shop = pushed?.ecommerce;
  if (!shop || typeof shop !== 'object') return [];
  /** @type {Mapped[]} */
  const mapped = list(shop.impressions).map((each) => ({ type: 'list_view', ...readProduct(each, shop, {}) }));
  for (const [action, type] of Object.entries(TYPES)) {
    const told = shop[action];
    if (!told || typeof told !== 'object') continue;
    const field = told.actionField ?? {};
    // Every step of a checkout is told; the first says it.
    if (action === 'checkout' && (count(field.step) ?? 1) > 1) continue;
    const order = type === 'purchase' || type === 'return' ? text(field.id) : undefined;
    const products = list(told.products).map((each) => tidy({ type, ...readProduct(each, shop, field), order }));
    if (products.length === 0 && type === 'return' && order) mapped.push({ type, order });
    mapped.push(...products);
  }
  return mapped.filter(({ item, order }) => item || order).map(tidy);
}

/** @param {any} product @param {any} shop @param {any} field */
function readProduct(product, shop, field) {
  const currency = text(shop.currencyCode);
  return {
    item: text(product.id, product.name),
    variant: text(product.variant),
    qty: count(product.quantity),
    price: price(product.price, currency),
    currency,
    list: text(product.list, field.list),
    pos: count(product.position),
  };
}
