// What does this page show already? No item stands in two lists; the list that comes first in the document keeps it.

/**
 * @typedef {{items: string[], question: Promise<unknown> | null, refresh: () => void}} Place
 */

/** `Node.DOCUMENT_POSITION_FOLLOWING` */
const FOLLOWING = 4;

/** @type {Map<Element, Place>} */
const places = new Map();

/**
 * A list takes part from here on. `refresh` is called when a list above it took one of its items.
 *
 * @param {Element} element
 * @param {() => void} refresh
 */
export function enter(element, refresh) {
  places.set(element, { items: [], question: null, refresh });
}

/** A list takes part no longer; what it showed is free. @param {Element} element */
export function leave(element) {
  places.delete(element);
}

/**
 * The list is asking now: those below it wait for its answer.
 *
 * @param {Element} element
 * @param {Promise<unknown>} question  that never rejects
 */
export function asks(element, question) {
  const place = places.get(element);
  if (place) place.question = question;
}

/** When all lists have drawn the answers that they asked for. */
export function all() {
  return Promise.all([...places.values()].map(({ question }) => question));
}

/**
 * What the lists above show, once they know. They do: a question is answered or fails.
 *
 * @param {Element} element
 * @returns {Promise<string[]>}
 */
export async function shownBefore(element) {
  await Promise.all(above(element).map(([, { question }]) => question));
  return above(element).flatMap(([, { items }]) => items);
}

/**
 * The list shows these items from here on; a list below that shows one of them asks again.
 *
 * @param {Element} element
 * @param {string[]} items
 */
export function shows(element, items) {
  const place = places.get(element);
  if (!place) return;
  place.items = items;
  for (const [other, { items: theirs, refresh }] of places) {
    if (isAbove(element, other) && theirs.some((item) => items.includes(item))) refresh();
  }
}

function above(/** @type {Element} */ element) {
  return [...places].filter(([other]) => isAbove(other, element));
}

/** Lists in different shadow trees have an order, too: any, and always the same. */
function isAbove(/** @type {Element} */ a, /** @type {Element} */ b) {
  return (a.compareDocumentPosition(b) & FOLLOWING) > 0;
}
