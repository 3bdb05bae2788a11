// The shop: loads the catalogue, follows the address, and brings the parts together.

import './device.js';
import { setUpBag, showBag } from './bag-page.js';
import { Categories } from './categories.js';
import { showCheckout } from './checkout-page.js';
import { Collection } from './collection.js';
import { setUpConsent } from './consent.js';
import { byId, h } from './dom.js';
import { setUpGlass } from './glass.js';
import { drawHero } from './hero.js';
import { showItem } from './item-page.js';
import { setUpKnows } from './knows.js';
import { showOrders } from './orders-page.js';
import { setUpHomeRow, updateRows } from './rows.js';
import { Store } from './store.js';

/** @typedef {{store: Store, categories: Categories}} House  what the parts of the shop share */

const NAME = 'Maison Aurelle';

const main = byId('main');
const home = byId('home');
const store = new Store();
/** Where each page was scrolled to, for the way back. @type {Map<string, number>} */
const depths = new Map();
/** On the first visit the browser places the keyboard; later the shop does. */
let hasArrived = false;
let address = location.hash;
let isReturn = false;

// A picture that fails must not leave a hole: its tile keeps the quiet ground of the page.
document.addEventListener('error', ({ target }) => {
  if (target instanceof HTMLImageElement) target.dataset.failed = '';
}, true);

drawHero(document.querySelector('.hero-art'));
setUpGlass();
setUpConsent();
// Another page than the home is on its way: nobody wants to see the home first.
if (/^#\/./.test(location.hash)) main.replaceChildren(h('div', { class: 'view waiting' }));

try {
  await store.load(new URL(home.querySelector('vitrine-recs').getAttribute('package'), document.baseURI));
  openHouse();
} catch (error) {
  console.error(error);
  main.replaceChildren(h('p', { class: 'failure', role: 'alert' },
    `The catalogue could not be read (${/** @type {Error} */ (error).message}). The shop opens again when the package is served.`));
}

function openHouse() {
  const house = { store, categories: new Categories(store.items) };
  for (const node of document.querySelectorAll('[data-needs="prices"]')) {
    /** @type {HTMLElement} */ (node).hidden = !store.hasPrices;
  }
  if (!store.hasPrices) {
    byIdIn(home, 'hero-title').textContent = 'Say what you love, and to no one else';
    byIdIn(home, 'hero-lead').textContent =
      'Rate a few titles. The shelf rearranges itself around your taste, and your taste never leaves this room.';
  }
  setUpHomeRow(home, house);
  setUpBag(house);
  setUpKnows(house);
  new Collection(byIdIn(home, 'collection'), house).show({ items: store.items, title: 'The collection', list: 'collection', level: 2 });
  store.addEventListener('change', () => {
    updateRows(store);
    // A page that shows some of it listens to this.
    main.firstElementChild.dispatchEvent(new Event('shop-change'));
  });
  const { navigation } = /** @type {any} */ (globalThis);
  navigation?.addEventListener('navigate', (/** @type {any} */ event) => (isReturn = event.navigationType === 'traverse'));
  addEventListener('scroll', () => depths.set(address, scrollY), { passive: true });
  addEventListener('hashchange', () => follow(house));
  follow(house);
}

/** Shows what the address names. Anchors of the page itself (`#main`) are the browser's affair. @param {House} house */
function follow(house) {
  const hash = location.hash || '#/';
  if (!hash.startsWith('#/')) return;
  const [place, ...names] = hash.slice(2).split('/').map(decodeURIComponent);
  const depth = isReturn ? (depths.get(location.hash) ?? 0) : 0;
  address = location.hash;
  for (const dialog of document.querySelectorAll('dialog[open]')) /** @type {HTMLDialogElement} */ (dialog).close();
  const view = viewOf(place, names, house);
  main.replaceChildren(view);
  updateRows(store);
  house.categories.draw(byId('rooms'), place === 'category' ? names : []);
  for (const link of document.querySelectorAll('.masthead a, .colophon a')) {
    const isHere = link.getAttribute('href') === hash && !link.classList.contains('wordmark');
    if (isHere) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  const heading = view.querySelector('h1');
  document.title = view === home ? NAME : `${heading.textContent} | ${NAME}`;
  scrollTo({ top: depth, behavior: 'instant' });
  if (hasArrived) heading.focus({ preventScroll: true });
  hasArrived = true;
}

/** @param {string} place @param {string[]} names @param {House} house @returns {HTMLElement} */
function viewOf(place, names, house) {
  const isShop = house.store.hasPrices;
  if (place === '') return home;
  if (place === 'category' && house.categories.has(names)) {
    return collectionView(house, {
      items: house.categories.itemsOf(names), title: /** @type {string} */ (names.at(-1)), list: 'category', within: names,
    });
  }
  if (place === 'saved') {
    return collectionView(house, {
      items: store.saved.map((id) => /** @type {any} */ (store.itemById.get(id))), title: 'Saved', list: 'saved',
      nothing: 'Nothing saved yet. What you save is kept here, for you alone.',
    });
  }
  const item = place === 'item' ? store.itemById.get(names[0]) : undefined;
  if (item) return showItem(item, house);
  if (place === 'bag' && isShop) return showBag(house);
  if (place === 'checkout' && isShop) return showCheckout(house);
  if (place === 'orders' && isShop) return showOrders(house);
  return h('div', { class: 'view failure' },
    h('h1', { tabindex: '-1' }, 'Not in the collection'),
    h('p', {}, 'There is nothing at this address. ', h('a', { href: '#/' }, 'See the collection'), '.'));
}

/** @param {House} house @param {import('./collection.js').Shown} shown */
function collectionView(house, shown) {
  const section = h('section', { class: 'view collection collection-page' });
  new Collection(section, house).show({ ...shown, level: 1 });
  return section;
}

/** The home may be out of the page just now. @param {HTMLElement} view @param {string} id @returns {any} */
function byIdIn(view, id) {
  return view.querySelector(`#${id}`);
}

