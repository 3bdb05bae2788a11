// The public module of Vitrine: what a shop imports, and the only place that registers an element.

import { VitrineRecs } from './recs-element.js';

export { formatPrice } from './format.js';
export { ERROR_CODES, VitrineError } from './protocol.js';
export { createRecommender } from './recommender.js';
export { VitrineRecs };

if (globalThis.customElements && !customElements.get('vitrine-recs')) {
  customElements.define('vitrine-recs', VitrineRecs);
}
