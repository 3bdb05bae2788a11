// How does the page ask its worker? As promises that outlive the worker once.
//
// A worker that the browser kills says nothing. While something is asked, the worker is pinged; one that is silent for
// long is as dead as one that reports an error. The first death is repaired: a new worker is opened and asked the same.

import { VitrineError, toError } from './protocol.js';

/**
 * Beats are counted, not time: a page that sleeps, or whose timers the browser slows down, kills nobody.
 * An engine hears nothing while it computes, and the first answer of a large model may take half a minute on a phone.
 */
const BEAT_MS = 1_000;
const SILENT_BEATS = 60;
/** Workers that a page starts at most. */
const LIVES = 2;

/**
 * @typedef {import('./protocol.js').EngineInfo} EngineInfo
 * @typedef {{kind: string, fields: Record<string, unknown>, resolve: (value: any) => void, reject: (error: Error) => void}} Pending
 */

export class WorkerClient {
  #opening;
  #onNews;
  #onEnd;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  #next = 1;
  /** @type {Worker | null} */
  #worker = null;
  #lives = 0;
  #silentBeats = 0;
  #beat = 0;
  /** Why there is no worker any more. @type {VitrineError | null} */
  #ended = null;

  /**
   * @param {import('./protocol.js').Opening} opening  what every worker is opened with
   * @param {{
   *   onNews: (kind: "progress" | "engine", value: any) => void,
   *   onEnd: () => void,
   * }} hooks  `onNews` hears what is told without having been asked for; `onEnd`: nothing will be answered any more
   */
  constructor(opening, { onNews, onEnd }) {
    this.#opening = opening;
    this.#onNews = onNews;
    this.#onEnd = onEnd;
    this.#start();
  }

  /** @returns {Promise<EngineInfo>} */
  open() {
    return this.ask('open', this.#opening);
  }

  /** @param {boolean} persistent */
  setPersistent(persistent) {
    this.#opening = { ...this.#opening, persistent };
    return this.ask('persist', { persistent });
  }

  /**
   * @param {Exclude<import('./protocol.js').Request["kind"], "ping">} kind
   * @param {Record<string, unknown>} [fields]
   * @returns {Promise<any>}
   */
  ask(kind, fields = {}) {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      // What does not travel throws; whoever waited for an answer to it would have the worker taken for dead.
      this.#worker?.postMessage({ id, kind, ...fields });
      this.#pending.set(id, { kind, fields, resolve, reject });
      this.#listen();
    });
  }

  /** @param {string} reason */
  #close(reason) {
    if (this.#ended) return;
    this.#ended = new VitrineError('engine_failed', reason);
    this.#worker?.terminate();
    clearInterval(this.#beat);
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
    this.#onEnd();
  }

  #start() {
    this.#lives += 1;
    this.#silentBeats = 0;
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }) => this.#hear(data);
    worker.onerror = (event) => {
      // The worker handles its own errors; one that arrives here means that the script did not load, or is over.
      event.preventDefault();
      if (worker === this.#worker) this.#died(event.message || 'the worker did not start');
    };
    this.#worker = worker;
  }

  /** @param {import('./protocol.js').Response} message */
  #hear(message) {
    this.#silentBeats = 0;
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === 'result') pending?.resolve(message.value);
    else if (message.kind === 'error') pending?.reject(toError(message.error));
    else if (message.kind !== 'alive') this.#onNews(message.kind, message.value);
  }

  /** Only somebody who waits can be kept waiting. */
  #listen() {
    if (this.#beat) return;
    this.#silentBeats = 0;
    this.#beat = /** @type {any} */ (setInterval(() => {
      if (this.#pending.size === 0) {
        clearInterval(this.#beat);
        this.#beat = 0;
      } else if (this.#silentBeats >= SILENT_BEATS) {
        this.#died('the worker fell silent');
      } else {
        this.#silentBeats += 1;
        this.#worker?.postMessage({ id: 0, kind: 'ping' });
      }
    }, BEAT_MS));
  }

  /** @param {string} reason */
  #died(reason) {
    this.#worker?.terminate();
    if (this.#lives >= LIVES) {
      this.#close(reason);
      return;
    }
    try {
      this.#start();
    } catch (cause) {
      this.#close(toError(cause).message);
      return;
    }
    // Opened first, on behalf of those who had their answer: what needs it is asked by nobody who waits for that still.
    const asked = [...this.#pending];
    if (!asked.some(([, { kind }]) => kind === 'open')) {
      this.open().then((info) => this.#onNews('engine', info), (cause) => this.#close(toError(cause).message));
    }
    for (const [id, { kind, fields }] of asked) this.#worker?.postMessage({ id, kind, ...fields });
  }
}
