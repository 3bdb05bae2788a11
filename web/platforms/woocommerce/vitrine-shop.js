// What happens in a WooCommerce shop that its markup does not tell? The cart, and what was bought.

const tag = [...document.scripts].find(({ src }) => src === import.meta.url);
const { observe } = await import(new URL('recorder.js', new URL(tag.dataset.base, document.baseURI)).href);

/** @param {string | undefined} item @param {string} type @param {Record<string, unknown>} [more] */
function tell(item, type, more) {
  if (item) observe({ item, type, src: 'woocommerce', ...more }).catch(() => {});
}

/** A number that a form or an attribute holds. */
const count = (/** @type {any} */ text) => Math.max(1, Number.parseInt(text, 10) || 1);

// The form of a product page; variations are told from the product that they belong to.
document.addEventListener('submit', ({ target }) => {
  const form = /** @type {HTMLFormElement} */ (target);
  if (!form.matches('form.cart')) return;
  const page = /** @type {HTMLElement | null} */ (document.querySelector('[data-vitrine-page]'));
  const fields = new FormData(form);
  const variant = fields.get('variation_id');
  tell(page?.dataset.vitrinePage, 'cart_add', { qty: count(fields.get('quantity')), ...(variant && { variant: String(variant) }) });
});

// The cross beside a line of the cart. The attribute with the catalogue's id is the plugin's, the other WooCommerce's.
document.addEventListener('click', ({ target }) => {
  const link = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest('a.remove[data-product_id]'));
  if (link) tell(link.dataset.vitrineId ?? link.dataset.product_id, 'cart_remove');
});

// The page that says thank you; shown again, its lines have the same ids, and the history keeps each once.
for (const line of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-vitrine-bought]'))) {
  tell(line.dataset.vitrineBought, 'purchase', { qty: count(line.dataset.vitrineQty), id: `woocommerce-${line.dataset.vitrineLine}` });
}
