// What does the page's own markup say about what its visitor looks at? Views, active dwell, zoom, clicks, impressions.
//
//   <main data-vitrine-page="coat-07" data-vitrine-variant="ink-m">      this page is about that item
//   <ul data-vitrine-list="sale"> <li data-vitrine-item="coat-08"><a …>  an item in a list
//   <button data-vitrine-event="cart_add">                               a click is that event of the item around it
//
// Nothing is polled: dwell adds up between the visitor's own movements, so that a page left open is not looked at.

import { SESSION_GAP_MS } from './event.js';
import { newId } from './id.js';
import { safely } from './page-queue.js';

/** Without any movement for so long, nobody is looking. */
const IDLE_MS = 30_000;

/** Shorter glances say nothing: the visitor was on the way elsewhere. */
const GLANCE_MS = 500;

/** Wholly visible for so long is seen; what is taller than the screen, while it fills so much of it. */
const SEEN_MS = 1000;
const WHOLLY = 0.99;
const FILLING = 0.5;

/** Scale of a page that was pinched to look closer. */
const PINCHED = 1.3;

const PAGE = '[data-vitrine-page]';
const ITEM = '[data-vitrine-item]';
/** A tile of the shop's own in a row, which tells its clicks itself and must not change because it was looked at. */
const TILE = 'vitrine-recs > [slot^="item-"]';

