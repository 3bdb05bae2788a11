// "Behind the glass": what the recommender hears, makes of it and answers, at the side of the shop.
//
// Open where there is room, until it is closed; on smaller screens it opens over the page. Style decides which
// (`glass.css`), so that nothing moves when this module arrives.

import { byId, h } from './dom.js';

const ROOM = matchMedia('(min-width: 80rem)');

export function setUpGlass() {
  const side = byId('glass');
  const root = document.documentElement;
  const openers = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-opens="glass"]'));
  /** Who opened it has the keyboard back. @type {HTMLElement} */
  let opener = openers[0];
  const isOpen = () => (root.dataset.glass ? root.dataset.glass === 'open' : ROOM.matches);
  const draw = () => {
    for (const each of openers) each.setAttribute('aria-expanded', String(isOpen()));
    if (isOpen() && !side.querySelector('vitrine-debug')) fill();
  };
  const turn = (/** @type {boolean} */ open) => {
    root.dataset.glass = open ? 'open' : 'closed';
    draw();
    (open ? byId('glass-title') : opener).focus({ preventScroll: true });
  };
  for (const each of openers) {
    each.addEventListener('click', () => {
      opener = each;
      turn(!isOpen());
    });
  }
  side.querySelector('[data-closes]')?.addEventListener('click', () => turn(false));
  side.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Escape') turn(false);
  });
  ROOM.addEventListener('change', draw);
  draw();
}

/** Few visitors look behind it: its code comes when they do. */
async function fill() {
  byId('glass-body').replaceChildren(h('vitrine-debug'));
  await import('../vitrine/debug.js');
}
