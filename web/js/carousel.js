// How does a visitor move along a row? Two buttons go on by what fits, arrow keys go from item to item.

/** Which way a key leads, in the order of the items. */
const KEYS = new Map([['ArrowRight', 1], ['ArrowLeft', -1], ['Home', -Infinity], ['End', Infinity]]);

export class Carousel {
  #list;
  #controls;
  #previous;
  #next;
  /** @type {ResizeObserver | null} */
  #sizes = null;

  /** @param {{list: HTMLElement, controls: HTMLElement, previous: HTMLElement, next: HTMLElement}} parts */
  constructor({ list, controls, previous, next }) {
    this.#list = list;
    this.#controls = controls;
    this.#previous = previous;
    this.#next = next;
    previous.addEventListener('click', () => this.#page(-1));
    next.addEventListener('click', () => this.#page(1));
    list.addEventListener('keydown', (event) => this.#onKey(event));
    list.addEventListener('scroll', () => this.update(), { passive: true });
  }

  connect() {
    this.#sizes = new ResizeObserver(() => this.update());
    this.#sizes.observe(this.#list);
  }

  disconnect() {
    this.#sizes?.disconnect();
  }

  /** Back to the first item: another page, another list. */
  rewind() {
    this.#list.scrollLeft = 0;
  }

  /** Buttons are there when there is somewhere to go; one that leads nowhere says so and keeps the keyboard. */
  update() {
    const { scrollLeft, clientWidth, scrollWidth } = this.#list;
    const left = Math.abs(scrollLeft); // counts below zero where text runs from right to left
    this.#controls.hidden = scrollWidth <= clientWidth + 1;
    this.#previous.setAttribute('aria-disabled', String(left <= 1));
    this.#next.setAttribute('aria-disabled', String(left + clientWidth >= scrollWidth - 1));
  }

  get #isRightToLeft() {
    return getComputedStyle(this.#list).direction === 'rtl';
  }

  /** @param {1 | -1} way */
  #page(way) {
    const [first, second = first] = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    const step = Math.abs(second.offsetLeft - first.offsetLeft);
    // As many as are fully in view; the gap behind the last need not be.
    const count = Math.max(1, Math.floor((this.#list.clientWidth + step - first.offsetWidth) / step));
    this.#list.scrollBy({ left: (this.#isRightToLeft ? -way : way) * count * step, behavior: behavior() });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const way = KEYS.get(event.key);
    if (!way || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const path = /** @type {HTMLElement[]} */ (event.composedPath());
    // A key that a field of the shop's own markup needs is not ours.
    if (path[0].closest?.('input, select, textarea, [contenteditable]')) return;
    const entries = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    const from = entries.findIndex((entry) => path.includes(entry));
    if (from < 0) return;
    const isMirrored = this.#isRightToLeft && event.key.startsWith('Arrow');
    const to = Math.min(Math.max(from + (isMirrored ? -way : way), 0), entries.length - 1);
    const target = controlOf(entries[to], path[0].localName);
    if (!target) return;
    event.preventDefault();
    target.focus({ preventScroll: true });
    entries[to].scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: behavior() });
  }
}

/**
 * What the keyboard can reach in an entry, of the same kind if there is one.
 *
 * @param {Element} entry
 * @param {string} kind  a tag: from link to link, from button to button
 * @returns {HTMLElement | null}
 */
export function controlOf(entry, kind) {
  const all = rootsOf(entry).flatMap((root) => [root, ...root.querySelectorAll('*')]);
  const controls = all.filter((node) => node.matches('a[href], button'));
  return /** @type {HTMLElement | null} */ (controls.find((node) => node.localName === kind) ?? controls[0] ?? null);
}

/** An entry, and the shop's own markup that it refers to, which stands in the light tree. @param {Element} entry */
export function rootsOf(entry) {
  return [entry, ...[...entry.querySelectorAll('slot')].flatMap((slot) => slot.assignedElements())];
}

function behavior() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches ? 'instant' : 'smooth';
}
