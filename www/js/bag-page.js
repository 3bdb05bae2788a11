// The bag: what the visitor holds, what it comes to, and what goes with it.

import { formatPrice } from '../vitrine/vitrine.js';
import { byId, h } from './dom.js';
import { note } from './notes.js';
import { bagRow } from './rows.js';
import { totals } from './store.js';
import { itemAddress, thumbnail } from './tiles.js';

/** @typedef {import('./store.js').Line} Line */
/** @typedef {import('./app.js').House} House */

/** The count in the masthead. @param {House} house */
export function setUpBag({ store }) {
  const draw = () => {
    const count = store.cart.reduce((sum, { qty }) => sum + qty, 0);
    byId('bag-count').textContent = count > 0 ? String(count) : '';
    byId('bag-link').setAttribute('aria-label', count === 1 ? 'Bag, 1 piece' : `Bag, ${count} pieces`);
  };
  store.addEventListener('change', draw);
  draw();
}

/** @param {House} house */
export function showBag(house) {
  const { store } = house;
  const view = h('div', { class: 'view bag-view' });
  const body = h('div', { class: 'page-columns' });
  const row = h('div');
  const draw = () => {
    view.classList.toggle('is-empty', store.cart.length === 0);
    if (store.cart.length === 0) {
      body.replaceChildren(h('p', { class: 'quiet' }, 'Nothing here yet. Take your time. ', h('a', { href: '#/' }, 'See the collection'), '.'));
      row.replaceChildren();
      return;
    }
    body.replaceChildren(h('ul', { class: 'lines', role: 'list' }, ...store.cart.map((line) => lineOf(line))), summary(store.cart));
    if (!row.firstChild) row.replaceChildren(bagRow(house));
  };
  /** @param {Line} line */
  const lineOf = ({ item, qty }) => {
    const change = (/** @type {number} */ next) => {
      store.setCart(item.id, next);
      // One piece less is no change of mind.
      if (next > qty) note(item.id, 'cart_add', { qty: next - qty, price: item.price, currency: item.currency });
      else if (next === 0) note(item.id, 'cart_remove');
      // The button is another one now, or gone with its line.
      (view.querySelector(`[data-line="${CSS.escape(item.id)}"] [data-step="${Math.sign(next - qty)}"]`) ?? view.querySelector('h1')).focus();
    };
    return h('li', { class: 'line', 'data-line': item.id },
      thumbnail(item),
      h('div', { class: 'line-text' },
        item.brand && h('p', { class: 'overline' }, item.brand),
        h('p', { class: 'line-title' }, h('a', { href: itemAddress(item.id) }, item.title)),
        h('p', { class: 'quiet' }, Object.values(item.attrs ?? {}).slice(0, 2).join(', ')),
        h('p', { class: 'line-steps' },
          h('button', { type: 'button', class: 'step', 'data-step': '-1', 'aria-label': `One less: ${item.title}`, disabled: qty === 1, onclick: () => change(qty - 1) }, '−'),
          h('span', {}, h('span', { class: 'visually-hidden' }, 'Pieces: '), String(qty)),
          h('button', { type: 'button', class: 'step', 'data-step': '1', 'aria-label': `One more: ${item.title}`, onclick: () => change(qty + 1) }, '+'),
          h('button', { type: 'button', class: 'text', 'aria-label': `Remove ${item.title}`, onclick: () => change(0) }, 'Remove'),
        ),
      ),
      h('p', { class: 'line-price' }, ...totals([{ item, qty }])),
    );
  };
  draw();
  view.addEventListener('shop-change', draw);
  view.append(h('h1', { tabindex: '-1' }, 'Your bag'), body, row);
  return view;
}

/** @param {Line[]} lines */
function summary(lines) {
  return h('section', { class: 'summary', 'aria-label': 'Summary' },
    h('dl', { class: 'sums' },
      h('div', {}, h('dt', {}, 'Delivery'), h('dd', {}, 'With our compliments')),
      h('div', { class: 'sum' }, h('dt', {}, 'Total'), h('dd', {}, ...totals(lines).flatMap((total, index) => [index > 0 && h('br'), total]))),
    ),
    h('a', { class: 'solid', href: '#/checkout' }, 'Go to checkout'),
    h('p', { class: 'fine' }, 'A demonstration: nothing is charged, nothing is sent.'),
  );
}

/** What is ordered, in short. @param {Line[]} lines */
export function brief(lines) {
  return h('ul', { class: 'brief', role: 'list' }, ...lines.map(({ item, qty }) =>
    h('li', {}, thumbnail(item), h('span', {}, item.title, qty > 1 && ` × ${qty}`), h('span', {}, formatPrice({ ...item, price: (item.price ?? 0) * qty })))));
}
