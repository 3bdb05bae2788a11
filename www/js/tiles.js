// How is an item shown in a list, the shop's own or one of recommendations?

import { formatPrice } from '../vitrine/vitrine.js';
import { cover, coverAddress } from './cover.js';
import { h } from './dom.js';

/** @typedef {import('./store.js').Item} Item */

/** @param {string} id */
export function itemAddress(id) {
  return `#/item/${encodeURIComponent(id)}`;
}

/**
 * An item for `<vitrine-recs>`: with the address of its page here, and a cover where a picture lacks. Films have no house;
 * their genre stands in its place, as on the tiles.
 *
 * @param {Item} item
 */
export function presentable(item) {
  return { ...item, url: itemAddress(item.id), image: item.image ?? coverAddress(item), brand: overline(item) };
}

/** @param {Item} item @param {Record<string, string>} [attributes] */
export function picture(item, attributes = {}) {
  if (!item.image) return cover(item);
  return h('img', { src: item.image, alt: '', width: 600, height: 800, loading: 'lazy', decoding: 'async', ...attributes });
}

/** What stands above the title. @param {Item} item */
export function overline({ brand, category = [] }) {
  return brand ?? category[0];
}

/** @param {Item} item */
export function isNew({ tags = [] }) {
  return tags.includes('new');
}

/**
 * Three lines, with or without something to say in each: lists of any catalogue have one height.
 *
 * @param {Item} item
 * @param {{isWatched?: boolean}} [options]  whether the recorder notes that it was seen and followed. Not in the list that
 *   `<vitrine-recs>` holds: that one stays in the page, unseen, when there is something better.
 * @returns {HTMLLIElement}
 */
export function tile(item, { isWatched = false } = {}) {
  return h('li', { class: 'tile', 'data-vitrine-item': isWatched && item.id },
    h('a', { href: itemAddress(item.id) },
      h('span', { class: 'tile-picture' }, picture(item)),
      h('span', { class: 'tile-text' },
        h('span', { class: 'tile-brand' }, overline(item) ?? '', isNew(item) && h('span', { class: 'tile-new' }, ' New')),
        h('span', { class: 'tile-title' }, item.title),
        h('span', { class: 'tile-note' }, formatPrice(item) || (item.category ?? []).slice(1, 3).join(', ')),
      ),
    ),
  );
}

/** A link that shows what the title beside it says. @param {Item} item */
export function thumbnail(item) {
  return h('a', { class: 'thumbnail', href: itemAddress(item.id), tabindex: '-1', 'aria-hidden': 'true' }, picture(item));
}
