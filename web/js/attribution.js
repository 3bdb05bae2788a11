// Which recommendation led to this? Who puts an item into the cart, or buys it, within seven days of clicking it in a list
// has it from there: the event gets the `rec_id` of that click. On the device only, as everything.

const WITHIN_MS = 7 * 24 * 60 * 60 * 1000;
const OUTCOMES = ['cart_add', 'purchase'];

/** @typedef {{item: string, type: string, ts?: number, rec_id?: string} & Record<string, any>} Event */

/**
 * The event, with the `rec_id` of the newest click on its item if that is near enough and it has none of its own.
 *
 * @param {Event} event
 * @param {Event | undefined} click
 * @param {number} [now_ms]
 * @returns {Event}
 */
export function attributed(event, click, now_ms = Date.now()) {
  if (!click?.rec_id || !OUTCOMES.includes(event?.type) || event.rec_id) return event;
  const after_ms = (event.ts ?? now_ms) - (click.ts ?? now_ms);
  return after_ms >= 0 && after_ms <= WITHIN_MS ? { ...event, rec_id: click.rec_id } : event;
}

/** The newest click on each item that came from a list. @param {Event[]} events  oldest first */
export function clicksOf(events) {
  return new Map(events.filter(({ type, rec_id }) => type === 'click' && rec_id).map((event) => [event.item, event]));
}

/**
 * Whoever tells the recorder of an outcome, the page or one of its sources: it is attributed on the way in.
 *
 * Clicks of this tab and of others are held here, so that an event need not wait for the history to be read, and keeps its
 * place in the order. What this tab adds is told, event by event, before the change is; only of others' it has to be read.
 *
 * @param {import('./recorder.js').Recorder} recorder
 */
export function attribute(recorder) {
  /** @type {Map<string, Event>} */
  let clicks = new Map();
  let isTold = false;
  const read = async () => (clicks = clicksOf(await recorder.events()));
  recorder.addEventListener('event', (/** @type {any} */ { detail }) => {
    isTold = true;
    for (const [item, click] of clicksOf([detail])) clicks.set(item, click);
  });
  recorder.addEventListener('change', () => {
    if (!isTold) read();
    isTold = false;
  });
  read();
  const { observe } = recorder;
  recorder.observe = (event) => observe.call(recorder, attributed(event, clicks.get(event?.item)));
}
