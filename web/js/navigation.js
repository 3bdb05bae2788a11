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
  for (const name of /** @type {const} */ (['pushState', 'replaceState'])) {
    const original = history[name];
    history[name] = function (/** @type {any[]} */ ...words) {
      const result = /** @type {any} */ (original).apply(this, words);
      look();
      return result;
    };
  }
}

/** State without an address of its own (a scroll position, an open menu) is the same page. */
function look() {
  if (location.href === address) return;
  address = location.href;
  for (const listener of [...listeners]) {
    // The shop's own navigation must not fail because of us.
    try {
      listener();
    } catch (cause) {
      console.error(cause);
    }
  }
}
