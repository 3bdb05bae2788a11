// Where does the shop recommend? Three `<vitrine-recs>`: at the entrance, beside an item, and with what is in the bag.

import { recorder } from '../vitrine/vitrine.js';
import { device } from './device.js';
import { h } from './dom.js';
import { presentable, tile } from './tiles.js';

/** @typedef {import('./store.js').Item} Item */
/** @typedef {import('./store.js').Store} Store */

/** As many as the shop's own list shows. */
const ENTRANCE = 8;
const BESIDE = 6;

/** Whether the visitor did anything yet but pass by: a row for somebody of whom nothing is known is nobody's. */
let isMet = false;
const meet = (/** @type {{type: string}[]} */ events) => (isMet ||= events.some(({ type }) => type !== 'impression'));
recorder.addEventListener('event', (event) => meet([/** @type {CustomEvent} */ (event).detail]));
recorder.addEventListener('change', (event) => {
  if (/** @type {CustomEvent} */ (event).detail.kind === 'added') return;
  isMet = false;
  recorder.events().then(meet);
});
recorder.events().then(meet);

/** @param {HTMLElement} home @param {import('./app.js').House} house */
export function setUpHomeRow(home, { store }) {
  const row = /** @type {any} */ (home.querySelector('#home-recs'));
  row.transformItems = (/** @type {Item[]} */ items) => (isMet ? items.map(presentable) : []);
  home.querySelector('#home-fallback')?.replaceChildren(...selection(store.items, ENTRANCE).map((item) => tile(item)));
}

/** @param {Item} item @param {import('./app.js').House} house */
export function besideRow(item, { store }) {
  const kin = item.category?.at(-1);
  const others = store.items.filter(({ id, available }) => id !== item.id && available !== false);
  const alike = others.filter(({ category = [] }) => kin && category.includes(kin));
  const fallback = [...alike, ...others.filter((other) => !alike.includes(other))].slice(0, BESIDE);
  return row('product', { heading: 'You may also like', seed: item.id, limit: BESIDE, own: 'In the same spirit' }, fallback);
}

/** @param {import('./app.js').House} house */
export function bagRow({ store }) {
  const held = new Set(store.cart.map(({ item }) => item.id));
  const kinds = new Set(store.cart.map(({ item }) => item.category?.at(-1)));
  const others = store.items.filter(({ id, category = [] }) => !held.has(id) && !kinds.has(category.at(-1)));
  return row('cart', { heading: 'Goes with your bag', limit: BESIDE, own: 'From the house' }, selection(others, BESIDE));
}

/** What is in the bag, and what was bought or rated: all rows know. @param {Store} store */
export function updateRows(store) {
  for (const recs of /** @type {NodeListOf<any>} */ (document.querySelectorAll('vitrine-recs'))) tell(recs, store);
}

/** @param {any} recs @param {Store} store */
function tell(recs, { cart, settled }) {
  const ids = cart.map(({ item }) => item.id);
  // What is told again is asked again.
  if (String(recs.cart) !== String(ids)) recs.cart = ids;
  if (String(recs.exclude) !== String(settled)) recs.exclude = settled;
}

/**
 * @param {string} placement
 * @param {{heading: string, seed?: string, limit: number, own: string}} options  `own`: heading of the shop's own list
 * @param {Item[]} fallback
 */
function row(placement, { heading, seed, limit, own }, fallback) {
  const recs = h('vitrine-recs',
    {
      package: './vitrine/model/', rules: './rules.json', device, placement, seed, limit, heading,
      'dismiss-label': 'Not for me', reasons: true, 'reason-cart': 'Goes with {title} in your bag',
    },
    h('div', { class: 'shop-list' }, h('h2', {}, own), h('ul', { role: 'list' }, ...fallback.map((item) => tile(item)))),
  );
  recs.transformItems = (/** @type {Item[]} */ items) => items.map(presentable);
  return h('div', { class: 'row' }, recs);
}

/** The house's own choice: one item of each special category first, so that the row shows the range. @param {Item[]} items @param {number} count */
function selection(items, count) {
  const available = items.filter((item) => item.available !== false);
  /** @type {Map<string, Item>} */
  const firsts = new Map();
  for (const item of available) {
    const kind = item.category?.at(-1) ?? '';
    if (!firsts.has(kind)) firsts.set(kind, item);
  }
  const range = [...firsts.values()];
  return [...range, ...available.filter((item) => !range.includes(item))].slice(0, count);
}
