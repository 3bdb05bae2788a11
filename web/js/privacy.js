// The entry that registers `<vitrine-privacy>`: loaded by `vitrine.js` when a page has the tag, or by the page itself.

import { VitrinePrivacy } from './privacy-element.js';

export { VitrinePrivacy };

if (globalThis.customElements && !customElements.get('vitrine-privacy')) customElements.define('vitrine-privacy', VitrinePrivacy);
