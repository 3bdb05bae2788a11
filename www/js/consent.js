// May the house remember the visitor? It asks once, in passing; until there is an answer nothing is stored.

import { recorder } from '../vitrine/vitrine.js';
import { byId, notify } from './dom.js';

export function setUpConsent() {
  const notice = byId('consent');
  // An answer may come from the privacy panel, too, or from another tab.
  const draw = () => {
    const hadFocus = notice.contains(document.activeElement);
    notice.hidden = recorder.consent !== 'unknown';
    document.documentElement.toggleAttribute('data-asks', !notice.hidden);
    if (notice.hidden && hadFocus) byId('main').focus({ preventScroll: true });
  };
  recorder.addEventListener('change', draw);
  notice.addEventListener('click', async (/** @type {MouseEvent} */ { target }) => {
    const said = /** @type {HTMLElement} */ (target).dataset.consent;
    if (!said) return;
    await recorder.setConsent(said === 'yes');
    notify(said === 'yes' ? 'Kept on this device, and nowhere else.' : 'As you wish. Your notes end with this visit.');
  });
  draw();
}
