// When is what failed tried again? A few times, later and later, and at once when the device is back on the network.

import { onOnline, passesAfter } from './network.js';
import { VitrineError, toErrorRecord } from './protocol.js';

/** After that it is tried again for the first time; each later time after so many times as long. */
export const FIRST_MS = 2_000;
const GROWTH = 4;
const TRIES = 3;

/** @typedef {import('./protocol.js').ErrorRecord} ErrorRecord */

/** A job that needs the network, until it is done. What will be the same next time is not tried again. */
export class Retries {
  #job;
  #onLater;
  #first_ms;
  /** @type {Promise<void> | null} */
  #running = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #tries = 0;
  /** Before that the server does not want to be asked, by the clock of the page. */
  #earliest_ms = 0;
  /** Whether another try may succeed. */
  #isPassing = false;
  /** Why it is not done. @type {ErrorRecord | undefined} */
  failure;

  /**
   * @param {() => Promise<void>} job
   * @param {() => void} onLater  hears when a later try has ended, either way
   * @param {number} [first_ms]  for tests
   */
  constructor(job, onLater, first_ms = FIRST_MS) {
    this.#job = job;
    this.#onLater = onLater;
    this.#first_ms = first_ms;
    onOnline(() => this.#online());
  }

  /** Tries now; one try at a time. @returns {Promise<void>} */
  run() {
    clearTimeout(this.#timer);
    this.#running ??= this.#try().finally(() => (this.#running = null));
    return this.#running;
  }

  async #try() {
    this.#isPassing = false;
    try {
      await this.#job();
      this.#tries = 0;
      this.failure = undefined;
    } catch (cause) {
      const { code, message } = toErrorRecord(cause);
      const isTriedAgain = this.#scheduled(passesAfter(cause));
      this.failure = { code, message: isTriedAgain ? `${message}; it is tried again` : message };
      throw new VitrineError(code, this.failure.message);
    }
  }

  /** @param {number | undefined} after_ms */
  #scheduled(after_ms) {
    if (after_ms === undefined) return false;
    this.#isPassing = true;
    this.#earliest_ms = performance.now() + after_ms;
    if (this.#tries === TRIES) return false;
    // Half of it is chance: pages that failed together do not come back together.
    const pause_ms = this.#first_ms * GROWTH ** this.#tries * (0.5 + Math.random() / 2);
    this.#tries += 1;
    this.#again(after_ms + pause_ms);
    return true;
  }

  #online() {
    if (!this.#isPassing) return;
    this.#tries = 0;
    this.#again(this.#earliest_ms - performance.now());
  }

  /** @param {number} wait_ms */
  #again(wait_ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.run().then(this.#onLater, this.#onLater), wait_ms);
  }
}
