// What did this visitor do? The event log on the device: small, bounded, and the visitor's own.
//
// It stands alone, because the recorder needs it before anything else has loaded.
// Where the browser refuses storage (private windows, full disks) the log lives in memory and says so.

/** Raise it together with a new step in `upgrade`. */
export const SCHEMA_VERSION = 1;
export const MAX_EVENTS = 500;
export const MAX_AGE_MS = 180 * 24 * 60 * 60 * 1000;

const DATABASE = 'vitrine';
const EVENTS = 'events';

/** @typedef {import('./protocol.js').HistoryEvent} HistoryEvent */

export class History {
  /** @type {IDBDatabase | null} */
  #database;
  /** @type {HistoryEvent[]} */
  #memory = [];
  #now;

  /**
   * @param {IDBDatabase | null} database
   * @param {() => number} now
   */
  constructor(database, now) {
    this.#database = database;
    this.#now = now;
  }

  /**
   * @param {{persistent?: boolean, factory?: IDBFactory, now?: () => number}} [options]
   *   With `persistent: false` nothing is opened, read or written (no consent yet).
   */
  static async open({ persistent = true, factory, now = Date.now } = {}) {
    if (!persistent) return new History(null, now);
    try {
      // Reading the global may itself throw where storage is blocked.
      return new History(await openDatabase(factory ?? indexedDB), now);
    } catch {
      return new History(null, now);
    }
  }

  /** Does the history survive this page? */
  get persistent() {
    return this.#database !== null;
  }

  /** @param {HistoryEvent} event */
  async append(event) {
    if (this.#database) {
      try {
        return await write(this.#database, event, this.#now());
      } catch {
        // Full or closed under us: keep what can still be read, and go on without storage.
        this.#memory = await this.all().catch(() => []);
        this.#database = null;
      }
    }
    this.#memory = recent([...this.#memory, event], this.#now());
  }

  /** Oldest first. @returns {Promise<HistoryEvent[]>} */
  async all() {
    if (!this.#database) return recent(this.#memory, this.#now());
    const store = this.#database.transaction(EVENTS).objectStore(EVENTS);
    return recent(await settled(store.getAll()), this.#now());
  }

  async clear() {
    this.#memory = [];
    if (!this.#database) return;
    const transaction = this.#database.transaction(EVENTS, 'readwrite');
    transaction.objectStore(EVENTS).clear();
    await completed(transaction);
  }
}

/**
 * Each step leads from one version to the next, so that every old database arrives at the newest.
 *
 * @param {IDBDatabase} database
 * @param {number} from_version
 */
export function upgrade(database, from_version) {
  if (from_version < 1) {
    const store = database.createObjectStore(EVENTS, { autoIncrement: true });
    store.createIndex('ts', 'ts');
  }
}

/**
 * @param {IDBFactory} factory
 * @returns {Promise<IDBDatabase>}
 */
async function openDatabase(factory) {
  const request = factory.open(DATABASE, SCHEMA_VERSION);
  request.onupgradeneeded = ({ oldVersion }) => upgrade(request.result, oldVersion);
  const database = await settled(request);
  // Another tab brings a newer version or deletes the database: do not stand in its way.
  database.onversionchange = () => database.close();
  return database;
}

/**
 * Adds one event and drops what is too old or too much, in one transaction: tabs cannot interleave.
 *
 * @param {IDBDatabase} database
 * @param {HistoryEvent} event
 * @param {number} now_ms
 */
async function write(database, event, now_ms) {
  const transaction = database.transaction(EVENTS, 'readwrite');
  const done = completed(transaction);
  const store = transaction.objectStore(EVENTS);
  store.add(event);
  const outdated = store.index('ts').getAllKeys(IDBKeyRange.upperBound(now_ms - MAX_AGE_MS, true));
  outdated.onsuccess = () => {
    for (const key of outdated.result) store.delete(key);
    const count = store.count();
    count.onsuccess = () => {
      if (count.result <= MAX_EVENTS) return;
      const surplus = store.getAllKeys(null, count.result - MAX_EVENTS);
      surplus.onsuccess = () => surplus.result.forEach((key) => store.delete(key));
    };
  };
  await done;
}

/**
 * @param {HistoryEvent[]} events
 * @param {number} now_ms
 */
function recent(events, now_ms) {
  return events.filter((event) => event.ts >= now_ms - MAX_AGE_MS).slice(-MAX_EVENTS);
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
export function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    if ('onblocked' in request) request.onblocked = () => reject(new Error('the database is blocked'));
  });
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
function completed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}
