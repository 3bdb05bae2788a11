// What holds of a shop's rules that cannot be read? What may not be named; where not even that is known, nothing is named.

/** What `detail.experiment` says while nobody knows which rules hold: such a visitor is of no arm. */
export const UNKNOWN = 'unknown';

/**
 * The categories that no reason may name, as far as they can be read.
 *
 * @param {string} [text]  of `rules.json`; undefined when it did not come
 * @returns {string[] | undefined} undefined when that is not known
 */
export function neverNamed(text = '') {
  try {
    const { never_named: named = [] } = JSON.parse(text);
    return Array.isArray(named) && named.every((each) => typeof each === 'string') ? named : undefined;
  } catch {
    return undefined;
  }
}

/** Rules that an engine takes whatever was wrong with the shop's. @param {string} [text] @returns {string} */
export function leastRules(text) {
  const never_named = neverNamed(text);
  return JSON.stringify({ version: 1, never_named, placements: { '*': { explain: never_named !== undefined } } });
}
