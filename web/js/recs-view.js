// What does a row of recommendations look like? Markup and default style, without behaviour.
//
// Parts: section, heading, list, item, link, image, placeholder, brand, title, price, dismiss.
// Variables: --vitrine-gap, --vitrine-tile-width, --vitrine-image-ratio, --vitrine-muted,
// --vitrine-surface, --vitrine-heading-font, --vitrine-fade.

import { formatPrice } from './format.js';

/** @typedef {import('./protocol.js').Item} Item */
/** @typedef {{locale?: string, dismissLabel: string | null}} ViewOptions */

const STYLE = `
:host { display: grid; grid-template-columns: minmax(0, 1fr); }
:host([hidden]) { display: none; }
/* The shop's list and the answer share one cell: the list keeps its place while it is hidden, so the
   swap moves nothing on the page. */
.fallback, section { grid-area: 1 / 1; }
.fallback { display: block; }
:host([data-state="answer"]) .fallback { visibility: hidden; }
:host(:not([data-state="answer"])) section { display: none; }
h2 {
  margin: 0 0 1.25rem;
  font: 400 1.5rem/1.2 var(--vitrine-heading-font, inherit);
}
ul {
  display: grid;
  grid-auto-flow: column;
  grid-auto-columns: minmax(var(--vitrine-tile-width, 11rem), 1fr);
  gap: var(--vitrine-gap, 1.25rem);
  margin: 0;
  padding: 0 0 0.75rem;
  list-style: none;
  overflow-x: auto;
  overscroll-behavior-x: contain;
  scroll-snap-type: x proximity;
  scrollbar-width: thin;
  scrollbar-color: color-mix(in srgb, currentColor 25%, transparent) transparent;
}
li { position: relative; min-width: 0; scroll-snap-align: start; }
a { display: block; color: inherit; text-decoration: none; }
a:focus-visible, button:focus-visible { outline: 2px solid currentColor; outline-offset: -2px; }
.image {
  display: block;
  width: 100%;
  aspect-ratio: var(--vitrine-image-ratio, 3 / 4);
  object-fit: cover;
  background: var(--vitrine-surface, color-mix(in srgb, currentColor 6%, transparent));
}
span.image {
  display: grid;
  place-items: center;
  font: 400 3rem/1 var(--vitrine-heading-font, inherit);
  color: color-mix(in srgb, currentColor 45%, transparent);
}
.brand, .title, .price { display: block; overflow: hidden; text-overflow: ellipsis; }
.brand {
  margin-top: 0.8rem;
  font-size: 0.6875rem;
  letter-spacing: 0.12em;
  text-transform: uppercase;
  white-space: nowrap;
  color: var(--vitrine-muted, color-mix(in srgb, currentColor 70%, transparent));
}
.title { margin-top: 0.3rem; line-height: 1.35; }
.image + .title { margin-top: 0.8rem; }
.price {
  margin-top: 0.3rem;
  font-size: 0.875rem;
  font-variant-numeric: lining-nums tabular-nums;
  color: var(--vitrine-muted, color-mix(in srgb, currentColor 70%, transparent));
}
button {
  position: absolute;
  top: 0.375rem;
  right: 0.375rem;
  width: 2rem;
  height: 2rem;
  padding: 0;
  border: 0;
  border-radius: 50%;
  font: 300 1.125rem/1 system-ui, sans-serif;
  color: inherit;
  background: color-mix(in srgb, Canvas 70%, transparent);
  cursor: pointer;
}
@media (hover: hover) {
  button { opacity: 0; }
  li:hover button, li:focus-within button { opacity: 1; }
}
@media (prefers-reduced-motion: no-preference) {
  button { transition: opacity 200ms; }
  li[data-fresh] { animation: appear var(--vitrine-fade, 500ms) ease both; }
}
@keyframes appear { from { opacity: 0; } }
`;

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** One sheet for all elements, constructed: a strict Content-Security-Policy refuses inline styles. */
export function styleSheet() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
  }
  return sheet;
}

/** The fixed part of the shadow tree. */
export function frame() {
  const fallback = make('slot', { class: 'fallback' });
  const heading = make('h2', { part: 'heading', id: 'heading' });
  // Safari drops the role of a list without bullets; said aloud, it stays.
  const list = make('ul', { part: 'list', role: 'list', 'aria-live': 'off' });
  const section = make('section', { part: 'section', 'aria-labelledby': 'heading' }, [heading, list]);
  return { fallback, heading, list, section };
}

/**
 * One item in the default look.
 *
 * @param {Item} item
 * @param {ViewOptions} options
 */
export function tile(item, { locale, dismissLabel }) {
  const href = safeUrl(item.url);
  const link = make('a', { part: 'link', ...(href && { href }) }, [
    item.image
      ? // The title follows as text, so the picture adds nothing for a screen reader.
        make('img', { part: 'image', class: 'image', src: item.image, alt: '', loading: 'lazy', decoding: 'async' })
      : make('span', { part: 'image placeholder', class: 'image', 'aria-hidden': 'true' }, [
          [...item.title][0] ?? '',
        ]),
    item.brand ? make('span', { part: 'brand', class: 'brand' }, [item.brand]) : '',
    make('span', { part: 'title', class: 'title' }, [item.title]),
  ]);
  const price = formatPrice(item, locale);
  if (price) link.append(make('span', { part: 'price', class: 'price' }, [price]));
  const entry = make('li', { part: 'item' }, [link]);
  if (dismissLabel) {
    const label = `${dismissLabel}: ${item.title}`;
    entry.append(
      make('button', { part: 'dismiss', type: 'button', 'aria-label': label, title: dismissLabel }, ['×']),
    );
  }
  return entry;
}

/**
 * One item in the shop's own markup: elements with `data-slot` = link, image, brand, title or price.
 * The copy belongs into the light DOM, where the shop's style sheets reach it.
 *
 * @param {HTMLTemplateElement} template
 * @param {Item} item
 * @param {ViewOptions} options
 */
export function templateTile(template, item, { locale }) {
  const content = /** @type {HTMLElement} */ (document.createElement('div'));
  content.append(template.content.cloneNode(true));
  const text = { title: item.title, brand: item.brand ?? '', price: formatPrice(item, locale) };
  for (const node of content.querySelectorAll('[data-slot]')) {
    const slot = /** @type {HTMLElement} */ (node).dataset.slot ?? '';
    if (slot === 'link') node.setAttribute('href', safeUrl(item.url));
    else if (slot === 'image' && item.image) node.setAttribute('src', item.image);
    else if (slot === 'image') node.remove();
    else if (slot in text) node.textContent = text[/** @type {keyof typeof text} */ (slot)];
  }
  return content;
}

/** Catalogues come from feeds: a link may lead to a page, and never run a script. */
function safeUrl(/** @type {string | undefined} */ url) {
  if (!url) return '';
  try {
    return /^https?:$/.test(new URL(url, document.baseURI).protocol) ? url : '';
  } catch {
    return '';
  }
}

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} [children]
 */
function make(name, attributes, children = []) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
