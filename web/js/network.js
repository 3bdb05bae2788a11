// What may be asked of the network again? Answers that two want are asked for once; of what failed it is known whether it
// may pass.
//
// The wasm bundles fetch by themselves. The worker is ours alone, so that its `fetch` is one that is watched.

import { VitrineError, toErrorRecord } from './protocol.js';

/** A server that has not begun to answer by then will not. */
const SILENCE_MS = 30_000;
/** Nobody is told to come back later than that. */
const DAY_MS = 24 * 60 * 60 * 1000;

/** What failed last, by address; status 0 where there was no answer. @type {Map<string, {status: number, after_ms: number}>} */
const failures = new Map();
/**
 * What was asked for already and is wanted once more. `isWhole`: a failure is an answer, too.
 *
 * @type {Map<string, {answer: Promise<Response>, isWhole: boolean, onTaken: () => void}>}
 */
const shared = new Map();

/** A folder whose files the browser's cache may have in versions that do not belong together. @type {string | undefined} */
let stale;

/** Files in the place of which a web page came last: a server may have one for every address. @type {Set<string>} */
const webPages = new Set();

/** The browser's own, once ours stands in its place. @type {typeof fetch | undefined} */
let original;

/** From here on everything that this worker asks for is watched. */
export function watchNetwork() {
  original = globalThis.fetch.bind(globalThis);
  globalThis.fetch = watched;
}

/** @type {typeof fetch} */
async function watched(asked, options) {
  const address = String(/** @type {Request} */ (asked).url ?? asked);
  const known = shared.get(address);
  shared.delete(address);
  known?.onTaken();
  // What could not be read, whoever comes next asks for itself.
  const answer = known?.isWhole ? await known.answer : await known?.answer.catch(() => undefined);
  if (answer) return answer;
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new DOMException('no answer', 'TimeoutError')), SILENCE_MS);
  const { signal } = options ?? {};
  signal?.addEventListener('abort', () => silence.abort(signal.reason));
  failures.set(address, { status: 0, after_ms: 0 });
  try {
    /** @type {RequestInit} */
    const past = stale && address.startsWith(stale) ? { cache: 'reload' } : {};
    const response = await (original ?? globalThis.fetch)(asked, { ...options, ...past, signal: silence.signal });
    if (response.ok) failures.delete(address);
    else failures.set(address, { status: response.status, after_ms: waitOf(response) });
    if (/^text\/html\b/.test(response.headers.get('content-type') ?? '')) webPages.add(address);
    else webPages.delete(address);
    return response;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The text of a file.
 *
 * @param {string} address
 * @param {{signal?: AbortSignal, isShared?: boolean}} [options]  `isShared`: who asks for it next has the same answer
 * @returns {Promise<string>}
 */
export async function read(address, { signal, isShared = false } = {}) {
  const reading = readBytes(address, signal);
  if (isShared) {
    const answer = reading.then((bytes) => new Response(bytes));
    answer.catch(() => {}); // told below
    shared.set(address, { answer, isWhole: false, onTaken: () => {} });
  }
  return new TextDecoder().decode(await reading);
}

/**
 * Asks for a file before anybody wants it: whoever does has what came of it, a failure included.
 *
 * @param {string} address
 * @param {{most_bytes: number, signal: AbortSignal, onTaken?: () => void}} options
 *   one byte more than `most_bytes`, and the rest is not waited for; `onTaken` hears when somebody wanted it
 * @returns {Promise<Response> | undefined} that answer, to be cloned at once by who wants to look into it; undefined for what
 *   was asked for already
 */
export function askAhead(address, { most_bytes, signal, onTaken = () => {} }) {
  if (shared.has(address)) return undefined;
  // What the page draws comes first.
  const answer = watched(address, { signal, priority: 'low' }).then((response) => held(response, most_bytes));
  const entry = { answer, isWhole: true, onTaken };
  shared.set(address, entry);
  signal.addEventListener('abort', () => shared.get(address) === entry && shared.delete(address));
  return answer;
}

/** The answer with a body that is read at once: one that waits holds a connection. @param {Response} response @param {number} most_bytes */
function held(response, most_bytes) {
  if (!response.ok || !response.body) return response;
  const reader = response.body.getReader();
  let bytes = 0;
  const body = new ReadableStream({
    async start(controller) {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        controller.enqueue(value);
        bytes += value.length;
        if (bytes <= most_bytes) continue;
        reader.cancel().catch(() => {});
        break;
      }
      controller.close();
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(body, response);
}

/** @param {string} address @param {AbortSignal} [signal] */
async function readBytes(address, signal) {
  let response;
  try {
    response = await watched(address, signal && { signal });
    if (response.ok) return await response.arrayBuffer();
  } catch (cause) {
    throw new VitrineError('package_unreachable', `${address}: ${cause}`);
  }
  throw new VitrineError('package_unreachable', `${address}: status ${response.status}`);
}

/** Nobody asks for it once more. */
export function shareNoMore() {
  shared.clear();
}

/**
 * While the job lasts, every file of the folder is asked of the server, and what the cache has of it is replaced.
 *
 * @template T
 * @param {string} folder  ends with a slash
 * @param {() => Promise<T>} job
 * @returns {Promise<T>}
 */
export async function pastCache(folder, job) {
  // What is on its way may be of the cache.
  shareNoMore();
  stale = folder;
  try {
    return await job();
  } finally {
    stale = undefined;
  }
}

/**
 * The error of a script or wasm that did not load. A browser tells nobody why: where it is not known, it is looked at once
 * more.
 *
 * @param {unknown} cause
 * @param {string} address
 * @returns {Promise<never>}
 */
export async function refuse(cause, address) {
  if (cause instanceof TypeError && !failures.has(address)) {
    const response = await watched(address).catch(() => undefined);
    response?.body?.cancel();
    // It is there now.
    if (response?.ok) failures.set(address, { status: 0, after_ms: 0 });
  }
  throw new VitrineError('engine_failed', `${address}: ${toErrorRecord(cause).message}`);
}

/**
 * May what failed succeed if it is asked for again, and after how long at the earliest?
 *
 * @param {unknown} cause  whose message begins with the address that failed
 * @returns {number | undefined} milliseconds; undefined when it would be the same next time
 */
export function passesAfter(cause) {
  const { code, message } = toErrorRecord(cause);
  const [, failure] = [...failures].find(([address]) => message.startsWith(`${address}: `)) ?? [];
  // An answer that began well has broken off.
  if (!failure) return code === 'package_unreachable' ? 0 : undefined;
  const { status, after_ms } = failure;
  return status === 0 || status === 408 || status === 429 || status >= 500 ? after_ms : undefined;
}

/**
 * Calls `listener` when the device is back on the network.
 *
 * @param {() => void} listener
 */
export function onOnline(listener) {
  globalThis.addEventListener?.('online', listener);
  // Chromium's workers hear of it as of any other connection.
  const navigator = /** @type {any} */ (globalThis.navigator);
  let wasOnline = navigator?.onLine;
  navigator?.connection?.addEventListener('change', () => {
    if (navigator.onLine && !wasOnline) listener();
    wasOnline = navigator.onLine;
  });
}

/** Did the server send a web page when this was asked for last? @param {string} address */
export function isWebPage(address) {
  return webPages.has(address);
}

/** When the server wants to be asked again: seconds, or a date. @param {Response} response */
function waitOf({ headers }) {
  const said = headers.get('retry-after') ?? '';
  const wait_ms = Number.isNaN(Number(said)) ? Date.parse(said) - Date.now() : Number(said) * 1000;
  return Math.min(Math.max(wait_ms, 0) || 0, DAY_MS);
}
