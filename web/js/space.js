// How does an answer take the place of the shop's list without moving the page? It keeps to the space that was there.
//
// The shop's list stays in the flow, unseen, with its margins; the answer lies over it. Where the answer needs more than
// there is, and the visitor would see the page jump, the pictures give way. A list that nobody sees may grow.

/** A picture that keeps less of its height is none any more: then the page moves, and the shop should have left more room. */
const LEAST = 1 / 3;
/** What is lost by rounding. */
const SLACK_PX = 8;

export class Space {
  #host;
  #stage;
  #section;
  #list;
  #width_px = 0;
  /** @type {ResizeObserver | null} */
  #sizes = null;

  /**
   * @param {HTMLElement} host
   * @param {{stage: HTMLElement, section: HTMLElement, list: HTMLElement}} parts  the stage holds both lists
   */
  constructor(host, { stage, section, list }) {
    this.#host = host;
    this.#stage = stage;
    this.#section = section;
    this.#list = list;
  }

  connect() {
    // What changes the stage while it is told of its size is an error event on the page.
    this.#sizes = new ResizeObserver(() => requestAnimationFrame(() => {
      const { width } = this.#stage.getBoundingClientRect();
      // Another width is another layout: what was measured for the former one says nothing.
      if (Math.abs(width - this.#width_px) >= 1) this.#release();
      this.#width_px = width;
      this.#hold();
    }));
    this.#sizes.observe(this.#stage);
    this.#sizes.observe(this.#section);
  }

  disconnect() {
    this.#sizes?.disconnect();
    this.#width_px = 0;
    this.#release();
  }

  /** The element shows something else, or is about to. */
  keep() {
    const { top, bottom, height, width } = this.#stage.getBoundingClientRect();
    const excess = () => this.#section.offsetHeight - height;
    this.#width_px = width;
    // What fits already stays as it is: each look at it afterwards is a layout.
    if (Math.abs(excess()) > SLACK_PX) this.#section.style.removeProperty('--_fitted');
    if (height > 0 && excess() > 0 && top < innerHeight && bottom > 0) this.#cut(excess());
    this.#hold();
  }

  /** Space that was given is not taken back while the width lasts. What is only being laid out needs none yet. */
  #hold() {
    const { offsetHeight } = this.#section;
    if (this.#host.dataset.state !== 'answer' || offsetHeight <= this.#stage.offsetHeight) return;
    this.#stage.style.minBlockSize = `${offsetHeight}px`;
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
