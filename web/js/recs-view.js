// What does a list of recommendations look like? Markup and default style, without behaviour.

import { make, safeUrl, styleSheet } from './dom.js';
import { formatPrice } from './format.js';

/**
 * @typedef {import('./protocol.js').Item} Item
 * @typedef {{text: string, opens: boolean}} ReasonLine  `opens`: it leads to what the visitor can do about it
 * @typedef {{locale?: string, dismissLabel: string | null, reason: ReasonLine | null}} ViewOptions
 */

/**
 * The shop's list and the answer share one place: `space.js`. On a narrow page the next item looks in, and says that there
 * is more. The padding of the list is room for the focus ring, which a scrolling box would cut.
 */
export const recsStyle = styleSheet(`
:host { display: block; }
:host([hidden]), :host([data-state="hidden"]), [hidden] { display: none !important; }
.stage { position: relative; }
.fallback { display: contents; }
:host([data-state="answer"]) .fallback, :host(:not([data-state="answer"])) section { visibility: hidden; }
section {
  position: absolute;
  inset: 0 0 auto;
  container-type: inline-size;
  --_muted: var(--vitrine-muted, color-mix(in srgb, currentColor 72%, transparent));
  --_gap: var(--vitrine-gap, clamp(0.75rem, 2.5cqi, 1.5rem));
}
header { display: flex; align-items: center; justify-content: space-between; gap: 1rem; }
h2, .controls { margin: 0 0 1rem; }
h2 {
  font-family: var(--vitrine-heading-font, inherit);
  font-weight: 400;
  font-size: clamp(1.25rem, 1rem + 1.25cqi, 1.625rem);
  line-height: 1.25;
}
.controls { display: flex; gap: 0.5rem; margin-inline-start: auto; }

ul {
  display: grid;
  gap: var(--_gap);
  margin: -0.375rem;
  padding: 0.375rem;
  list-style: none;
}
:host(:not([layout="grid"])) ul {
  --_columns: 2.3;
  grid-auto-flow: column;
  grid-auto-columns: var(--vitrine-tile-width, calc((100% - (var(--_columns) - 1) * var(--_gap)) / var(--_columns)));
  justify-content: start;
  overflow-x: auto;
  overscroll-behavior-x: contain;
  scroll-snap-type: x proximity;
  scroll-padding-inline: 0.375rem;
  scrollbar-width: none;
}
@container (inline-size >= 34rem) { :host(:not([layout="grid"])) ul { --_columns: 3.3; } }
@container (inline-size >= 48rem) { :host(:not([layout="grid"])) ul { --_columns: 4; } }
@container (inline-size >= 72rem) { :host(:not([layout="grid"])) ul { --_columns: 6; } }
:host([layout="grid"]) ul {
  row-gap: calc(var(--_gap) * 1.75);
  grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--vitrine-tile-width, max(9rem, 15cqi))), 1fr));
}

li { position: relative; min-inline-size: 0; scroll-snap-align: start; }
a { display: block; color: inherit; text-decoration: none; }
:focus-visible { outline: 2px solid currentColor; outline-offset: 3px; }
a:hover .title, button.reason:hover { text-decoration: underline; text-underline-offset: 0.2em; }
.image {
  display: grid;
  place-items: center;
  inline-size: 100%;
  aspect-ratio: var(--vitrine-image-ratio, 4 / 5);
  max-block-size: var(--_fitted, none);
  object-fit: cover;
  background: var(--vitrine-surface, color-mix(in srgb, currentColor 6%, transparent));
  font-family: var(--vitrine-heading-font, inherit);
  font-size: 3rem;
}
.brand, .title, .price, .reason { display: block; margin-block-start: 0.3rem; line-height: 1.4; overflow-wrap: anywhere; }
.image + * { margin-block-start: 0.75rem; }
.brand, .price, .reason { color: var(--_muted); }
.brand { font-size: 0.6875rem; letter-spacing: 0.1em; text-transform: uppercase; }
.title, .reason { display: -webkit-box; overflow: hidden; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
.title { font-size: 0.9375rem; }
.price { font-size: 0.875rem; }
button { padding: 0; border: 0; font: inherit; color: inherit; background: none; cursor: pointer; }
.reason { margin-block-start: 0.5rem; font-size: 0.75rem; text-align: start; -webkit-line-clamp: 4; }

.button { display: grid; place-items: center; inline-size: 2.25rem; block-size: 2.25rem; border-radius: 50%; }
.controls .button { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
.controls .button:not([aria-disabled="true"]):hover { border-color: currentColor; }
.controls .button::before {
  content: "";
  inline-size: 0.4375rem;
  block-size: 0.4375rem;
  border: solid;
  border-width: 1.5px 1.5px 0 0;
  rotate: 45deg;
  translate: -0.125rem;
}
[aria-disabled="true"]::before { opacity: 0.35; }
:host(:dir(ltr)) .previous, :host(:dir(rtl)) .next { scale: -1 1; }
.dismiss {
  position: absolute;
  inset-block-start: 0.375rem;
  inset-inline-end: 0.375rem;
  font-size: 1.25rem;
  color: CanvasText;
  background: radial-gradient(color-mix(in srgb, Canvas 82%, transparent) 1rem, transparent 1.05rem);
}
@media (hover: hover) {
  li:not(:hover, :focus-within) .dismiss { opacity: 0; }
}
@media (pointer: coarse) {
  .button { inline-size: 2.75rem; block-size: 2.75rem; }
  button.reason { min-block-size: 2.75rem; }
}
@media (prefers-reduced-motion: no-preference) {
  [data-fresh] { animation: appear var(--vitrine-fade, 400ms); }
}
@keyframes appear { from { opacity: 0; } }
`);

