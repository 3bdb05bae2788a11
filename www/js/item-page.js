// The page of one item: picture, words, what one can do with it, and what goes with it.

import { formatPrice } from '../vitrine/vitrine.js';
import { byId, h, notify } from './dom.js';
import { picture, presentable, tile } from './tiles.js';

/** @typedef {import('./store.js').Item} Item */

/**
 * @param {Item} item
 * @param {import('./app.js').House} house
 */
export function showItem(item, house) {
  const view = byId('item-view');
  const hasPrice = item.price !== undefined && item.price !== null;
  view.replaceChildren(
    h('div', { class: 'item' },
      h('button', {
        type: 'button', class: 'item-picture', 'aria-label': `Look closer: ${item.title}`,
        onclick: () => zoom(item, house),
      }, picture(item, { loading: 'eager', fetchpriority: 'high' })),
      h('div', { class: 'item-text' },
        trail(item),
        item.brand && h('p', { class: 'overline' }, item.brand),
        h('h1', { tabindex: '-1' }, item.title),
        hasPrice && h('p', { class: 'item-price' }, formatPrice(item)),
        item.text && h('p', { class: 'item-words' }, item.text),
        hasPrice ? purchase(item, house) : stars(item, house),
        attributes(item),
        h('p', { class: 'promise' }, 'Whether you stay or leave, only this browser will know.'),
      ),
    ),
    related(item, house),
  );
}

/** @param {Item} item */
function trail({ category = [] }) {
  const links = category.slice(0, 3).flatMap((name, index) => [
    index > 0 ? ' · ' : '',
    h('a', { href: `#/category/${encodeURIComponent(name)}` }, name),
  ]);
  return h('nav', { class: 'trail', 'aria-label': 'Categories' }, h('a', { href: '#/' }, 'The collection'), links.length > 0 && ' · ', ...links);
}

/** @param {Item} item @param {import('./app.js').House} house */
function purchase(item, house) {
  const isAvailable = item.available !== false;
  return h('div', { class: 'actions' },
    h('button', {
      type: 'button', class: 'solid', disabled: !isAvailable,
      onclick: () => {
        const held = house.store.cart.find((line) => line.item.id === item.id)?.qty ?? 0;
        house.store.setCart(item.id, held + 1);
        house.recorder.record(item.id, 'cart_add', { qty: 1 });
        house.openCart();
      },
    }, isAvailable ? 'Add to bag' : 'Not available'),
    save(item, house),
  );
}

/** @param {Item} item @param {import('./app.js').House} house */
function save(item, house) {
  const isSaved = house.store.saved.includes(item.id);
  const label = (/** @type {boolean} */ saved) => (saved ? 'Saved' : 'Save');
  return h('button', {
    type: 'button', class: 'outline', 'aria-pressed': String(isSaved),
    onclick: (/** @type {any} */ { currentTarget }) => {
      const saved = house.store.toggleSaved(item.id);
      currentTarget.setAttribute('aria-pressed', String(saved));
      currentTarget.textContent = label(saved);
      house.recorder.record(item.id, saved ? 'wishlist_add' : 'wishlist_remove');
      notify(saved ? 'Saved for later.' : 'No longer saved.');
    },
  }, label(isSaved));
}

/** @param {Item} item @param {import('./app.js').House} house */
function stars(item, house) {
  const current = house.store.rating(item.id);
  const choice = (/** @type {number} */ count) =>
    h('label', {},
      h('input', {
        type: 'radio', name: 'stars', value: count, checked: count === current,
        onchange: () => {
          house.store.rate(item.id, count);
          house.recorder.record(item.id, 'rate', { rating: count });
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
    save(item, house),
  );
}

/** @param {Item} item */
function attributes({ attrs = {} }) {
  const entries = Object.entries(attrs);
  if (entries.length === 0) return null;
  return h('dl', { class: 'attributes' }, ...entries.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

/** @param {Item} item @param {import('./app.js').House} house */
function zoom(item, house) {
  house.recorder.record(item.id, 'zoom');
  const dialog = byId('zoom');
  dialog.replaceChildren(
    h('button', { type: 'button', class: 'zoom-close', 'aria-label': 'Close', onclick: () => dialog.close() }, picture(item, { loading: 'eager' })),
  );
  dialog.showModal();
}

/**
 * The row under the item. Without a model, items of the same special category stand in.
 *
 * @param {Item} item
 * @param {import('./app.js').House} house
 */
function related(item, house) {
  const kin = item.category?.at(-1);
  const others = house.store.items.filter((other) => other.id !== item.id);
  const alike = others.filter((other) => kin && other.category?.includes(kin));
  const fallback = [...alike, ...others.filter((other) => !alike.includes(other))].slice(0, 6);
  const recs = h('vitrine-recs',
    {
      package: house.packageUrl, device: house.device, placement: 'product', seed: item.id, limit: 6,
      heading: 'You may also like', 'dismiss-label': 'Not for me',
    },
    h('div', { class: 'shop-list' }, h('h2', {}, 'In the same spirit'), h('ul', { role: 'list' }, ...fallback.map(tile))),
  );
  recs.exclude = house.store.settled;
  recs.transformItems = (/** @type {Item[]} */ items) => items.map(presentable);
  return h('div', { class: 'row row-item' }, recs);
}
