// How does the page tell what its visitor does? The one recorder of the page; on a server it does nothing.
//
// Events are in memory until there is consent, then in the history on the device. Nothing in this file, nor in what it
// loads, sends anything.

import { watchConsent } from './consent.js';
import { EVENT_TYPES, checkedEvent } from './event.js';
import * as history from './history.js';
import { newId } from './id.js';
import { safely } from './page-queue.js';
import { VitrineError } from './protocol.js';

/**
 * @typedef {import('./event.js').HistoryEvent} HistoryEvent
 * @typedef {'added' | 'erased' | 'forgot' | 'consent' | 'paused'} Change
 * @typedef {{consent?: boolean | string | ((report: (granted: boolean) => void) => void), sources?: string[],
 *   watch?: boolean, events?: string[]}} StartOptions
 *   `consent`: an adaptor of consent.js, or the answer where the shop itself has asked; `sources`: names of sources.js;
 *   `watch`: whether the page's own markup is watched (true when left out); `events`: types of the shop's own.
 */

const page = /** @type {Record<string, any>} */ (globalThis);

/** What lasts beside the history: a word each, and what a page could not store any more when it was left. */
const CONSENT = 'vitrine-consent';
const PAUSED = 'vitrine-paused';
const LATE = 'vitrine-late';

// What follows is the state of the page, and there is one: whoever imports this module records into the same history.

const types = new Set(EVENT_TYPES);

/** One thing after the other. A page that is only being prepared may never be seen: nothing happens in it. */
let turn = new Promise((resolve) => {
  if (page.document?.prerendering) document.addEventListener('prerenderingchange', resolve);
  else resolve(0);
});
/** What waits for its turn, all of it for the same one. @type {HistoryEvent[]} */
let pending = [];
/** @type {Promise<void> | null} */
let flush = null;
let isPaused = !!recall(PAUSED);
/**
 * May it be stored? `word` is what the visitor said here, and beats everything; `claimed` what the shop says that the visitor
 * said; `reported` what an adaptor says.
 *
 * @type {{word?: boolean, claimed?: boolean, reported?: boolean}}
 */
const said = { word: heard() };
/** The consent that was acted upon. */
let acted = 'unknown';
let isWatching = false;
let isLeaving = false;
/** @type {BroadcastChannel | undefined} */
let tabs;
/** @type {import('./catalogue-ids.js').CatalogueIds | undefined} */
let ids;

/**
 * @fires event the event as it is kept
 * @fires change `{kind: 'added' | 'erased' | 'forgot' | 'consent' | 'paused'}`, whether it happened in this tab or in another
 * @fires error a `VitrineError`: storage does not serve, or the markup asks for what there is not
 */
export class Recorder extends EventTarget {
  /** May be called again: what is named then is added. @param {StartOptions} [options] */
  start({ consent, sources, watch: isWatched = true, events } = {}) {
    for (const type of events ?? []) types.add(type);
    if (consent === true || consent === 'granted') hear('claimed', true);
    else if (consent === false || consent === 'denied') hear('claimed', false);
    else if (consent) watchConsent(consent, (granted) => hear('reported', granted));
    next(() => {})
      .then(async () => {
        if (sources) (await import('./sources.js')).listen(sources, recorder);
        if (!isWatched || isWatching) return;
        isWatching = true;
        (await import('./watching.js')).watch(recorder);
      })
      .catch(recorder.fail);
  }

  /**
   * Remembers what the visitor did; `ts` is now when left out. Answers when the event is stored, or held in memory.
   *
   * @param {{item: string, type: string, ts?: number} & Record<string, any>} event
   */
  async observe(event) {
    const kept = checkedEvent(event, types);
    if (isPaused) return;
    kept.id ??= newId();
    kept.src ??= 'page';
    pending.push(ids?.translate(kept) ?? kept);
    // However much comes at once, no more than twice of what is kept anyway waits.
    if (pending.length > 2 * history.MAX_EVENTS) pending = history.bounded(pending, Date.now());
    leave();
    flush ??= next(async () => {
      // A copy: what comes while this is being stored waits for the next turn.
      const batch = [...pending];
      flush = null;
      const added = await history.append(batch);
      // Only now: see `leave`.
      const stored = new Set(batch);
      pending = pending.filter((each) => !stored.has(each));
      for (const each of added) fire('event', each);
      if (added[0]) changed('added', history.isPersistent());
    });
    return flush;
  }

