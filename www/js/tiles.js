// How are items shown in lists? One tile, and a grid that draws large catalogues in pages.

import { formatPrice } from '../vitrine/vitrine.js';
import { cover, coverAddress } from './cover.js';
import { h } from './dom.js';

/** @typedef {import('./store.js').Item} Item */

/** So many tiles are drawn at once: a catalogue of thousands must not hold up the page. */
const PAGE = 48;

/** @param {string} id */
export function itemAddress(id) {
  return `#/item/${encodeURIComponent(id)}`;
}

/** An item for `<vitrine-recs>`: with the address of its page here, and a cover where a picture lacks. */
export function presentable(/** @type {Item} */ item) {
  return { ...item, url: itemAddress(item.id), image: item.image ?? coverAddress(item) };
}

/** @param {Item} item @param {Record<string, string>} [attributes] */
export function picture(item, attributes = {}) {
  if (!item.image) return cover(item);
  return h('img', { src: item.image, alt: '', width: 600, height: 800, loading: 'lazy', decoding: 'async', ...attributes });
}

/** @param {Item} item @returns {HTMLLIElement} */
export function tile(item) {
  const price = formatPrice(item);
  const note = price || (item.category ?? []).slice(0, 3).join(', ');
  return h('li', { class: 'tile' },
    h('a', { href: itemAddress(item.id) },
      h('span', { class: 'tile-picture' }, picture(item)),
      item.brand && h('span', { class: 'tile-brand' }, item.brand),
      h('span', { class: 'tile-title' }, item.title),
      note && h('span', { class: 'tile-note' }, note),
    ),
  );
}

export class Grid {
  #list;
  #more;
  /** @type {Item[]} */
  #items = [];

  /** @param {HTMLElement} list @param {HTMLElement} more */
  constructor(list, more) {
    this.#list = list;
    this.#more = more;
  }

  /** @param {Item[]} items @param {string} nothing  what to say when there are none */
  show(items, nothing) {
    this.#items = items;
    this.#list.replaceChildren();
    if (items.length === 0) this.#more.replaceChildren(nothing);
    else this.#grow();
  }

  #grow() {
    const from = this.#list.childElementCount;
    this.#list.append(...this.#items.slice(from, from + PAGE).map(tile));
    const shown = this.#list.childElementCount;
    // The keyboard goes on where the new tiles begin.
    if (from > 0) this.#list.children[from]?.querySelector('a')?.focus();
    this.#more.replaceChildren(h('span', {}, `${shown} of ${this.#items.length}`));
    if (shown < this.#items.length) {
      this.#more.append(h('button', { type: 'button', class: 'outline', onclick: () => this.#grow() }, 'Show more'));
    }
  }
}
