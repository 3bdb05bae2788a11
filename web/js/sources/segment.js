// What does Segment say? The e-commerce specification v2, and the names of v1, from `analytics.track`.

import { whenPresent } from '../page-queue.js';
import { count, list, number, price, text, tidy } from './fields.js';

/** @typedef {import('./fields.js').Mapped} Mapped */

/** @type {Record<string, string>} */
const TYPES = {
  'Products Searched': 'search', 'Product List Viewed': 'list_view', 'Product List Filtered': 'list_view', 'Product Clicked': 'click',
  'Product Viewed': 'view', 'Product Added': 'cart_add', 'Product Removed': 'cart_remove', 'Cart Viewed': 'cart_view',
  'Checkout Started': 'checkout', 'Order Completed': 'purchase', 'Order Updated': 'purchase', 'Order Cancelled': 'order_cancel',
  'Order Refunded': 'return', 'Product Added to Wishlist': 'wishlist_add', 'Product Removed from Wishlist': 'wishlist_remove',
  'Wishlist Product Added to Cart': 'cart_add', 'Product Shared': 'share', 'Cart Shared': 'share', 'Product Reviewed': 'rate',
  // Version 1.
  'Viewed Product': 'view', 'Clicked Product': 'click', 'Added Product': 'cart_add', 'Removed Product': 'cart_remove',
  'Viewed Product Category': 'list_view', 'Searched Products': 'search', 'Started Order': 'checkout', 'Completed Order': 'purchase',
  'Viewed Cart': 'cart_view', 'Refunded Order': 'return',
};

const OF_ORDERS = ['purchase', 'return', 'order_cancel'];

/** @typedef {{name: string, properties: any}} Told */

/** @param {(told: Told) => void} receive */
export function listen(receive) {
  whenPresent(
    () => /** @type {any} */ (globalThis).analytics,
    (vendor) => {
      // The stub's queue is told now; whether the library tells it once more when it loads depends on its version.
      const queued = list(Array.isArray(vendor) ? vendor : []).filter(([method]) => method === 'track').map(([, name, properties]) => ({ name, properties }));
      const replayed = queued.map((told) => JSON.stringify(told));
      queued.forEach(receive);
      vendor.on('track', (/** @type {string} */ name, /** @type {any} */ properties) => {
        const told = { name, properties };
        const place = replayed.indexOf(JSON.stringify(told));
        if (place < 0) receive(told);
        else replayed.splice(place, 1);
      });
    },
  );
}

/** @param {Told} told @returns {Mapped[]} */
export function map({ name, properties }) {
  if (!Object.hasOwn(TYPES, name)) return [];
  const type = TYPES[name];
  const shop = properties ?? {};
  const order = OF_ORDERS.includes(type) ? text(shop.order_id, shop.orderId) : undefined;
  const listed = Array.isArray(shop.products) ? list(shop.products) : [shop];
  const products = listed.map((each) => readProduct(each, shop, type)).filter(({ item }) => item);
  if (products.length === 0) return order && type !== 'purchase' ? [{ type, order }] : [];
  // A review without stars says nothing.
  return products.map((product) => tidy({ type, ...product, order })).filter((mapped) => type !== 'rate' || mapped.rating !== undefined);
}

/** @param {any} product @param {any} shop @param {string} type */
function readProduct(product, shop, type) {
  const currency = text(product.currency, shop.currency);
  const stars = type === 'rate' ? number(product.rating) : undefined;
  return {
    item: text(product.product_id, product.productId, product.sku, product.id),
    variant: text(product.variant),
    qty: count(product.quantity),
    price: price(product.price, currency),
    currency,
    list: text(shop.list_id),
    pos: count(product.position),
    rating: stars !== undefined && stars >= 1 && stars <= 5 ? stars : undefined,
  };
}
