// "What this house knows": the visitor's panel in a drawer of the house's own.

import { byId } from './dom.js';

/** @param {import('./app.js').House} house */
export function setUpKnows({ store }) {
  const drawer = byId('knows');
  const privacy = byId('privacy');
  if (!store.hasPrices) {
    privacy.setAttribute('text-erase-ask', 'Forget the note, and with it your ratings? It cannot be brought back.|Forget all {count} notes, and with them your ratings? They cannot be brought back.');
  }
  const open = () => drawer.open || drawer.showModal();
  document.addEventListener('click', ({ target }) => /** @type {Element} */ (target).closest('[data-opens="knows"]') && open());
  drawer.addEventListener('click', (/** @type {MouseEvent} */ event) => {
    // The backdrop belongs to the dialog; a click beside the drawer closes it.
    if (event.target === drawer || /** @type {HTMLElement} */ (event.target).dataset.closes) drawer.close();
  });
  // "Because you viewed …" under an item leads to the note that is the reason, in here.
  customElements.whenDefined('vitrine-privacy').then(() => {
    const show = privacy.show;
    privacy.show = (/** @type {string} */ item) => {
      open();
      return show.call(privacy, item);
    };
  });
}
