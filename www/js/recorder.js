// Which of the visitor's acts become events? All that the shop tells Vitrine passes through here.

import { notify } from './dom.js';

/** Shorter glances say nothing: the visitor was on the way elsewhere. */
const GLANCE_MS = 500;

export class Recorder {
  #recommender;
  /** @type {{item: string, active_ms: number, since_ms: number | null, told_ms: number} | null} */
  #visit = null;

  /** @param {import('../vitrine/vitrine.js').Recommender} recommender */
  constructor(recommender) {
    this.#recommender = recommender;
    document.addEventListener('visibilitychange', () => this.#onVisibility());
    addEventListener('pagehide', () => this.leave());
  }

  /**
   * @param {string} item
   * @param {import('../vitrine/vitrine.js').EventType} type
   * @param {Record<string, unknown>} [more]
   */
  record(item, type, more = {}) {
    const event = /** @type {any} */ ({ item, type, ts: Date.now(), ...more });
    this.#recommender.observe(event).catch((error) => notify(error.message));
  }

  /** The visitor opens an item's page. @param {string} item */
  enter(item) {
    this.leave();
    this.record(item, 'view');
    const since_ms = document.visibilityState === 'visible' ? performance.now() : null;
    this.#visit = { item, active_ms: 0, since_ms, told_ms: 0 };
  }

  /** The visitor leaves it again. */
  leave() {
    this.#pause();
    this.#tell();
    this.#visit = null;
  }

  #onVisibility() {
    if (document.visibilityState === 'hidden') {
      this.#pause();
      // A hidden page may never be seen again; the engine takes the longest dwell of a visit.
      this.#tell();
    } else if (this.#visit) {
      this.#visit.since_ms = performance.now();
    }
  }

  #pause() {
    if (!this.#visit || this.#visit.since_ms === null) return;
    this.#visit.active_ms += performance.now() - this.#visit.since_ms;
    this.#visit.since_ms = null;
  }

  #tell() {
    if (!this.#visit || this.#visit.active_ms - this.#visit.told_ms < GLANCE_MS) return;
    this.#visit.told_ms = this.#visit.active_ms;
    this.record(this.#visit.item, 'dwell', { dwell_ms: Math.round(this.#visit.active_ms) });
  }
}
