// What does this browser keep of the visitor? All of it, to be seen and taken away: also what this page may not use.

import { BUCKET, recall } from './keep.js';

/** @typedef {import('./event.js').HistoryEvent} HistoryEvent */

/**
 * @param {import('./recorder.js').Recorder} recorder
 * @param {Promise<HistoryEvent[]>} stored  what the device keeps: the same as the page knows, or what it may not use before a
 *   yes; fails where nothing is stored
 */
export async function everything(recorder, stored) {
  const [kept, events] = await Promise.all([stored.catch(() => []), recorder.events()]);
  const known = new Set(events.map(({ id }) => id));
  const unused = [...kept, ...late()].filter(({ id }) => !known.has(id));
  return {
    format: 'vitrine-history',
    version: 1,
    exported_ms: Date.now(),
    events: [...unused, ...events],
    // What is no event: the visitor's own word, whether it is paused, and which hundredth of the visitors this one is of.
    consent: word('consent'),
    is_paused: word('paused') !== undefined,
    bucket: await recall(BUCKET),
  };
}

/** What a page that was left could not store any more. @returns {HistoryEvent[]} */
function late() {
  try {
    return JSON.parse(word('late') ?? '[]');
  } catch {
    return [];
  }
}

/** @param {'consent' | 'paused' | 'late'} name @returns {string | undefined} */
function word(name) {
  try {
    return localStorage[`vitrine-${name}`];
  } catch {
    return undefined;
  }
}
