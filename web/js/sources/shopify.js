// What was bought in Shopify's checkout? It has no recorder: a custom pixel leaves the ids in the shop's localStorage, and
// they are collected, and removed, on the next page (web/platforms/shopify/orders/purchases.js).
//
// The same mapper reads the standard events of web pixels as they are.

import { safely } from '../page-queue.js';
import { count, list, price, text, tidy } from './fields.js';

/** @typedef {import('./fields.js').Mapped} Mapped */

const KEY = 'vitrine-purchases';

/** @type {Record<string, string>} */
const TYPES = {
  product_viewed: 'view', collection_viewed: 'list_view', search_submitted: 'search', product_added_to_cart: 'cart_add',
  product_removed_from_cart: 'cart_remove', cart_viewed: 'cart_view', checkout_started: 'checkout', checkout_completed: 'purchase',
};

/** @param {(told: any) => void} receive */
export function listen(receive) {
  const collect = () =>
    void safely(() => {
      const waiting = localStorage.getItem(KEY);
      // Removed first: what cannot be read is not read again and again.
      localStorage.removeItem(KEY);
      for (const each of list(JSON.parse(waiting ?? '[]'))) receive(each);
    });
  collect();
  // The pixel may write later than this, from the sandbox of this page or from another tab.
  addEventListener('storage', ({ key }) => key === KEY && collect());
  addEventListener('pageshow', collect);
  document.addEventListener('visibilitychange', collect);
}

/** @param {any} told  an event of a web pixel, or what the custom pixel left of a line of an order @returns {Mapped[]} */
export function map(told) {
  if (told?.name === undefined) return left(told ?? {});
  if (!Object.hasOwn(TYPES, told.name)) return [];
  const type = TYPES[told.name];
  const { productVariant, collection, searchResult, cartLine, cart, checkout } = told.data ?? {};
  const lines = [productVariant, ...list(collection?.productVariants), ...list(searchResult?.productVariants)].filter(Boolean)
    .map((merchandise) => ({ merchandise, quantity: undefined }))
    .concat([cartLine, ...list(cart?.lines)].filter(Boolean))
    .concat(list(checkout?.lineItems).map(({ variant, quantity }) => ({ merchandise: variant, quantity })));
  const order = type === 'purchase' ? text(checkout?.order?.id, checkout?.token) : undefined;
  const time = Date.parse(told.timestamp);
  const ts = Number.isFinite(time) ? time : undefined;
  return lines.map(({ merchandise, quantity }) => tidy({ type, ...readVariant(merchandise), qty: count(quantity), order, ts })).filter(({ item }) => item);
}

/** @param {any} line @returns {Mapped[]} */
function left({ item, variant, sku, qty, ts }) {
  const id = text(item, sku, variant);
  if (!id) return [];
  const time = count(ts);
  // Left behind twice, it is still one purchase.
  const same = time && `purchase ${time} ${text(variant) ?? id}`;
  return [tidy({ type: 'purchase', item: id, variant: text(variant), qty: count(qty), ts: time, id: same || undefined })];
}

/** @param {any} merchandise */
function readVariant(merchandise) {
  const currency = text(merchandise?.price?.currencyCode);
  return {
    item: text(merchandise?.product?.id, merchandise?.id, merchandise?.sku),
    variant: text(merchandise?.id),
    price: price(merchandise?.price?.amount, currency),
    currency,
  };
}
