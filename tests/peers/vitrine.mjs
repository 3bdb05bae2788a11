// Our bundle, asked as the worker asks it: events in, a list out. Times include reading the events.

import { CANDIDATES, events } from './job.mjs';
import { load } from './memory.mjs';

/** @param {'cpu' | 'gpu'} device */
export function open(base, device = 'cpu') {
  return load('vitrine', async () => {
    const { startBundle } = await import('/vitrine/bundle.js');
    const { Recommender } = await startBundle(device);
    const recommender = await Recommender.open(new URL(`${base}/package/`, location.href).href, device, () => {});
    const { passed, max_error: error } = await recommender.self_test();
    if (!passed) throw new Error(`our self-test fails by ${error}`);
    return recommender;
  });
}

/** Ten or twenty best of `list`; an empty list only reads the history. */
export async function score(recommender, items, list = CANDIDATES) {
  const { rows } = await recommender.recommend(events(items), { k: 20, candidates: list.map((item) => `i${item}`) });
  // A visitor whose items the package lacks has no history, and would be answered in no time.
  if (rows.length !== list.length) throw new Error(`${rows.length} of ${list.length} titles were scored`);
  return rows;
}

export async function sums(recommender, items) {
  const list = await score(recommender, items);
  return CANDIDATES.map((item) => list.find((row) => row.item === `i${item}`).score);
}