/**
 * A part: its names are what a shop styles it by (`::part()`), and what this file does.
 *
 * @param {string} name
 * @param {string} part
 * @param {Record<string, string | boolean | null | undefined>} attributes
 * @param {import('./dom.js').Child[]} [children]
 */
const piece = (name, part, attributes, children) => make(name, { part, class: part, ...attributes }, children);

/** The fixed part of the shadow tree. */
export function frame() {
  const heading = piece('h2', 'heading', { id: 'heading' });
  const previous = piece('button', 'button previous', { type: 'button' });
  const next = piece('button', 'button next', { type: 'button' });
  const controls = piece('div', 'controls', { hidden: true }, [previous, next]);
  // Safari drops the role of a list without bullets; said aloud, it stays.
  const list = piece('ul', 'list', { role: 'list' });
  const section = piece('section', 'section', { 'aria-labelledby': 'heading' }, [piece('header', 'header', {}, [heading, controls]), list]);
  const stage = make('div', { class: 'stage' }, [make('slot', { class: 'fallback' }), section]);
  return { stage, heading, controls, previous, next, list, section };
}

/**
 * Words and levels that the shop chose, on the fixed part.
 *
 * @param {HTMLElement} host
 * @param {ReturnType<typeof frame>} parts
 */
export function label(host, { heading, previous, next, list }) {
  const word = (/** @type {string} */ name, otherwise = '') => host.getAttribute(name) ?? otherwise;
  heading.textContent = word('heading');
  heading.hidden = !heading.textContent;
  heading.setAttribute('aria-level', word('heading-level', '2'));
  previous.setAttribute('aria-label', word('previous-label', 'Previous items'));
  next.setAttribute('aria-label', word('next-label', 'Next items'));
  list.setAttribute('aria-live', host.hasAttribute('live') ? 'polite' : 'off');
}

/**
 * One item in the default look.
 *
 * @param {Item} item
 * @param {ViewOptions} options
 */
export function tile(item, { locale, dismissLabel, reason }) {
  const price = formatPrice(item, locale);
  const blank = () => piece('span', 'image placeholder', { 'aria-hidden': 'true' }, [[...item.title][0]]);
  // The title follows as text, so the picture adds nothing for a screen reader.
  const picture = item.image ? piece('img', 'image', { src: item.image, alt: '', loading: 'lazy', decoding: 'async' }) : blank();
  picture.onerror = () => picture.replaceWith(blank());
  const link = piece('a', 'link', { href: safeUrl(item.url) }, [
    picture,
    item.brand && piece('span', 'brand', {}, [item.brand]),
    piece('span', 'title', {}, [item.title]),
    price && piece('span', 'price', {}, [price]),
  ]);
  return piece('li', 'item', {}, [
    link,
    reason && piece(reason.opens ? 'button' : 'span', 'reason', { type: reason.opens && 'button' }, [reason.text]),
    dismissLabel &&
      piece('button', 'button dismiss', { type: 'button', 'aria-label': `${dismissLabel}: ${item.title}`, title: dismissLabel }, ['×']),
  ]);
}

/**
 * An entry that refers to markup of the shop's own, which stays in the light tree.
 *
 * @param {HTMLElement} content
 * @param {string} id
 */
export function slottedTile(content, id) {
  content.slot = `item-${id}`;
  return piece('li', 'item', {}, [make('slot', { name: content.slot })]);
}

/**
 * The line that says why, in the shop's own words if there are any (`reason-viewed` and so on; empty ones say nothing).
 *
 * @param {import('./protocol.js').Reason} reason
 * @param {HTMLElement} host
 */
export function reasonText({ kind, title, text }, host) {
  return title && (host.getAttribute(`reason-${kind}`)?.replaceAll('{title}', () => title) ?? text);
}
