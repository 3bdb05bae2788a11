// Which entry stands for an item? The one that did before, if nothing about it changed; the keyboard stays where it is.

import { controlOf, rootsOf } from './carousel.js';
import { nextTask } from './dom.js';
import { slottedTile, tile } from './recs-view.js';

/**
 * @typedef {import('./protocol.js').Item} Item
 * @typedef {import('./protocol.js').Reason | null} Reason
 * @typedef {{key: string, entry: HTMLElement, content: HTMLElement | null}} Drawn  `content`: markup of the shop's own
 * @typedef {{locale?: string, dismissLabel: string | null, canOpenReasons: boolean,
 *   reasonOf: (id: string) => Reason, render: ((item: Item, reason: Reason) => unknown) | null}} Drawing
 */

/** Entries that a slow phone lays out within one task. */
const FEW = 5;
/** What of the first entry waits for the next. */
const LATER = '.price, a ~ *';

export class Entries {
  #host;
  #list;
  /** @type {Map<string, Drawn>} */
  #drawn = new Map();

  /** @param {HTMLElement} host @param {HTMLElement} list */
  constructor(host, list) {
    this.#host = host;
    this.#list = list;
  }

  /** What is shown, in order. */
  get ids() {
    return [...this.#drawn.keys()];
  }

  /** Draws everything anew next time: how it is drawn has changed. */
  invalidate() {
    for (const drawn of this.#drawn.values()) drawn.key = '';
  }

  clear() {
    this.#drawn.clear();
    this.#list.replaceChildren();
    this.#list.toggleAttribute('data-fresh', false);
    for (const content of this.#contents()) content.remove();
  }

  /**
   * Makes what is to be shown, and shows nothing yet. A slow phone needs milliseconds for each entry: before each, the page
   * may do something else. Where nothing is shown, they take their places unseen and are laid out: the first, for which the
   * browser makes ready its letters, in two parts, and then a few at a time, for each time costs a frame.
   *
   * @param {Item[]} items
   * @param {Drawing} drawing
   * @param {() => boolean} isOutdated  nobody waits for them any more
   * @returns {Promise<Map<string, Drawn>>}
   */
  async draw(items, drawing, isOutdated) {
    const template = /** @type {HTMLTemplateElement | null} */ (this.#host.querySelector(':scope > template'));
    // What few rows have, few pages load; where it does not come, the default look draws.
    const module = template && (await import('./template.js').catch(console.error));
    const all = new Map();
    /** @type {HTMLElement[]} */
    const few = [];
    if (!this.#drawn.size) this.#list.replaceChildren();
    for (const item of items) {
      const former = this.#drawn.get(item.id);
      if (!former) await nextTask();
      if (isOutdated()) break;
      const entry = drawn(item, former, drawing, template, module?.templateTile);
      all.set(item.id, entry);
      if (this.#drawn.size) continue;
      few.push(entry.entry);
      if (all.size % FEW !== 1 && all.size < items.length) continue;
      for (let parts = all.size > 1 ? 1 : 2; parts > 0; parts -= 1) {
        if (all.size < 2) for (const piece of entry.entry.querySelectorAll(LATER)) piece.toggleAttribute('hidden');
        await nextTask();
        if (isOutdated()) break;
        this.#list.append(...few.splice(0));
        void this.#list.offsetHeight;
      }
    }
    return all;
  }

  /** @param {Map<string, Drawn>} drawn  what `draw` made */
  show(drawn) {
    const former = this.#drawn;
    this.#drawn = drawn;
    this.#place(former);
  }

  /** Brings back what was taken from the light tree, and draws it anew next time: it may have been made into something else. */
  restore() {
    for (const drawn of this.#drawn.values()) if (drawn.content) drawn.key = '';
    this.#place(this.#drawn);
  }

  /**
   * The keyboard stays with its item, or with its place when the item is gone; from the shop's list it goes to the first.
   *
   * @param {Map<string, Drawn>} former
   */
  #place(former) {
    const isFirst = !former.size;
    const before = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    const all = [...this.#drawn.values()];
    const entries = all.map(({ entry }) => entry);
    const focused = this.#focused();
    const position = isFirst ? 0 : before.findIndex((entry) => focused && rootsOf(entry).some((root) => root.contains(focused)));
    // Markup of the shop's own stands in the light tree, where its style sheets reach it; the list only refers to it.
    for (const content of this.#contents()) {
      if (!all.some((each) => each.content === content)) content.remove();
    }
    for (const { content } of all) {
      if (content && content.parentNode !== this.#host) this.#host.append(content);
    }
    const isPlaced = before.length === entries.length && before.every((entry, index) => entry === entries[index]);
    if (isPlaced && !isFirst) return;
    // One animation for a row that is new as a whole: each is a layer of its own.
    this.#list.toggleAttribute('data-fresh', isFirst);
    for (const entry of entries) entry.toggleAttribute('data-fresh', !isFirst && !former.has(idOf(entry)));
    if (!isPlaced) {
      // A list that snaps would follow the entry that stood first; the visitor's place in the row is what stays.
      const place = this.#list.scrollLeft;
      this.#list.replaceChildren(...entries);
      this.#list.scrollLeft = place;
    }
    if (!focused || position < 0) return;
    const again = entries.find((entry) => idOf(entry) === idOf(before[position])) ?? entries[Math.min(position, entries.length - 1)];
    controlOf(again, isFirst ? 'a' : focused.localName)?.focus({ preventScroll: true });
  }

  #contents() {
    return this.#host.querySelectorAll(':scope > [slot^="item-"]');
  }

  /** Where the keyboard is: in the shadow tree, or in markup of the shop's own. */
  #focused() {
    const inside = this.#host.shadowRoot?.activeElement;
    if (inside) return inside;
    const { activeElement } = /** @type {Document | ShadowRoot} */ (this.#host.getRootNode());
    return activeElement !== this.#host && this.#host.contains(activeElement) ? activeElement : null;
  }
}

/** @param {Element} entry */
export function idOf(entry) {
  return /** @type {HTMLElement} */ (entry).dataset.item ?? '';
}

/**
 * @param {Item} item
 * @param {Drawn | undefined} former
 * @param {Drawing} drawing
 * @param {any} template  of the shop's own markup, if there is one
 * @param {typeof import('./template.js').templateTile} [templateTile]
 * @returns {Drawn}
 */
function drawn(item, former, { locale, dismissLabel, canOpenReasons, reasonOf, render }, template, templateTile) {
  const reason = reasonOf(item.id);
  const options = { locale, dismissLabel, reason: reason && { text: reason.text, opens: canOpenReasons } };
  const key = JSON.stringify([item, options, render ? 'render' : template?.innerHTML]);
  if (former?.key === key) return former;
  // What the shop could not draw, the default look can.
  const rendered = render?.(item, reason);
  const content = rendered instanceof HTMLElement ? rendered : templateTile?.(template, item, options);
  const entry = content ? slottedTile(content, item.id) : tile(item, options);
  entry.dataset.item = item.id;
  if (reason) entry.dataset.reason = reason.item;
  return { key, entry, content: content ?? null };
}

/** What can be drawn of what a function of the shop's returned. @param {any} items @returns {Item[]} */
export function itemsOf(items) {
  return [...items].map((item) => {
    if (typeof (item.id && item.title) === 'string') return item;
    throw new Error('an item without id or title');
  });
}
