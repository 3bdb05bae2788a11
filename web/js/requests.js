// What did the kit ask the network for? Files, by the browser's own records; the worker keeps those of its own.

/**
 * @typedef {{address: string, bytes: number, took_ms: number, start_ms: number}} KitRequest
 *   `bytes` over the network, 0 when the browser had the file
 */

/**
 * The requests of this page, and of its worker where that tells them.
 *
 * @param {string[]} addresses  of packages, catalogues and rules; the kit's own folder is added
 * @param {KitRequest[]} [ofWorker]
 * @returns {KitRequest[]}  each file once, in the order of time
 */
export function kitRequests(addresses, ofWorker = []) {
  // What is no address was asked of nobody.
  const ours = [new URL('.', import.meta.url).href, ...addresses.flatMap((address) => absolute(address) ?? [])];
  const entries = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType('resource'));
  const ofPage = entries.filter(({ name }) => ours.some((address) => name.startsWith(address))).map(requestOf);
  const all = new Map([...ofPage, ...ofWorker].map((request) => [request.address, request]));
  return [...all.values()].sort((a, b) => a.start_ms - b.start_ms);
}

/** @param {string} address */
function absolute(address) {
  try {
    return new URL(address, document.baseURI).href;
  } catch {
    return undefined;
  }
}

/** @param {PerformanceResourceTiming} entry @returns {KitRequest} */
function requestOf({ name, transferSize = 0, duration, startTime }) {
  return { address: name, bytes: transferSize, took_ms: duration, start_ms: startTime };
}

/** Where the lists of this page have their packages, catalogues and rules. */
export function addressesOnPage() {
  const lists = [...document.querySelectorAll('vitrine-recs, vitrine-privacy')];
  const names = ['package', 'catalog', 'rules'];
  return lists.flatMap((list) => names.map((name) => list.getAttribute(name)).filter((address) => address !== null));
}
