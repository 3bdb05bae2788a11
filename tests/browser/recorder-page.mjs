// How do tests speak to the recorder of a page? Through the page, where it is the same one for everybody.

import assert from 'node:assert/strict';

/** A page of a shop that has nothing of ours in it. */
export const ADDRESS = '/pages/recorder.html';
export const MINUTE_MS = 60_000;

export const start = (page, options) => page.evaluate(async (given) => (await import('/vitrine/recorder.js')).recorder.start(given), options);
export const observe = (page, event) => page.evaluate(async (given) => (await import('/vitrine/recorder.js')).observe(given), event);
export const events = (page) => page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.events());
export const state = (page) => page.evaluate(async () => {
  const { recorder } = await import('/vitrine/recorder.js');
  const isPersistent = await recorder.isPersistent();
  return { consent: recorder.consent, isPersistent, databases: (await indexedDB.databases()).map(({ name }) => name), words: { ...localStorage } };
});

/** Asks until the answer satisfies: on a busy machine everything takes its time. */
export async function eventually(ask, isRight, what = 'it') {
  const until = Date.now() + 20_000;
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (Date.now() > until) assert.fail(`${what} never came; last seen: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
