// The drawing at the head of the page: a low sun over folds of cloth, in the colours of the house.

import { svg } from './dom.js';

/** @param {Element | null} art */
export function drawHero(art) {
  if (!art) return;
  const folds = Array.from({ length: 26 }, (_, step) => {
    const y = 300 + step * step * 0.36 + step * 2;
    const lift = 90 - step * 2.6;
    return svg('path', {
      d: `M-20 ${y + 26} C 130 ${y - lift} 260 ${y + lift * 0.75} 400 ${y - 8} S 590 ${y - lift * 0.8} 680 ${y - 26} V720 H-20 Z`,
    });
  });
  const halo = Array.from({ length: 7 }, (_, step) => svg('circle', { cx: 400, cy: 200, r: 104 + step * step * 3.4 + step * 9, class: 'halo' }));
  art.append(
    svg('circle', { cx: 400, cy: 200, r: 96, class: 'sun' }),
    svg('g', { class: 'halos' }, ...halo),
    svg('g', { class: 'folds' }, ...folds),
  );
}
