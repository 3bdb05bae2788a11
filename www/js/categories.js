// Which rooms has the shop? Departments with kinds in them (Women, Coats), or genres side by side (Drama, Comedy).

import { h } from './dom.js';

/** @typedef {import('./store.js').Item} Item */

export class Categories {
  #items;
  /** Departments hold kinds; genres come in any order, so that a first one is elsewhere a second. */
  #isTree;
  /** @type {string[]} */
  #rooms;

  /** @param {Item[]} items */
  constructor(items) {
    this.#items = items;
    const later = new Set(items.flatMap(({ category = [] }) => category.slice(1)));
    this.#isTree = items.every(({ category = [] }) => !later.has(category[0]));
    this.#rooms = frequent(items.flatMap(({ category = [] }) => (this.#isTree ? category.slice(0, 1) : category)));
  }

  /** @param {string[]} path */
  has(path) {
    return path.length > 0 && this.itemsOf(path).length > 0;
  }

  /** @param {string[]} path @returns {Item[]} */
  itemsOf(path) {
    return this.#items.filter(({ category = [] }) =>
      this.#isTree ? path.every((name, index) => category[index] === name) : path.every((name) => category.includes(name)));
  }

  /** What is within a room, most first; none where it would be all the same. @param {string[]} path */
  kindsOf(path) {
    if (!this.#isTree || path.length === 0) return [];
    const kinds = frequent(this.itemsOf(path.slice(0, 1)).flatMap(({ category = [] }) => category.slice(1, 2)));
    return kinds.length > 1 ? kinds : [];
  }

  /** Where an item belongs, from the outermost room inwards. @param {Item} item @returns {{name: string, href: string}[]} */
  trailOf({ category = [] }) {
    const names = category.slice(0, this.#isTree ? 2 : 3);
    return names.map((name, index) => ({ name, href: categoryAddress(this.#isTree ? names.slice(0, index + 1) : [name]) }));
  }

  /** @param {HTMLElement} nav @param {string[]} path  of the room that is shown */
  draw(nav, path) {
    nav.replaceChildren(h('ul', { role: 'list' }, ...this.#rooms.map((name) =>
      h('li', {}, h('a', { href: categoryAddress([name]), 'aria-current': name === path[0] ? 'page' : null }, name)))));
  }
}

/** @param {string[]} path */
export function categoryAddress(path) {
  return `#/category/${path.map(encodeURIComponent).join('/')}`;
}

/** @param {string[]} names @returns {string[]} */
function frequent(names) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}
