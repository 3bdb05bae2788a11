// The bag: a drawer that lists what the visitor holds, and the till.

import { formatPrice } from '../vitrine/vitrine.js';
import { byId, h, notify } from './dom.js';
import { itemAddress, picture } from './tiles.js';

/** @param {import('./app.js').House} house */
export function setUpCart(house) {
  const dialog = byId('cart');
  dialog.addEventListener('click', (/** @type {MouseEvent} */ event) => {
    // The backdrop belongs to the dialog; a click beside the drawer closes it.
    if (event.target === dialog) dialog.close();
  });
  byId('cart-open').addEventListener('click', house.openCart);
  house.store.addEventListener('change', () => drawCart(house));
  drawCart(house);
}

/** @param {import('./app.js').House} house */
function drawCart(house) {
  const { store } = house;
  const count = store.cartCount;
  byId('cart-count').textContent = count > 0 ? String(count) : '';
  byId('cart-open').setAttribute('aria-label', count === 1 ? 'Bag, 1 piece' : `Bag, ${count} pieces`);
  const dialog = byId('cart');
  const hadFocus = dialog.contains(document.activeElement);
  dialog.replaceChildren(
    h('div', { class: 'drawer-body' },
      h('header', { class: 'drawer-head' },
        h('h2', { id: 'cart-title', tabindex: '-1' }, 'Your bag'),
        h('button', { type: 'button', class: 'close', 'aria-label': 'Close', onclick: () => dialog.close() }, '×'),
      ),
      count === 0
        ? h('p', { class: 'quiet' }, 'Nothing here yet. Take your time.')
        : h('ul', { class: 'lines', role: 'list' }, ...store.cart.map((line) => cartLine(line, house))),
      count > 0 && till(house),
    ),
  );
  if (hadFocus) byId('cart-title').focus();
}

/** @param {{item: import('./store.js').Item, qty: number}} line @param {import('./app.js').House} house */
function cartLine({ item, qty }, { store, recorder }) {
  return h('li', { class: 'line' },
    h('a', { class: 'line-picture', href: itemAddress(item.id), tabindex: '-1', 'aria-hidden': 'true', onclick: () => byId('cart').close() }, picture(item)),
    h('div', {},
      item.brand && h('p', { class: 'tile-brand' }, item.brand),
      h('p', { class: 'line-title' }, h('a', { href: itemAddress(item.id), onclick: () => byId('cart').close() }, item.title)),
      h('p', { class: 'quiet' }, qty > 1 ? `${qty} × ${formatPrice(item)}` : formatPrice(item)),
      h('button', {
        type: 'button', class: 'text', 'aria-label': `Remove ${item.title}`,
        onclick: () => {
          store.setCart(item.id, 0);
          recorder.record(item.id, 'cart_remove');
        },
      }, 'Remove'),
    ),
  );
}

/** @param {import('./app.js').House} house */
function till(house) {
  const { store, recorder } = house;
  return h('footer', { class: 'till' },
    ...totals(store.cart).map((total, index) =>
      h('p', { class: 'total' }, h('span', {}, index === 0 ? 'Total' : ''), h('span', {}, total)),
    ),
    h('button', {
      type: 'button', class: 'solid',
      onclick: () => {
        for (const { item, qty } of store.checkOut()) recorder.record(item, 'purchase', { qty });
        byId('cart').close();
        notify('Thank you. Your order is noted, on this device only.');
        location.hash = '#/orders';
      },
    }, 'Check out'),
    h('p', { class: 'fine' }, 'A demonstration: nothing is charged, nothing is sent.'),
  );
}

/** One sum for each currency: prices of different currencies do not add up. */
function totals(/** @type {{item: import('./store.js').Item, qty: number}[]} */ cart) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { item, qty } of cart) {
    const currency = item.currency ?? '';
    sums.set(currency, (sums.get(currency) ?? 0) + (item.price ?? 0) * qty);
  }
  return [...sums].map(([currency, price]) => formatPrice({ id: '', title: '', price, currency }));
}
