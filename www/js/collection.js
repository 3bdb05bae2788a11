// How is a part of the collection shown? A heading, the kinds in it, search and order, and a grid that grows.

import { categoryAddress } from './categories.js';
import { h, uniqueId } from './dom.js';
import { tile } from './tiles.js';

/** So many tiles are drawn at once: a catalogue of thousands must not hold up the page. */
const PAGE = 24;
/** Fewer need no search. */
const MANY = 6;

/**
 * @typedef {import('./store.js').Item} Item
 * @typedef {object} Shown
 * @property {Item[]} items
 * @property {string} title
 * @property {string} list  what the recorder calls it
 * @property {1 | 2} [level]  of the heading
 * @property {string[]} [within]  the room
 * @property {string} [nothing]  what to say when it is empty
 */

const ORDERS = /** @type {[string, ((a: Item, b: Item) => number) | null][]} */ ([
  ['As the house shows it', null],
  ['Price, from low to high', (a, b) => (a.price ?? 0) - (b.price ?? 0)],
  ['Price, from high to low', (a, b) => (b.price ?? 0) - (a.price ?? 0)],
]);

export class Collection {
  #section;
  #house;
  #list = h('ul', { class: 'grid', role: 'list' });
  #more = h('p', { class: 'more', role: 'status' });
  #grow = h('button', { type: 'button', class: 'outline', onclick: () => this.#add() }, 'Show more');
  /** @type {Item[]} */
  #all = [];
  /** @type {Item[]} */
  #items = [];
  #nothing = '';
  #words = '';
  #order = 0;

  /** @param {HTMLElement} section @param {import('./app.js').House} house */
  constructor(section, house) {
    this.#section = section;
    this.#house = house;
  }

  /** @param {Shown} shown */
  show({ items, title, list, level = 2, within = [], nothing = '' }) {
    this.#all = items;
    this.#nothing = nothing;
    const id = uniqueId();
    this.#section.setAttribute('aria-labelledby', id);
    this.#list.dataset.vitrineList = list;
    const kinds = this.#house.categories.kindsOf(within);
    this.#section.replaceChildren(...[
      h('header', { class: 'collection-head' },
        h('div', {},
          within.length > 1 && h('p', { class: 'overline' }, h('a', { href: categoryAddress(within.slice(0, 1)) }, within[0])),
          h(`h${level}`, { id, tabindex: '-1' }, title),
        ),
        items.length >= MANY && this.#tools(),
      ),
      kinds.length > 0 && h('nav', { class: 'kinds', 'aria-label': within[0] }, h('ul', { role: 'list' },
        ...[null, ...kinds].map((kind) => h('li', {}, h('a', {
          href: categoryAddress(kind ? [within[0], kind] : [within[0]]), 'aria-current': kind === (within[1] ?? null) ? 'page' : null,
        }, kind ?? 'All'))))),
      this.#list, this.#more, this.#grow,
    ].filter(Boolean));
    this.#draw();
  }

  #tools() {
    const hasPrices = this.#house.store.hasPrices;
    return h('div', { class: 'tools' },
      h('label', { class: 'search' },
        h('span', { class: 'visually-hidden' }, 'Search'),
        h('input', {
          type: 'search', placeholder: 'Search', autocomplete: 'off',
          oninput: (/** @type {any} */ { target }) => {
            this.#words = target.value.trim().toLowerCase();
            this.#draw();
          },
        })),
      hasPrices && h('label', { class: 'order-by' },
        h('span', { class: 'visually-hidden' }, 'Order'),
        h('select', {
          onchange: (/** @type {any} */ { target }) => {
            this.#order = Number(target.value);
            this.#draw();
          },
        }, ...ORDERS.map(([label], index) => h('option', { value: index }, label)))),
    );
  }

  #draw() {
    const words = this.#words.split(/\s+/);
    const [, compare] = ORDERS[this.#order];
    const found = this.#all.filter(({ title, brand = '', category = [], attrs = {} }) => {
      const text = [title, brand, ...category, ...Object.values(attrs)].join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    });
    this.#items = compare ? [...found].sort(compare) : found;
    this.#list.replaceChildren();
    this.#add();
  }

  #add() {
    const from = this.#list.childElementCount;
    this.#list.append(...this.#items.slice(from, from + PAGE).map((item) => tile(item, { isWatched: true })));
    // The keyboard goes on where the new tiles begin.
    if (from > 0) this.#list.children[from]?.querySelector('a')?.focus();
    const count = this.#list.childElementCount;
    const total = this.#items.length;
    this.#grow.hidden = count === total;
    if (total === 0) this.#more.textContent = this.#words ? 'Nothing by that name.' : this.#nothing;
    else if (count < total) this.#more.textContent = `${count} of ${total}`;
    else this.#more.textContent = this.#words ? `${total} found` : '';
  }
}
