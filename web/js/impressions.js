// Which entries has the visitor really seen? Those that stood fully in view for a second, each once per showing.

const SEEN_MS = 1000;
/** A pixel may be rounded away. */
const FULLY = 0.99;

export class Impressions {
  #onSeen;
  /** @type {Map<Element, ReturnType<typeof setTimeout>>} */
  #timers = new Map();
  /** @type {IntersectionObserver | null} */
  #observer = null;

  /** @param {(entry: Element) => void} onSeen */
  constructor(onSeen) {
    this.#onSeen = onSeen;
  }

  /** A new showing: each of these counts once. @param {Element[]} entries */
  begin(entries) {
    this.end();
    this.#observer = new IntersectionObserver((changes) => {
      for (const { target, intersectionRatio } of changes) {
        clearTimeout(this.#timers.get(target));
        if (intersectionRatio >= FULLY) this.#wait(target);
      }
    }, { threshold: FULLY });
    for (const entry of entries) this.#observer.observe(entry);
  }

  end() {
    this.#observer?.disconnect();
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  /** @param {Element} entry */
  #wait(entry) {
    const count = () => {
      // A tab in the background shows nothing; it is looked at again when it comes to the front.
      if (document.hidden) return this.#wait(entry);
      this.#observer?.unobserve(entry);
      this.#onSeen(entry);
    };
    this.#timers.set(entry, setTimeout(count, SEEN_MS));
  }
}
