// When does the page change its address where there is no Navigation API? After the calls by which it does.

/** @param {() => void} look  is called after each */
export function watchPushes(look) {
  for (const name of /** @type {const} */ (['pushState', 'replaceState'])) {
    const original = history[name];
    history[name] = function (/** @type {any[]} */ ...words) {
      const result = /** @type {any} */ (original).apply(this, words);
      // The shop's own navigation must not fail because of us.
      try {
        look();
      } catch (cause) {
        console.error(cause);
      }
      return result;
    };
  }
  // It may have changed while this file was on its way.
  look();
}
