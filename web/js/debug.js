// The entry that registers `<vitrine-debug>`, and lays one over the page when its address says `?vitrine-debug`.

import { VitrineDebug } from './debug-element.js';

export { VitrineDebug };

if (globalThis.customElements && !customElements.get('vitrine-debug')) {
  customElements.define('vitrine-debug', VitrineDebug);
  const isWanted = new URLSearchParams(location.search).has('vitrine-debug');
  if (isWanted && !document.querySelector('vitrine-debug')) {
    const overlay = document.createElement('vitrine-debug');
    overlay.toggleAttribute('overlay', true);
    overlay.toggleAttribute('open', true);
    document.body.append(overlay);
  }
}
