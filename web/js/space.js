// How does an answer take the place of the shop's list without moving the page? It keeps to the space that was there.
//
// The shop's list stays in the flow, unseen, with its margins; the answer lies over it. Where the answer needs more than
// there is, and the visitor would see the page jump, the pictures give way. A list that nobody sees may grow.

/** A picture that keeps less of its height is none any more: then the page moves, and the shop should have left more room. */
const LEAST = 1 / 3;

export class Space {
  #stage;
  #section;
  #list;
  #width_px = 0;
  /** @type {ResizeObserver | null} */
  #sizes = null;

  /** @param {{stage: HTMLElement, section: HTMLElement, list: HTMLElement}} parts  the stage holds both lists */
  constructor({ stage, section, list }) {
    this.#stage = stage;
    this.#section = section;
    this.#list = list;
  }

  connect() {
    this.#sizes = new ResizeObserver(() => {
      const { width } = this.#stage.getBoundingClientRect();
      // Another width is another layout: what was measured for the former one says nothing.
      if (Math.abs(width - this.#width_px) >= 1) this.#release();
      this.#width_px = width;
      this.#hold(this.#section.offsetHeight);
    });
    this.#sizes.observe(this.#stage);
    this.#sizes.observe(this.#section);
  }

  disconnect() {
    this.#sizes?.disconnect();
    this.#width_px = 0;
    this.#release();
  }

  /** @param {() => void} swap  changes what the element shows */
  keep(swap) {
    const { top, bottom, height, width } = this.#stage.getBoundingClientRect();
    this.#width_px = width;
    this.#section.style.removeProperty('--_fitted');
    swap();
    const excess_px = this.#section.offsetHeight - height;
    if (height > 0 && excess_px > 0 && top < innerHeight && bottom > 0) this.#cut(excess_px);
    this.#hold(Math.max(height, this.#section.offsetHeight));
  }

  /** Space that was given is not taken back while the width lasts. @param {number} height_px */
  #hold(height_px) {
    if (height_px > this.#stage.offsetHeight) this.#stage.style.minBlockSize = `${height_px}px`;
  }

  /** @param {number} excess_px */
  #cut(excess_px) {
    const picture = this.#list.querySelector('.image');
    if (!picture) return;
    const rows = new Set([...this.#list.children].map((entry) => /** @type {HTMLElement} */ (entry).offsetTop)).size;
    const { height } = picture.getBoundingClientRect();
    // Rounded down: what is left over is space, what is missing would be a jump.
    const fitted_px = Math.floor(height - excess_px / rows);
    if (fitted_px >= LEAST * height) this.#section.style.setProperty('--_fitted', `${fitted_px}px`);
  }

  #release() {
    this.#stage.style.removeProperty('min-block-size');
    this.#section.style.removeProperty('--_fitted');
  }
}
