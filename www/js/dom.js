// Small helpers to build what the page shows, without markup in strings.

/**
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Properties
 * @typedef {Node | string | null | undefined | false} Child
 */

/**
 * An element. A property that is a function listens (`onclick`), `true` sets a bare attribute, and
 * `false`, `null` and `undefined` set none.
 *
 * @param {string} name
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {any}
 */
export function h(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

/**
 * @param {string} name
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {any}
 */
export function svg(name, properties = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', name), properties, children);
}

/**
 * @param {Element} node
 * @param {Properties} properties
 * @param {Child[]} children
 */
function fill(node, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === 'function') node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, '');
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, String(value));
  }
  node.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child || child === '')));
  return node;
}

/**
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  return document.getElementById(id);
}

/** Says something for a moment, to eyes and screen readers. */
export function notify(/** @type {string} */ text) {
  const notice = byId('notice');
  notice.textContent = text;
  notice.dataset.shown = '';
  clearTimeout(notify.timer);
  notify.timer = setTimeout(() => delete notice.dataset.shown, 2600);
}
notify.timer = 0;

let count = 0;

/** For what refers to something else on the page. */
export function uniqueId() {
  count += 1;
  return `id-${count}`;
}
