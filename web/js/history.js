// What did this visitor do? The event log on the device: small, bounded, and the visitor's own.
//
// It is in memory until `persist` is called, and again where the browser refuses storage (private windows, full disks).
// Every change is a function from all events to all events, applied within one transaction: what several tabs write at
// once cannot interleave. The database is open for that transaction only, so that no tab stands in the way of another
// that erases or upgrades it, nor of the back-forward cache.

import { SESSION_GAP_MS } from './event.js';
import { newId } from './id.js';
import { ENGINE_DATABASE, MAX_AGE_MS } from './protocol.js';

/** Raise it together with a new step in `upgrade`. */
export const SCHEMA_VERSION = 2;
export const MAX_EVENTS = 500;

const DATABASE = 'vitrine';
const EVENTS = 'events';

/** Not acts upon an item: when there is too much, the oldest of these go first. A purchase outlives what scrolled by. */
const MERELY_SEEN = ['impression', 'list_view', 'search', 'cart_view'];

/** @typedef {import('./event.js').HistoryEvent} HistoryEvent */

// The state of this file is that of the page: the recorder is one, and its history is.

let isStored = false;
/** The whole history where there is no storage; else what was last read of it. @type {HistoryEvent[]} */
let memory = [];
/** @type {(cause: unknown) => void} */
let tellLost = () => {};

/** @param {typeof tellLost} listener  hears that storage was refused or failed; memory serves from there on */
export function onLost(listener) {
  tellLost = listener;
}

/** Does the history survive this page? */
export function isPersistent() {
  return isStored;
}

/** From here on in storage; what is held in memory moves there. */
export function persist() {
  isStored = true;
  return append(memory);
}

/** What an engine read of the history, on whichever page. */
function dropRead() {
  try {
    indexedDB.deleteDatabase(ENGINE_DATABASE);
  } catch {
    // Refused: then nothing was kept.
  }
}

/**
 * Nothing is left on the device, not even what this page may not use.
 *
 * @param {boolean} [isKeeping]  whether what comes is stored as before; else it is in memory from here on
 */
export async function drop(isKeeping) {
  // A transaction that was under way may have read all of it once more.
  if (isStored) memory = [];
  isStored &&= !!isKeeping;
  dropRead();
  try {
    const request = indexedDB.deleteDatabase(DATABASE);
    // Blocked: it goes as soon as the other tab is done.
    await new Promise((resolve) => (request.onsuccess = request.onerror = request.onblocked = resolve));
  } catch {
    // Refused: then nothing was stored.
  }
}

/** Nothing of what was erased may come back from here. */
export function forgetMemory() {
  memory = [];
}

/** @param {HistoryEvent[]} events @returns {Promise<HistoryEvent[]>} as they are kept; without those that were known */
export async function append(events) {
  /** @type {HistoryEvent[]} */
  let added = [];
  await change((before) => merge(before, events, Date.now(), (added = [])));
  return added;
}

/** Oldest first. @returns {Promise<HistoryEvent[]>} */
export async function all() {
  await change((before) => before);
  return bounded(memory, Date.now());
}

/** What is stored, also where this page may not use it; fails where nothing is. */
export function stored() {
  return inTransaction((before) => before);
}

/**
 * @param {(before: HistoryEvent[]) => HistoryEvent[]} after  of all events, oldest first: replaces, never changes them
 * @param {boolean} [isTaking]  whether it only takes away: then also of what is stored and this page may not use
 */
export async function change(after, isTaking) {
  if (isTaking) dropRead();
  if (isStored || isTaking) {
    try {
      const kept = await inTransaction(after);
      if (isStored) return void (memory = kept);
    } catch (cause) {
      // Go on without storage, with what was last read of it.
      if (isStored) tellLost(cause);
      isStored = false;
    }
  }
  memory = after(memory);
}

/**
 * Adds what is new behind what is there: the order is that of the running number, whatever the clock did.
 *
 * An event whose id is known is the same event, so that telling one twice does no harm; a visit (a dwell) that is told
 * again, and has become longer, becomes longer. A view of what was viewed in an earlier session is a revisit, too.
 *
 * @param {HistoryEvent[]} before
 * @param {HistoryEvent[]} incoming
 * @param {number} now_ms
 * @param {HistoryEvent[]} [added]  is told of what was added
 */
export function merge(before, incoming, now_ms, added = []) {
  const after = [...before];
  const queue = [...incoming];
  for (const event of queue) {
    const { id, type, item, ts, dwell_ms = 0 } = event;
    const place = after.findLastIndex((each) => each.id === id);
    const known = after[place];
    if (known) {
      if (dwell_ms > (known.dwell_ms ?? Infinity)) added.push((after[place] = { ...known, dwell_ms, depth: event.depth }));
      continue;
    }
    const last = after.at(-1);
    // A session has the name of its first event. The distance is absolute: a clock that was set back is a pause, too.
    const session = last && Math.abs(ts - last.ts) <= SESSION_GAP_MS ? last.session : id;
    const kept = { ...event, session, n: (last?.n ?? 0) + 1 };
    const isRevisit = after.some((each) => each.type === 'view' && each.item === item && each.session !== session);
    if (type === 'view' && isRevisit) queue.push({ ...event, type: 'revisit', id: `revisit ${session} ${item}` });
    after.push(kept);
    added.push(kept);
  }
  return bounded(after, now_ms);
}

/** @param {HistoryEvent[]} events @param {number} now_ms */
export function bounded(events, now_ms) {
  const recent = events.filter(({ ts }) => ts >= now_ms - MAX_AGE_MS);
  let surplus = recent.length - MAX_EVENTS;
  return recent.filter(({ type }) => !(surplus > 0 && MERELY_SEEN.includes(type) && surplus--)).slice(-MAX_EVENTS);
}

/**
 * Each step leads from one version to the next, so that every old database arrives at the newest.
 *
 * @param {IDBDatabase} database
 * @param {number} from_version
 * @param {IDBTransaction} transaction
 */
export function upgrade(database, from_version, transaction) {
  const create = () => database.createObjectStore(EVENTS, { keyPath: 'n' });
  if (!from_version) return void create();
  // Version 1 had no ids, sessions and running numbers, and an index that nothing needs.
  const former = transaction.objectStore(EVENTS).getAll();
  former.onsuccess = () => {
    database.deleteObjectStore(EVENTS);
    const store = create();
    const events = former.result.map((event) => ({ id: newId(), src: 'page', v: 1, ...event }));
    for (const event of merge([], events, Date.now())) store.put(event);
  };
}

/** @param {Parameters<typeof change>[0]} after */
async function inTransaction(after) {
  // Reading the global may itself throw where storage is blocked.
  const request = indexedDB.open(DATABASE, SCHEMA_VERSION);
  request.onupgradeneeded = ({ oldVersion }) => {
    const transaction = /** @type {IDBTransaction} */ (request.transaction);
    // Looking for what is stored makes no database.
    if (isStored || oldVersion) upgrade(request.result, oldVersion, transaction);
    else transaction.abort();
  };
  // A tab with an older version, which blocks it, lets go as soon as it hears of this one.
  const database = await settled(request);
  try {
    const transaction = database.transaction(EVENTS, 'readwrite');
    const store = transaction.objectStore(EVENTS);
    const before = await settled(store.getAll());
    const kept = after(before);
    for (const event of before) if (!kept.includes(event)) store.delete(/** @type {number} */ (event.n));
    for (const event of kept) if (!before.includes(event)) store.put(event);
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    return kept;
  } finally {
    database.close();
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
export function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
