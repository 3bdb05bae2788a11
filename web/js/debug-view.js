// What does `<vitrine-debug>` look like? Markup and style, without behaviour: dense, and legible at 320 pixels.

import { make, styleSheet } from './dom.js';

export const debugStyle = styleSheet(`
*, :host { box-sizing: border-box; }
:host {
  display: block;
  container-type: inline-size;
  color-scheme: light dark;
  color: CanvasText;
  background: Canvas;
  font: 12px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-variant-numeric: tabular-nums;
  font-variant-ligatures: none;
  letter-spacing: 0;
  text-align: start;
  --_line: color-mix(in srgb, CanvasText 16%, Canvas);
  --_muted: color-mix(in srgb, CanvasText 68%, Canvas);
  --_wash: color-mix(in srgb, CanvasText 5%, Canvas);
  --_good: light-dark(#0a6b2d, #6fd08c);
  --_bad: light-dark(#b3261e, #ff9d94);
}
:host([hidden]), [hidden] { display: none !important; }
:host([overlay]) {
  position: fixed;
  z-index: 2147483647;
  inset-block-end: 0;
  inset-inline-end: 0;
  inline-size: min(34rem, 100vw);
  border: 1px solid var(--_line);
  border-block-end: 0;
  border-start-start-radius: 6px;
  box-shadow: 0 0 24px rgb(0 0 0 / 18%);
  overflow: hidden;
}
:host([overlay]) .body { max-block-size: min(62vh, 44rem); overflow-y: auto; overscroll-behavior: contain; }
:host([overlay]:not([open])) { inline-size: auto; }
:host([overlay]:not([open])) .body, :host([overlay]:not([open])) .state { display: none; }
:host(:not([overlay])) .toggle { display: none; }
:focus-visible { outline: 2px solid CanvasText; outline-offset: -2px; }

header { position: sticky; inset-block-start: 0; z-index: 1; background: Canvas; border-block-end: 1px solid var(--_line); }
.bar { display: flex; align-items: center; gap: 8px; padding: 4px 8px; }
h2 { margin: 0; font: inherit; font-weight: 700; }
.grow { flex: 1; }
input {
  flex: 1;
  min-inline-size: 6ch;
  block-size: 26px;
  padding: 0 6px;
  border: 1px solid var(--_line);
  border-radius: 3px;
  font: inherit;
  color: inherit;
  background: var(--_wash);
}
:host([overlay]:not([open])) input, :host([overlay]:not([open])) .tool { display: none; }
button {
  min-inline-size: 26px;
  block-size: 26px;
  padding: 0 7px;
  border: 1px solid var(--_line);
  border-radius: 3px;
  font: inherit;
  color: inherit;
  background: var(--_wash);
  cursor: pointer;
}
button:hover { border-color: CanvasText; }
.state { display: flex; flex-wrap: wrap; gap: 0 14px; padding: 2px 8px 4px; margin: 0; }
.state div { display: flex; gap: 5px; }
.state dt { color: var(--_muted); }
.state dd { margin: 0; font-weight: 600; }

details { border-block-end: 1px solid var(--_line); }
summary { display: flex; gap: 8px; padding: 5px 8px; font-weight: 700; cursor: pointer; list-style: none; user-select: none; }
summary::-webkit-details-marker { display: none; }
summary::before { content: "▸"; inline-size: 1ch; }
details[open] > summary::before { content: "▾"; }
summary .count { font-weight: 400; color: var(--_muted); }
.scroll { max-block-size: 22rem; overflow: auto; }
:host([overlay]) .scroll { max-block-size: none; }

table { inline-size: 100%; border-collapse: collapse; }
th { padding: 1px 4px; font-weight: 400; text-align: start; color: var(--_muted); white-space: nowrap; }
td { padding: 2px 4px; vertical-align: top; overflow-wrap: anywhere; }
th:first-child, td:first-child { padding-inline-start: 8px; }
th:last-child, td:last-child { padding-inline-end: 8px; }
tbody tr { border-block-start: 1px solid var(--_line); }
tbody tr:hover { background: var(--_wash); }
.number { text-align: end; white-space: nowrap; }
.whole { white-space: nowrap; }
.sub { display: block; color: var(--_muted); }
.good { color: var(--_good); }
.bad { color: var(--_bad); }
.dim td { color: var(--_muted); }
caption { padding: 3px 8px; text-align: start; background: var(--_wash); }
caption b { font-weight: 700; }
.empty { margin: 0; padding: 2px 8px 6px; color: var(--_muted); }
@media (pointer: coarse) {
  button, input { block-size: 44px; min-inline-size: 44px; }
  summary { min-block-size: 34px; align-items: center; }
}
@media (forced-colors: active) { :host { border: 1px solid CanvasText; } }
`);

/** @typedef {{key: string, title: string, isOpen?: boolean}} SectionName */

/**
 * The fixed part of the shadow tree.
 *
 * @param {SectionName[]} names
 */
export function panel(names) {
  const filter = /** @type {HTMLInputElement} */ (make('input', { type: 'search', placeholder: 'filter', 'aria-label': 'Filter rows', autocomplete: 'off', spellcheck: 'false' }));
  const copy = make('button', { type: 'button', class: 'tool', title: 'Copy everything as JSON' }, ['copy']);
  const toggle = make('button', { type: 'button', class: 'toggle', 'aria-expanded': 'true', 'aria-controls': 'body' });
  const state = make('dl', { class: 'state' });
  const sections = new Map(names.map(({ key, title, isOpen = false }) => {
    const count = make('span', { class: 'count' });
    // What scrolls is within reach of the keyboard.
    const content = make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title });
    const node = make('details', { open: isOpen, id: key }, [make('summary', {}, [title, ' ', count]), content]);
    return [key, { node, count, content }];
  }));
  const body = make('div', { class: 'body', id: 'body' }, [...sections.values()].map(({ node }) => node));
  const root = make('section', { 'aria-labelledby': 'name' }, [
    make('header', {}, [make('div', { class: 'bar' }, [make('h2', { id: 'name' }, ['vitrine']), filter, copy, toggle]), state]),
    body,
  ]);
  return { root, filter, copy, toggle, state, sections, body };
}

/**
 * @typedef {{text: string | number, sub?: string, number?: boolean, whole?: boolean, tone?: "good" | "bad" | ""}} Cell
 * @typedef {{head: {text: string, number?: boolean}[], rows: {cells: Cell[], isDim?: boolean}[], caption?: string}} Table
 */

/** @param {Table} table */
export function tableOf({ head, rows, caption }) {
  const heads = head.map(({ text, number }) => make('th', { scope: 'col', class: number ? 'number' : null }, [text]));
  const lines = rows.map(({ cells, isDim }) =>
    make('tr', { class: isDim ? 'dim' : null }, cells.map(({ text, sub, number, whole, tone }) =>
      make('td', { class: [number && 'number', whole && 'whole', tone].filter(Boolean).join(' ') || null }, [
        String(text), sub ? make('span', { class: 'sub' }, [sub]) : null,
      ]),
    )),
  );
  return make('table', {}, [
    caption ? make('caption', {}, [caption]) : null,
    make('thead', {}, [make('tr', {}, heads)]),
    make('tbody', {}, lines),
  ]);
}

/** @param {[string, string | number, ("good" | "bad" | "")?][]} pairs */
export function stateOf(pairs) {
  return pairs.map(([name, value, tone]) => make('div', {}, [make('dt', {}, [name]), make('dd', { class: tone || null }, [String(value)])]));
}

/** @param {string} text */
export const empty = (text) => make('p', { class: 'empty' }, [text]);