  /** Oldest first. @returns {Promise<HistoryEvent[]>} */
  events() {
    return next(history.all);
  }

  /** @returns {'granted' | 'denied' | 'unknown'} */
  get consent() {
    // Who has Global Privacy Control on has answered every adaptor.
    const answer = said.word ?? said.claimed ?? (page.navigator?.globalPrivacyControl ? false : said.reported);
    return answer ? 'granted' : answer === undefined ? 'unknown' : 'denied';
  }

  /**
   * The visitor's own word, which beats adaptors and Global Privacy Control and is itself remembered.
   * Given: what was held in memory is stored. Withdrawn: everything is erased.
   *
   * @param {boolean} granted
   * @returns {Promise<void>}
   */
  setConsent(granted) {
    remember(CONSENT, granted ? 'granted' : 'denied');
    return act('consent', { word: granted });
  }

  /** Does the history survive this page? @returns {Promise<boolean>} */
  isPersistent() {
    return next(history.isPersistent);
  }

  /** Until `resume`, what is observed is dropped. */
  pause() {
    act('paused', true);
  }

  resume() {
    act('paused', false);
  }

  get isPaused() {
    return isPaused;
  }

  /** Forgets what was done with one item. @param {string} item */
  forget(item) {
    return act('forgot', item);
  }

  /** Forgets everything, in all tabs. */
  erase() {
    return act('erased');
  }

  /** All that is known about the visitor, to take away: also what is stored and not used, for want of consent. */
  async export() {
    return (await import('./take-away.js')).everything(recorder, next(history.stored));
  }

  /**
   * The catalogue: other ids that events use (of a variant, a SKU, a GTIN, …) become the catalogue's, those of events
   * that are there already, too.
   *
   * @param {Record<string, any>[]} items  rows of the catalogue
   */
  async know(items) {
    const { CatalogueIds } = await import('./catalogue-ids.js');
    const known = (ids ??= new CatalogueIds());
    known.add(items);
    let isNew = false;
    await next(() => history.change((before) => before.map((event) => {
      const after = known.translate(event);
      isNew ||= after !== event;
      return after;
    })));
    if (isNew) changed('added', history.isPersistent());
  }

  /** Ids that the catalogue does not have, and how often they came. @returns {Map<string, number>} */
  get unmatched() {
    return ids?.unmatched ?? new Map();
  }

  /** Tells who listens to errors. @param {unknown} cause */
  fail(cause) {
    fire('error', cause);
  }
}

/**
 * @template T
 * @param {() => T | Promise<T>} task
 * @returns {Promise<T>}
 */
function next(task) {
  settle();
  const done = turn.then(task);
  turn = done.catch(() => {});
  return done;
}

/**
 * What changes more than one event, whether it was done in this tab or told by another. A value is what was said with it.
 *
 * @type {Record<string, (value: any, isOurs?: boolean) => unknown>}
 */
const ACTS = {
  paused(value) {
    isPaused = value;
    if (recorder.consent === 'granted') remember(PAUSED, value);
  },
  forgot(item, isOurs) {
    const without = (/** @type {HistoryEvent[]} */ before) => before.filter((event) => event.item !== item);
    // What a page left behind comes back with the next one.
    const late = recall(LATE);
    if (late) remember(LATE, JSON.stringify(without(JSON.parse(late))));
    return next(() => history.change(without, isOurs));
  },
  erased(_, isOurs) {
    forget();
    // The tab that erases empties the storage for all.
    return isOurs && next(() => history.drop(true));
  },
  consent(more) {
    Object.assign(said, more);
    // Who was not asked before, and is now reported to refuse, keeps in memory what was done on this page.
    if (recorder.consent === 'denied' && (acted === 'granted' || said.word === false)) forget();
    return settle();
  },
};

