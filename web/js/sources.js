// What do the recorders that a shop has already say? Theirs are heard, mapped, and recorded as ours.
//
// Loaded only where the page names a source. Only what a mapper names is read of a vendor's event: search terms,
// addresses, messages and texts of reviews are not.

import { safely } from './page-queue.js';
import { VitrineError } from './protocol.js';
import * as algolia from './sources/algolia.js';
import * as ga4 from './sources/ga4.js';
import * as googleRetail from './sources/google-retail.js';
import * as meta from './sources/meta.js';
import * as segment from './sources/segment.js';
import * as shopify from './sources/shopify.js';
import * as snowplow from './sources/snowplow.js';
import * as universal from './sources/universal.js';

/** @typedef {import('./sources/fields.js').Mapped} Mapped */

/** @type {Record<string, {listen: (receive: (told: any) => void) => void, map: (told: any) => Mapped[]}>} */
export const SOURCES = {
  ga4, 'universal-analytics': universal, segment, 'google-retail': googleRetail, shopify, snowplow, algolia, meta,
};

/** Lists say little about each item, and a long one would push what says more out of the history. */
const OF_LISTS = new Set(['list_view', 'search', 'cart_view']);
const LIST_LENGTH = 10;

/** @type {Set<string>} */
const heard = new Set();

/**
 * @param {string[]} names
 * @param {import('./recorder.js').Recorder} recorder
 */
export function listen(names, recorder) {
  for (const name of names) {
    if (!name || heard.has(name)) continue;
    if (!Object.hasOwn(SOURCES, name)) {
      recorder.fail(new VitrineError('bad_request', `"${name}" is no source; there are ${Object.keys(SOURCES).join(', ')}`));
      continue;
    }
    heard.add(name);
    const { listen: listenTo, map } = SOURCES[name];
    // Mapped at once, since a page may change what it pushed; whatever is wrong with it is not the page's concern.
    safely(() => listenTo((told) => void record(name, safely(() => map(told)) ?? [], recorder).catch(() => {})));
  }
}

/**
 * @param {string} src
 * @param {Mapped[]} mapped
 * @param {import('./recorder.js').Recorder} recorder
 */
export async function record(src, mapped, recorder) {
  const short = mapped.filter(({ type }, place) => place < LIST_LENGTH || !OF_LISTS.has(type));
  await Promise.all(short.map(async ({ order, ...event }) => {
    if (!order) return recorder.observe({ src, ...asEvent(event) });
    // A page of thanks that is loaded again tells the same order again, and so may another source.
    const once = (/** @type {string} */ item) => recorder.observe({ src, ...asEvent(event), item, id: `${event.type} ${order} ${item}` });
    if (event.item) return once(event.item);
    const bought = `purchase ${order} `;
    /** @type {import('./event.js').HistoryEvent[]} */
    const events = await recorder.events();
    await Promise.all(events.filter(({ id }) => id?.startsWith(bought)).map(({ item }) => once(item)));
  }));
}

/** @param {Mapped} mapped */
function asEvent(mapped) {
  return /** @type {{item: string, type: string}} */ (mapped);
}
