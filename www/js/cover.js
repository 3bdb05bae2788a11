// What stands in for a missing picture? A typographic cover in the manner of a publisher's series.
//
// Colour and ornament follow from the title alone, so an item looks the same everywhere.

import { svg } from './dom.js';

/** Ground and ink, chosen to sit well side by side on light and dark paper. */
const PALETTES = [
  ['#22392f', '#e8dcc0'], ['#5a2026', '#efd8c4'], ['#1f2a44', '#d8cdb4'], ['#b48a44', '#241b0e'],
  ['#e6dcc8', '#2b2620'], ['#4c5862', '#ece5d8'], ['#c7a397', '#2d1c19'], ['#5c5e3c', '#efe6cd'],
  ['#3c2a41', '#e5d4d6'], ['#ccb993', '#2b2419'], ['#9c553c', '#f3e4d3'], ['#24221f', '#d5c195'],
];
const SERIF = '"Cormorant Garamond", "Didot", "Bodoni MT", "Hoefler Text", "EB Garamond", Garamond, Georgia, serif';

/**
 * @param {import('./store.js').Item} item
 * @returns {SVGSVGElement}
 */
export function cover(item) {
  const hash = hashOf(item.title);
  const [ground, ink] = PALETTES[hash % PALETTES.length];
  const [, title, year = ''] = item.title.match(/^(.*?)(?:\s*\((\d{4})\))?$/s) ?? [, item.title];
  const { lines, size } = wrap(title || item.title);
  const overline = (item.category?.[0] ?? item.brand ?? '').toUpperCase();
  return svg(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', viewBox: '0 0 300 400', width: 600, height: 800, 'aria-hidden': 'true' },
    svg('rect', { width: 300, height: 400, fill: ground }),
    svg('g', { fill: 'none', stroke: ink, 'stroke-opacity': 0.3, 'stroke-width': 0.75 }, ...ornament(hash >>> 5)),
    svg('rect', { x: 14, y: 14, width: 272, height: 372, fill: 'none', stroke: ink, 'stroke-opacity': 0.4, 'stroke-width': 0.75 }),
    svg('g', { fill: ink, 'font-family': SERIF },
      svg('text', { x: 32, y: 46, 'font-size': 10, 'letter-spacing': 2, 'fill-opacity': 0.75 }, overline),
      ...lines.map((line, row) =>
        svg('text', { x: 31, y: 58 + (row + 1) * size * 1.14, 'font-size': size }, line),
      ),
      svg('text', { x: 32, y: 368, 'font-size': 12, 'letter-spacing': 2, 'fill-opacity': 0.75 }, year),
    ),
  );
}

/** The same cover for an `<img>`. @param {import('./store.js').Item} item */
export function coverAddress(item) {
  return `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(cover(item)))}`;
}

/** @param {number} hash @returns {SVGElement[]} */
function ornament(hash) {
  const shift = (hash >>> 3) % 60;
  const count = 9;
  const steps = Array.from({ length: count }, (_, step) => step);
  switch (hash % 5) {
    case 0: // rising sun
      return steps.map((step) => svg('circle', { cx: 90 + shift * 2, cy: 386, r: 22 + step * 15 }))
        .map(insideFrame);
    case 1: // two meeting circles
      return [svg('circle', { cx: 120 + shift / 3, cy: 282, r: 62 }), svg('circle', { cx: 185 + shift / 3, cy: 282, r: 62 })];
    case 2: // rain
      return Array.from({ length: 17 }, (_, step) => svg('path', { d: `M${38 + step * 14} ${262 + ((step * 37 + shift) % 70)}V346` }));
    case 3: // horizon
      return steps.map((step) => svg('path', { d: `M32 ${340 - step * (4 + step * 0.8)}H268` }));
    default: // moon
      return [
        svg('circle', { cx: 205, cy: 285, r: 52 }),
        ...steps.map((step) => svg('circle', { cx: 205 - step * 3.2, cy: 285, r: 52 - step * 4 })),
      ];
  }
}

/** Arcs from the lower edge stay above it. @param {SVGElement} circle */
function insideFrame(circle) {
  const [x, y, r] = ['cx', 'cy', 'r'].map((key) => Number(circle.getAttribute(key)));
  const left = Math.max(x - r, 14);
  const right = Math.min(x + r, 286);
  const height = (/** @type {number} */ at) => y - Math.sqrt(Math.max(0, r * r - (at - x) ** 2));
  return svg('path', { d: `M${left} ${height(left)}A${r} ${r} 0 0 1 ${right} ${height(right)}` });
}

/** Breaks a title into lines, in the largest size that fits. @param {string} title */
function wrap(title) {
  const words = title.split(/\s+/);
  for (const size of [36, 31, 27, 23, 19]) {
    const limit = Math.floor(236 / (size * 0.53));
    /** @type {string[]} */
    const lines = [];
    for (const word of words) {
      const last = lines.at(-1);
      if (last !== undefined && `${last} ${word}`.length <= limit) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
    const fits = lines.every((line) => line.length <= limit) && lines.length * size * 1.14 <= 170;
    if (fits || size === 19) return { lines: lines.slice(0, 8), size };
  }
  return { lines: [title], size: 19 };
}

/** FNV-1a: small, stable, well spread. @param {string} text */
function hashOf(text) {
  let hash = 0x811c9dc5;
  for (const character of text) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}
