// When does the page become another one without being loaded? Shops that are one application change the address only.

/** @type {Set<() => void>} */
const listeners = new Set();
/** Where we are; empty before anybody listens. */
let address = '';

/**
 * Calls `listener` after the address has changed.
 *
 * @param {() => void} listener
 * @returns {() => void}  stops
 */
export function onNavigation(listener) {
  watch();
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function watch() {
  if (address) return;
  address = location.href;
  const { navigation } = /** @type {any} */ (globalThis);
  if (navigation?.addEventListener) {
    navigation.addEventListener('currententrychange', look);
    return;
  }
  addEventListener('popstate', look);
  // Of what older browsers need, newer ones load nothing.
  import('./older-navigation.js').then(({ watchPushes }) => watchPushes(look), console.error);
}

/** State without an address of its own (a scroll position, an open menu) is the same page. */
function look() {
  if (location.href === address) return;
  address = location.href;
  for (const listener of [...listeners]) listener();
}