/** @param {import('./recorder.js').Recorder} recorder */
export function watch(recorder) {
  // The visit: the item that is looked at, and where, if it was not the markup that said so.
  let item = '';
  let place = '';
  let id = '';
  let active_ms = 0;
  let told_ms = 0;
  let marked_ms = 0;
  let deepest_px = 0;
  let isZoomed = false;

  let isVisible = !document.hidden;
  let hidden_ms = 0;
  let isScanning = false;
  /** The clock of each card that is visible. @type {WeakMap<Element, any>} */
  const clocks = new WeakMap();
  /** Items whose impression was told on this page, and which page that is. @type {Set<string | undefined>} */
  const told = new Set();
  let address = here();

  /** @param {string | undefined} of @param {string} type @param {Record<string, unknown>} [more] */
  const record = (of, type, more) => {
    // A mistake in the markup is for the developer, not for the visitor.
    if (of) recorder.observe({ item: of, type, src: 'watch', ...more }).catch((cause) => recorder.fail(cause));
  };

  /** The visitor moved: what lies between this movement and the last was looked at. */
  const mark = () => {
    if (!isVisible) return;
    const now_ms = performance.now();
    active_ms += Math.min(now_ms - marked_ms, IDLE_MS);
    marked_ms = now_ms;
  };

  /** Only after scrolling and before telling: the place of a page that changes costs a layout. */
  const sound = () => (deepest_px = Math.max(deepest_px, scrollY));

  /** A visit is told whenever it may have ended, under one id: the history keeps the longest. */
  const tell = () => {
    mark();
    if (!item || active_ms - told_ms < GLANCE_MS) return;
    told_ms = active_ms;
    sound();
    const depth = Math.min((deepest_px + innerHeight) / document.documentElement.scrollHeight, 1);
    record(item, 'dwell', { id, dwell_ms: active_ms, depth: Math.round(depth * 100) / 100 });
  };

  /** The visit from here on: what was looked at before is told, or forgotten. */
  const begin = () => {
    id = newId();
    active_ms = told_ms = 0;
    marked_ms = performance.now();
    deepest_px = 0;
    isZoomed = false;
  };

  /** @param {string} next  none: nothing in particular @param {string} [where] */
  const turnTo = (next, where = '') => {
    tell();
    item = next;
    place = where;
    begin();
  };

  /** What the page is about, and which cards it has, now. */
  const scan = () => {
    isScanning = false;
    // What is not looked at is no view; it may become one.
    if (!isVisible) return;
    const about = /** @type {HTMLElement | null} */ (document.querySelector(PAGE))?.dataset ?? {};
    const next = about.vitrinePage;
    if (next && next !== item) {
      turnTo(next);
      record(next, 'view', { variant: about.vitrineVariant });
    } else if (!next && item && place !== here()) turnTo('');
    // In an application, another address is another page: what stays on the screen is seen anew.
    if (address !== here()) {
      address = here();
      told.clear();
      sight.disconnect();
    }
    for (const card of document.querySelectorAll(ITEM)) if (!card.closest(TILE)) sight.observe(card);
  };

  const sight = new IntersectionObserver(
    (entries) => {
      for (const { target, intersectionRatio, intersectionRect } of entries) {
        clearTimeout(clocks.get(target));
        if (intersectionRatio < WHOLLY && intersectionRect.height < FILLING * innerHeight) continue;
        const look = () => {
          const seen = itemOf(target);
          // A card may be in its place and not be drawn: the shop's list below an answer.
          const isDrawn = target.checkVisibility?.({ visibilityProperty: true, opacityProperty: true }) ?? true;
          if (!isVisible || !isDrawn || told.has(seen)) return;
          told.add(seen);
          record(seen, 'impression', placeOf(target));
        };
        clocks.set(target, setTimeout(look, SEEN_MS));
      }
    },
    { threshold: [0, 0.25, 0.5, 0.75, WHOLLY] },
  );

  const hide = () => {
    tell();
    isVisible = false;
    hidden_ms = Date.now();
  };

  const show = () => {
    isVisible = true;
    marked_ms = performance.now();
    // Whoever comes back after so long comes anew.
    if (item && Date.now() - hidden_ms > SESSION_GAP_MS) {
      turnTo(item, place);
      record(item, 'view');
    }
    // Seen anew, from the first moment on.
    sight.disconnect();
    scan();
  };

  /** @param {EventTarget | null} target @param {string} types @param {(event: any) => void} listener */
  const on = (target, types, listener) => {
    const listen = (/** @type {Event} */ event) => void safely(() => listener(event));
    for (const type of types.split(' ')) target?.addEventListener(type, listen, { capture: true, passive: true });
  };

  on(document, 'pointermove pointerdown keydown scroll', mark);
  on(document, 'scroll', sound);
  on(document, 'click auxclick', ({ button, target }) => {
    // The middle button opens a tab, the right one does not.
    if (button > 1) return;
    const card = target.closest(ITEM);
    const act = target.closest('[data-vitrine-event]');
    const of = card ? itemOf(card) : (target.closest(PAGE)?.dataset.vitrinePage ?? item);
    if (act) record(of, act.dataset.vitrineEvent, placeOf(card));
    else if (card && target.closest('a') && !target.closest(TILE)) record(of, 'click', placeOf(card));
  });
  on(document, 'visibilitychange', () => (document.hidden ? hide() : show()));
  on(window, 'pagehide', () => {
    hide();
    item = '';
  });
  on(window, 'pageshow', ({ persisted }) => persisted && show());
  on(visualViewport, 'resize', () => {
    const zoom = /** @type {VisualViewport} */ (visualViewport).scale;
    if (isZoomed || zoom < PINCHED) return;
    isZoomed = true;
    record(item, 'zoom', { zoom });
  });
  on(recorder, 'event', ({ detail: { type, item: viewed, src } }) => {
    // Where a source tells what the page is about, the visit begins with it.
    if (type === 'view' && src !== 'watch' && viewed !== item && !document.querySelector(PAGE)) turnTo(viewed, here());
  });
  // Nothing of what was erased comes back when the page is left.
  on(recorder, 'change', ({ detail: { kind } }) => {
    if (kind === 'erased' || kind === 'forgot' || (kind === 'consent' && recorder.consent === 'denied')) begin();
  });
  new MutationObserver((changes) => {
    // Another item in the same card is seen anew.
    for (const { type, target } of changes) if (type === 'attributes') sight.unobserve(/** @type {Element} */ (target));
    if (!isScanning) setTimeout(scan, 100);
    isScanning = true;
  }).observe(document, { subtree: true, childList: true, attributeFilter: ['data-vitrine-page', 'data-vitrine-item'] });
  scan();
}

/** @param {Element} card */
function itemOf(card) {
  return /** @type {HTMLElement} */ (card).dataset.vitrineItem;
}

/** @param {Element | null} card */
function placeOf(card) {
  const list = /** @type {HTMLElement | null | undefined} */ (card?.closest('[data-vitrine-list]'));
  return list ? { list: list.dataset.vitrineList, pos: [...list.querySelectorAll(ITEM)].indexOf(/** @type {Element} */ (card)) } : undefined;
}

/** Where the visitor is, as far as it is another page. */
function here() {
  return location.href.split('?')[0];
}
