// The shop: loads the catalogue, follows the address, and brings the parts together.

import { createRecommender } from '../vitrine/vitrine.js';
import { setUpCart } from './cart.js';
import { byId, h } from './dom.js';
import { drawHero } from './hero.js';
import { showItem } from './item-page.js';
import { showOrders } from './orders.js';
import { setUpPanel } from './panel.js';
import { Recorder } from './recorder.js';
import { Store } from './store.js';
import { Grid, presentable, tile } from './tiles.js';

/**
 * @typedef {object} House  what the parts of the shop share
 * @property {Store} store
 * @property {Recorder} recorder
 * @property {import('../vitrine/vitrine.js').Recommender} recommender
 * @property {string} packageUrl
 * @property {string} device
 * @property {() => void} openCart
 */

const SELECTION = 8;

/** On the first visit the browser places the keyboard; later the shop does. */
let hasArrived = false;

const homeRecs = byId('home-recs');
const device = new URLSearchParams(location.search).get('device') ?? 'auto';
const packageUrl = new URL(homeRecs.getAttribute('package'), document.baseURI).href;
homeRecs.setAttribute('device', device);

const store = new Store();
const recommender = createRecommender({ package: packageUrl, device: /** @type {any} */ (device) });
const recorder = new Recorder(recommender);
const grid = new Grid(byId('grid'), byId('more'));
/** @type {House} */
const house = { store, recorder, recommender, packageUrl, device, openCart: () => byId('cart').showModal() };

const panel = setUpPanel(house);
document.addEventListener('vitrine-ready', ({ detail }) => {
  document.documentElement.dataset.vitrineTier = String(detail.tier);
  panel.ready(detail.info);
});
document.addEventListener('vitrine-error', ({ detail }) => panel.failed(detail));
// A picture that fails must not leave a hole: its tile keeps the quiet ground of the page.
document.addEventListener('error', ({ target }) => {
  if (target instanceof HTMLImageElement) target.dataset.failed = '';
}, true);

homeRecs.transformItems = (/** @type {any[]} */ items) => items.map(presentable);
drawHero(document.querySelector('.hero-art'));
byId('home-fallback').append(...Array.from({ length: SELECTION }, emptyTile));

try {
  await store.load(packageUrl);
  openHouse();
} catch (error) {
  const failure = byId('failure');
  failure.textContent = `${/** @type {Error} */ (error).message} The shop opens again when the package is served.`;
  failure.hidden = false;
}

function openHouse() {
  for (const node of document.querySelectorAll('[data-needs="prices"]')) {
    /** @type {HTMLElement} */ (node).hidden = !store.hasPrices;
  }
  if (!store.hasPrices) {
    byId('hero-title').replaceChildren('Say what you love,', h('br'), 'and to no one else');
    byId('hero-lead').textContent =
      'Rate a few titles. The shelf rearranges itself around your taste, and your taste never leaves this room.';
  }
  byId('home-fallback').replaceChildren(...selection().map(tile));
  setUpCart(house);
  store.addEventListener('change', () => {
    for (const recs of document.querySelectorAll('vitrine-recs')) recs.exclude = store.settled;
  });
  homeRecs.exclude = store.settled;
  byId('search').addEventListener('input', showCollection);
  addEventListener('hashchange', follow);
  follow();
}

/** The house's own choice: one item of each special category first, so that the row shows the range. */
function selection() {
  /** @type {Map<string, import('./store.js').Item>} */
  const firsts = new Map();
  for (const item of store.items) {
    const kind = item.category?.at(-1) ?? '';
    if (!firsts.has(kind) && item.available !== false) firsts.set(kind, item);
  }
  const range = [...firsts.values()];
  return [...range, ...store.items.filter((item) => !range.includes(item))].slice(0, SELECTION);
}

/** Shows what the address names. Anchors of the page itself (`#main`) are the browser's affair. */
function follow() {
  const hash = location.hash || '#/';
  if (!hash.startsWith('#/')) return;
  const [, place, name = ''] = hash.slice(1).split('/').map(decodeURIComponent);
  recorder.leave();
  const item = place === 'item' ? store.itemById.get(name) : undefined;
  byId('home-view').hidden = Boolean(item) || place === 'orders';
  byId('item-view').hidden = !item;
  byId('orders-view').hidden = place !== 'orders';
  byId('item-view').replaceChildren();
  if (item) {
    showItem(item, house);
    recorder.enter(item.id);
  } else if (place === 'orders') {
    showOrders(house);
  } else {
    byId('search').value = '';
    showCollection();
  }
  arrive(item?.title, place);
}

/** After a change of place: the title of the tab, the top of the page, and the keyboard at its heading. */
function arrive(/** @type {string | undefined} */ title, /** @type {string} */ place) {
  document.title = title ? `${title} | Maison Aurelle` : 'Maison Aurelle';
  const isFirst = !hasArrived;
  hasArrived = true;
  if (place === 'category' || place === 'saved') {
    byId('collection-title').focus({ preventScroll: true });
    byId('collection-title').closest('section').scrollIntoView();
    return;
  }
  if (isFirst) return;
  scrollTo({ top: 0, behavior: 'instant' });
  (document.querySelector('main > :not([hidden]) h1[tabindex]') ?? byId('main')).focus({ preventScroll: true });
}
function showCollection() {
  const [, place, name = ''] = (location.hash || '#/').slice(1).split('/').map(decodeURIComponent);
  const category = place === 'category' ? name : '';
  const words = byId('search').value.trim().toLowerCase();
  const items = store.items
    .filter((item) => !category || item.category?.includes(category))
    .filter((item) => place !== 'saved' || store.saved.includes(item.id))
    .filter((item) => !words || `${item.title} ${item.brand ?? ''}`.toLowerCase().includes(words));
  byId('collection-title').textContent = place === 'saved' ? 'Saved' : category || 'The collection';
  const link = (/** @type {string} */ label, /** @type {string} */ href, /** @type {boolean} */ isCurrent) =>
    h('a', { href, 'aria-current': isCurrent ? 'page' : null }, label);
  byId('filter').replaceChildren(
    link('All', '#/', !category && place !== 'saved'),
    ...store.categories.map((each) => link(each, `#/category/${encodeURIComponent(each)}`, each === category)),
  );
  grid.show(items, place === 'saved' ? 'Nothing saved yet.' : 'Nothing by that name.');
}

function emptyTile() {
  return h('li', { class: 'tile', 'aria-hidden': 'true' }, h('span', { class: 'tile-picture' }), h('span', { class: 'tile-title' }, '\u00a0'), h('span', { class: 'tile-note' }, '\u00a0'));
}
