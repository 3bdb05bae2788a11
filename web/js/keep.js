// What does the engine keep between pages, once there is consent? What it measured, and what it read of the history.
//
// A database of its own, so that erasing it leaves the history's schema alone. Everything in it can be computed again:
// whatever fails here is as if nothing had been kept. And a module of its own: the history is part of the recorder's
// file, which neither the worker nor the widget repeats.

import { ENGINE_DATABASE, MAX_AGE_MS } from './protocol.js';

const KEPT = 'kept';

/** The name of the hundredth of the visitors that this one is of, for experiments. */
export const BUCKET = 'bucket';

/**
 * What was read of a history is not kept longer than the history itself.
 *
 * @template T
 * @param {string} name
 * @returns {Promise<T | undefined>}
 */
export async function recall(name) {
  const kept = await inStore('readonly', (store) => store.get(name));
  return kept && kept.kept_ms > Date.now() - MAX_AGE_MS ? kept.value : undefined;
}

/**
 * @param {string} name
 * @param {unknown} value
 */
export function keep(name, value) {
  return inStore('readwrite', (store) => store.put({ value, kept_ms: Date.now() }, name));
}

/** @param {string} name */
export function drop(name) {
  return inStore('readwrite', (store) => store.delete(name));
}

/** Everything goes, the database itself included: nothing shows that there was one. */
export async function dropAll() {
  await new Promise((resolve) => {
    try {
      const request = indexedDB.deleteDatabase(ENGINE_DATABASE);
      request.onsuccess = request.onerror = request.onblocked = resolve;
    } catch (cause) {
      resolve(cause);
    }
  });
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} ask
 * @returns {Promise<any>}
 */
async function inStore(mode, ask) {
  try {
    const opening = indexedDB.open(ENGINE_DATABASE, 1);
    opening.onupgradeneeded = () => {
      // Looking for something makes no database.
      if (mode === 'readonly') opening.transaction?.abort();
      else opening.result.createObjectStore(KEPT);
    };
    const database = await settled(opening);
    try {
      return await settled(ask(database.transaction(KEPT, mode).objectStore(KEPT)));
    } finally {
      // Not held open: whoever erases it need not wait.
      database.close();
    }
  } catch {
    return undefined;
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    if ('onblocked' in request) request.onblocked = () => reject(new Error('the database is blocked'));
  });
}