/** @param {string} kind @param {any} [value] @param {boolean} [isOurs] */
async function act(kind, value, isOurs = true) {
  await ACTS[kind]?.(value, isOurs);
  changed(kind, isOurs, value);
}

/** What others say for the visitor, if it is news. @param {"claimed" | "reported"} who @param {boolean} granted */
function hear(who, granted) {
  // Of a refusal, the consent tools of other tabs may never hear.
  if (granted !== said[who]) act('consent', { [who]: granted }, !granted && acted === 'granted');
}

/** Does what consent, as it is now, asks for. */
function settle() {
  const { consent } = recorder;
  if (consent !== acted) {
    acted = consent;
    turn = turn.then(consent === 'granted' ? persist : drop);
  }
  return turn;
}

function forget() {
  remember(LATE);
  forgetHere();
}

function forgetHere() {
  pending = [];
  history.forgetMemory();
}

/** A page that goes has no time for a database: what it has not stored yet waits for the next one. */
function leave() {
  if (!isLeaving) return;
  // The visitor may come back to this very page, having erased everything on another.
  if (recorder.consent !== 'granted') forgetHere();
  else if (pending[0]) remember(LATE, JSON.stringify(pending));
}

async function persist() {
  await history.persist();
  const late = recall(LATE);
  remember(LATE);
  if (late) await history.append(JSON.parse(late));
}

function drop() {
  remember(PAUSED);
  remember(LATE);
  return history.drop();
}

/** @param {string} kind @param {boolean} [isShared]  whether other tabs are told @param {unknown} [value] */
function changed(kind, isShared, value) {
  if (isShared) safely(() => tabs?.postMessage([kind, value]));
  fire('change', { kind });
}

/** @param {string} type @param {unknown} detail */
function fire(type, detail) {
  recorder.dispatchEvent(new CustomEvent(type, { detail }));
}

function listen() {
  safely(() => {
    tabs = new BroadcastChannel('vitrine-history');
    tabs.onmessage = ({ data: [kind, value] }) => act(kind, value, false);
  });
}

/** @param {string} key @returns {string | undefined} */
function recall(key) {
  return safely(() => localStorage[key]);
}

/** @param {string} key @param {string | boolean} [value] */
function remember(key, value) {
  safely(() => (value ? (localStorage[key] = value) : delete localStorage[key]));
}

function heard() {
  const said = recall(CONSENT);
  return said ? said === 'granted' : undefined;
}

export const recorder = new Recorder();
history.onLost((cause) => recorder.fail(new VitrineError('storage_unavailable', `${cause}`)));

/** @param {Parameters<Recorder["observe"]>[0]} event */
export const observe = (event) => recorder.observe(event);

/** `<script type="module" src="…/recorder.js" data-consent="tcf" data-sources="ga4 segment">` starts by itself. */
async function startByTag() {
  listen();
  // A page in the back-forward cache hears nothing; what it missed it learns when it comes back.
  addEventListener('pagehide', () => {
    tabs?.close();
    isLeaving = true;
    leave();
  });
  addEventListener('pageshow', ({ persisted }) => {
    if (!persisted) return;
    isLeaving = false;
    isPaused ||= !!recall(PAUSED);
    listen();
    act('consent', { word: heard() ?? said.word }, false);
  });
  const tag = [...document.scripts].find(({ src }) => src === import.meta.url);
  if (!tag) return;
  const { consent, sources, watch: watched, events } = tag.dataset;
  // What others may ask for at once; what has to be loaded has a task of its own.
  recorder.start({ consent, watch: false, events: events?.split(' ') });
  setTimeout(() => recorder.start({ sources: sources?.split(' '), watch: watched !== 'false' }));
}

// A mistake in the tag fails this promise, not the module, which others import.
if (page.document) startByTag();
