// The page of one item: picture, words, what one can do with it, and what else one may like.

import { formatPrice } from '../vitrine/vitrine.js';
import { byId, h, notify, svg } from './dom.js';
import { note } from './notes.js';
import { besideRow } from './rows.js';
import { isNew, picture } from './tiles.js';

/** @typedef {import('./store.js').Item} Item */
/** @typedef {import('./app.js').House} House */

/** @param {Item} item @param {House} house */
export function showItem(item, house) {
  const price = formatPrice(item);
  // The recorder reads from the markup what is viewed, for how long, and that the picture was studied.
  return h('div', { class: 'view item-view' },
    h('article', { class: 'item', 'data-vitrine-page': item.id },
      h('div', { class: 'item-picture' },
        picture(item, { loading: 'eager', fetchpriority: 'high' }),
        h('button', { type: 'button', class: 'over', 'data-vitrine-event': 'zoom', 'aria-label': `Look closer: ${item.title}`, onclick: () => zoom(item) }),
      ),
      h('div', { class: 'item-text' },
        trail(item, house),
        item.brand && h('p', { class: 'overline' }, item.brand, isNew(item) && h('span', { class: 'tile-new' }, ' New')),
        h('h1', { tabindex: '-1' }, item.title),
        price && h('p', { class: 'item-price' }, price),
        item.text && h('p', { class: 'item-words' }, item.text),
        price ? purchase(item, house) : stars(item, house),
        attributes(item),
        h('p', { class: 'promise' }, 'Whether you stay or leave, only this browser will know.'),
      ),
    ),
    besideRow(item, house),
  );
}

/** @param {Item} item @param {House} house */
function trail(item, { categories }) {
  return h('nav', { class: 'trail', 'aria-label': 'Where this belongs' }, h('ol', { role: 'list' },
    h('li', {}, h('a', { href: '#/' }, 'The collection')),
    ...categories.trailOf(item).map(({ name, href }) => h('li', {}, h('a', { href }, name)))));
}

/** @param {Item} item @param {House} house */
function purchase(item, { store }) {
  const isAvailable = item.available !== false;
  // Heard when it changes, for it is there before.
  const held = h('p', { class: 'held', role: 'status' });
  const draw = () => {
    const qty = store.held(item.id);
    held.replaceChildren(...(qty > 0 ? [qty === 1 ? 'In your bag. ' : `${qty} in your bag. `, h('a', { href: '#/bag' }, 'See the bag')] : []));
  };
  draw();
  return h('div', {},
    h('div', { class: 'actions' },
      h('button', {
        type: 'button', class: 'solid', disabled: !isAvailable,
        onclick: () => {
          store.setCart(item.id, store.held(item.id) + 1);
          note(item.id, 'cart_add', { qty: 1, price: item.price, currency: item.currency });
          draw();
        },
      }, isAvailable ? 'Add to bag' : 'Not available'),
      save(item, store),
    ),
    held,
  );
}

/** @param {Item} item @param {import('./store.js').Store} store */
function save(item, store) {
  return h('button', {
    type: 'button', class: 'outline save', 'aria-pressed': String(store.saved.includes(item.id)),
    onclick: (/** @type {any} */ { currentTarget }) => {
      const isSaved = store.toggleSaved(item.id);
      currentTarget.setAttribute('aria-pressed', String(isSaved));
      note(item.id, isSaved ? 'wishlist_add' : 'wishlist_remove');
      notify(isSaved ? 'Saved for later.' : 'No longer saved.');
    },
  }, svg('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: 'M6 3.5h12v17l-6-4.5-6 4.5z' })), 'Save');
}

/** @param {Item} item @param {House} house */
function stars(item, { store }) {
  const current = store.rating(item.id);
  const choice = (/** @type {number} */ count) =>
    h('label', {},
      h('input', {
        type: 'radio', name: 'stars', value: count, checked: count === current,
        onchange: () => {
          store.rate(item.id, count);
          note(item.id, 'rate', { rating: count });
          notify(`Noted: ${count} of 5.`);
        },
      }),
      h('span', { 'aria-hidden': 'true' }, '★'),
      h('span', { class: 'visually-hidden' }, count === 1 ? '1 star' : `${count} stars`),
    );
  return h('div', { class: 'actions' },
    h('fieldset', { class: 'stars' },
      h('legend', {}, 'What did you think of it?'),
      h('div', { class: 'stars-row' }, ...[1, 2, 3, 4, 5].map(choice)),
    ),
    save(item, store),
  );
}

/** @param {Item} item */
function attributes({ attrs = {} }) {
  const entries = Object.entries(attrs);
  if (entries.length === 0) return null;
  return h('dl', { class: 'attributes' }, ...entries.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

/** @param {Item} item */
function zoom(item) {
  const dialog = byId('zoom');
  dialog.replaceChildren(
    picture(item, { loading: 'eager' }),
    h('button', { type: 'button', class: 'over', 'aria-label': 'Close', onclick: () => dialog.close() }),
  );
  dialog.showModal();
}
