// What is in the cart? As far as the events tell, for shops that do not say it themselves.

/** @type {Record<string, boolean>} */
const IN_CART = { cart_add: true, cart_remove: false, purchase: false };

/**
 * @param {{item: string, type: string}[]} events  oldest first
 * @returns {string[]}
 */
export function cartOf(events) {
  const cart = new Set();
  for (const { item, type } of events) {
    if (!Object.hasOwn(IN_CART, type)) continue;
    if (IN_CART[type]) cart.add(item);
    else cart.delete(item);
  }
  return [...cart];
}
