// How do tests speak to the recorder of a page? Through the page, where it is the same one for everybody.

/** A page of a shop that has nothing of ours in it. */
export const ADDRESS = '/pages/recorder.html';
export const MINUTE_MS = 60_000;

export const start = (page, options) => page.evaluate(async (given) => (await import('/vitrine/recorder.js')).recorder.start(given), options);
export const state = (page) => page.evaluate(async () => {
  const { recorder } = await import('/vitrine/recorder.js');
  const isPersistent = await recorder.isPersistent();
  return { consent: recorder.consent, isPersistent, databases: (await indexedDB.databases()).map(({ name }) => name), words: { ...localStorage } };
});
