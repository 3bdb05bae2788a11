// What do the page and its worker say to each other? Message kinds, and how errors travel.
//
// Every request carries an `id`; exactly one `result` or `error` with the same `id` answers it.
// Errors are plain records, because structured cloning would strip the code from an Error.

/**
 * @typedef {"package_unreachable" | "package_corrupt" | "package_version" | "webgpu_unavailable"
 *   | "engine_failed" | "storage_unavailable" | "bad_request"} ErrorCode
 * @typedef {{code: ErrorCode, message: string}} ErrorRecord
 *
 * @typedef {{id: string, title: string, brand?: string, category?: string[], price?: number,
 *   currency?: string, available?: boolean, image?: string, url?: string,
 *   attrs?: Record<string, string>, text?: string}} Item  `price` is in minor units.
 * @typedef {{item: string, type: string, ts: number, dwell_ms?: number, qty?: number,
 *   rating?: number, reason?: string, list?: string, pos?: number, rec_id?: string}} HistoryEvent
 * @typedef {{item: string, intensity: number, time_ms: number}} Interaction
 * @typedef {{item: string, score: number, details: Item}} Recommendation
 *
 * @typedef {{recipe: string, parameters: number, device: "cpu" | "gpu", quantisation: string,
 *   items: number, context: number, fingerprint: string, filter_days: Record<string, number>, tier: 2 | 3, fallback?: ErrorRecord}} EngineInfo
 *   `context` counts the interactions that the model reads at most, `fingerprint` pins the package, and `fallback`
 *   says why the GPU was tried and did not answer.
 *
 * @typedef {{build: string, device: "cpu" | "gpu", adapter: string,
 *   decision: {device: "cpu" | "gpu", because: string, cpu_ms?: number, gpu_ms?: number, from_before: boolean} | null,
 *   self_test: {passed: boolean, max_error: number} | null, gpu_losses: number,
 *   snapshot: {restored: number, saved_bytes: number}, memory_bytes: {cpu: number, gpu: number},
 *   fallback?: ErrorRecord}} Diagnostics
 *   `snapshot.restored` counts what need not be read of the history because it was read on an earlier page.
 *
 * @typedef {{id: number, kind: "open", package: string, device: "auto" | "cpu" | "gpu", persistent?: boolean}
 *   | {id: number, kind: "recommend", events: HistoryEvent[],
 *      options: {k: number, exclude?: string[], candidates?: string[]}}
 *   | {id: number, kind: "interactions", events: HistoryEvent[]}
 *   | {id: number, kind: "catalog"}
 *   | {id: number, kind: "persist", persistent: boolean}
 *   | {id: number, kind: "info" | "diagnostics" | "forget"}} Request
 *
 * @typedef {{id: number, kind: "result", value: unknown}
 *   | {id: number, kind: "error", error: ErrorRecord}
 *   | {id: number, kind: "progress", loaded_bytes: number, total_bytes: number}
 *   | {id: 0, kind: "engine", value: EngineInfo}} Response
 */

/** @type {readonly ErrorCode[]} */
export const ERROR_CODES = Object.freeze([
  'package_unreachable',
  'package_corrupt',
  'package_version',
  'webgpu_unavailable',
  'engine_failed',
  'storage_unavailable',
  'bad_request',
]);

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
