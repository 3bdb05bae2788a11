// The public module of Vitrine: what a shop imports, and the only place that registers `<vitrine-recs>`.

import { attribute } from './attribution.js';
import { onNavigation } from './navigation.js';
import { recorder } from './recorder.js';
import { VitrineRecs } from './recs-element.js';
import { frame, recsStyle } from './recs-view.js';

export { formatPrice } from './format.js';
export { ERROR_CODES, VitrineError } from './protocol.js';
export { createRecommender } from './recommender.js';
export { observe, recorder } from './recorder.js';
export { VitrineRecs };

// In tasks of their own: the page that is being read need not wait for lists of which it has its own until they answer. What
// runs for the first time is slow; what every list needs has run once before there is one.
if (globalThis.customElements) for (const task of [recsStyle, frame, () => attribute(recorder), register, loadOthers]) setTimeout(task);

function register() {
  if (customElements.get('vitrine-recs')) return;
  customElements.define('vitrine-recs', VitrineRecs);
  onNavigation(() => setTimeout(loadOthers));
  document.addEventListener('DOMContentLoaded', loadOthers);
}

/** What few pages have, few pages load. */
function loadOthers() {
  const has = (/** @type {string} */ tag) => document.querySelector(tag) !== null;
  if (has('vitrine-privacy')) import('./privacy.js').catch(console.error);
  if (has('vitrine-debug') || /[?&]vitrine-debug\b/.test(location.search)) import('./debug.js').catch(console.error);
}
