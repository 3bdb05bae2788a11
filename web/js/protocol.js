// What do the page and its worker say to each other? Message kinds, and how errors travel.
//
// Every request carries an `id`; exactly one `result` or `error` with the same `id` answers it. What is told without
// having been asked for has the id 0, and so has `ping`, which `alive` answers at once, whatever else is being done.
// Errors are plain records, because structured cloning would strip the code from an Error.

/**
 * @typedef {"package_unreachable" | "package_corrupt" | "package_version" | "webgpu_unavailable"
 *   | "engine_failed" | "storage_unavailable" | "bad_request"} ErrorCode
 * @typedef {{code: ErrorCode, message: string}} ErrorRecord
 *
 * @typedef {{id: string, title: string, brand?: string, category?: string[], price?: number,
 *   currency?: string, list_price?: number, available?: boolean, image?: string, url?: string,
 *   attrs?: Record<string, string>, tags?: string[], text?: string,
 *   group?: string, sku?: string, gtin?: string, mpn?: string}} Item  `price` is in minor units.
 * @typedef {import('./event.js').HistoryEvent} HistoryEvent
 * @typedef {{item: string, intensity: number, time_ms: number}} Interaction
 * @typedef {{kind: "viewed" | "saved" | "cart" | "bought" | "liked", item: string, title: string, text: string}} Reason
 *   what the visitor did with the item of this id and title, and a line that says so
 * @typedef {{item: string, score: number, details: Item, tier: 1 | 2 | 3, reason?: Reason, rules?: string[]}} Recommendation
 *   `rules` names those of the shop's rules that moved the item.
 *
 * @typedef {{recipe: string, parameters: number, device: "cpu" | "gpu", quantisation: string,
 *   items: number, context: number, fingerprint: string, filter_days: Record<string, number>,
 *   tier: 1 | 2 | 3, fallback?: ErrorRecord}} EngineInfo
 *   `context` counts the interactions that the model reads at most, `fingerprint` pins the package, and `fallback`
 *   says what was tried and is done without: the GPU, the package, the shop's rules.
 *
 * @typedef {{build: string, device: "cpu" | "gpu", adapter: string, tier: 1 | 2 | 3,
 *   decision: {device: "cpu" | "gpu", because: string, cpu_ms?: number, gpu_ms?: number, from_before: boolean} | null,
 *   self_test: {passed: boolean, max_error: number} | null, gpu_losses: number,
 *   snapshot: {restored: number, saved_bytes: number}, memory_bytes: {cpu: number, gpu: number}, relaxed_simd: boolean,
 *   took_ms: {catalogue?: number, engine?: number, answer?: number},
 *   requests: import('./requests.js').KitRequest[], fallback?: ErrorRecord}} Diagnostics
 *   `snapshot.restored` counts what need not be read of the history because it was read on an earlier page; `took_ms`
 *   says how long the catalogue of tier 1, the engine, and the last answer took.
 *
 * @typedef {{k: number, exclude?: string[], candidates?: string[], placement?: string, seed?: string, cart?: string[],
 *   shown?: string[]}} Options  `shown` are ids that the page shows elsewhere.
 * @typedef {{limit: string | null, isCartSynced: boolean, itemUrl: string | null}} OfRow
 *   attributes of a row: `limit` in place of `k`; what the events put into the cart is in it; addresses for items without
 * @typedef {Partial<Omit<Options, "seed"> & OfRow> & {seed?: string | null, now_ms: number}} Asked
 * @typedef {Options & {now_ms: number, bucket?: number}} EngineOptions
 *   `bucket` is the hundredth of the visitors that this one is of, for experiments.
 * @typedef {{rows: {item: string, score: number, rules: string[], reason?: {kind: Reason["kind"], item: string}}[],
 *   fallback: string[], experiment?: string | null}} EngineAnswer
 * @typedef {{recommendations: Recommendation[], isHidden: boolean, experiment: string | null, mistake?: ErrorRecord}} Answer
 *   `isHidden`: the shop's rules want nothing in the place of an empty list; `experiment` is the one whose rules made it;
 *   `mistake`: what was wrong with the question, and was answered all the same
 *
 * @typedef {{package?: string, catalog?: string, rules?: string, device: "auto" | "cpu" | "gpu", persistent?: boolean}} Opening
 *   absolute addresses: a package's folder, the shop's own catalogue, and `rules.json`
 * @typedef {{id: number, kind: "open"} & Opening
 *   | {id: number, kind: "recommend", events: HistoryEvent[], options: Asked}
 *   | {id: number, kind: "interactions", events: HistoryEvent[]}
 *   | {id: number, kind: "persist", persistent: boolean}
 *   | {id: number, kind: "catalog" | "diagnostics" | "forget" | "drawn"}
 *   | {id: 0, kind: "ping"}} Request
 *
 * @typedef {{id: number, kind: "result", value: any}
 *   | {id: number, kind: "error", error: ErrorRecord}
 *   | {id: 0, kind: "progress", value: {loaded_bytes: number, total_bytes: number}}
 *   | {id: 0, kind: "engine", value: EngineInfo}
 *   | {id: 0, kind: "alive"}} Response
 */

/** Where the engine keeps what it read of the history, with consent: whoever erases the history erases that. */
export const ENGINE_DATABASE = 'vitrine-engine';

/** Neither events nor what was read of them are kept longer. */
export const MAX_AGE_MS = 180 * 24 * 60 * 60 * 1000;

/** @type {readonly ErrorCode[]} */
export const ERROR_CODES = [
  'package_unreachable',
  'package_corrupt',
  'package_version',
  'webgpu_unavailable',
  'engine_failed',
  'storage_unavailable',
  'bad_request',
];

/** An error whose `code` a shop's script can act on; `message` is for people. */
export class VitrineError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = 'VitrineError';
    this.code = code;
  }
}

/**
 * Whatever was thrown, as a record with a code of the closed set.
 * An unknown cause (a wasm trap, for example) counts as a failure of the engine.
 *
 * @param {unknown} cause
 * @returns {ErrorRecord}
 */
export function toErrorRecord(cause) {
  const { code, message } = /** @type {Partial<ErrorRecord>} */ (cause ?? {});
  const known = ERROR_CODES.includes(/** @type {ErrorCode} */ (code));
  return {
    code: known ? /** @type {ErrorCode} */ (code) : 'engine_failed',
    message: typeof message === 'string' && message !== '' ? message : String(cause),
  };
}

/** @param {unknown} cause */
export function toError(cause) {
  if (cause instanceof VitrineError) return cause;
  const { code, message } = toErrorRecord(cause);
  return new VitrineError(code, message);
}
