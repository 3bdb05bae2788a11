// What does the engine keep between pages, once there is consent? What it measured, and what it read of the history.
//
// A database of its own, so that erasing it leaves the history's schema alone. Everything in it can be computed again:
// whatever fails here is as if nothing had been kept.

import { MAX_AGE_MS, settled } from './history.js';

const DATABASE = 'vitrine-engine';
const KEPT = 'kept';

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
      const request = indexedDB.deleteDatabase(DATABASE);
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
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(KEPT);
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
