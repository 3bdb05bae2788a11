// What happens in a Shopify theme that its markup does not tell? What is put into the cart, on every theme that uses forms.

const tag = [...document.scripts].find(({ src }) => src === import.meta.url);
const { observe } = await import(new URL('recorder.js', new URL(tag.dataset.base, document.baseURI)).href);

// Themes add without loading a page and stop the event; here it is heard before them.
document.addEventListener('submit', ({ target }) => {
  const form = /** @type {HTMLFormElement} */ (target);
  if (!/\/cart\/add(\.js)?$/.test(new URL(form.action, document.baseURI).pathname)) return;
  const fields = new FormData(form);
  const variant = String(fields.get('id') ?? '');
  const card = /** @type {HTMLElement | null} */ (form.closest('[data-vitrine-item]'));
  const page = /** @type {HTMLElement | null} */ (document.querySelector('[data-vitrine-page]'));
  // A form beside another product, of a theme that does not say which: the catalogue may know the variant.
  const isOfPage = !page?.dataset.vitrineVariants || page.dataset.vitrineVariants.split(' ').includes(variant);
  const item = card?.dataset.vitrineItem ?? (isOfPage && page?.dataset.vitrinePage) ?? '';
  const qty = Math.max(1, Number.parseInt(String(fields.get('quantity')), 10) || 1);
  if (item || variant) observe({ item: item || variant, type: 'cart_add', src: 'shopify', qty, ...(variant && { variant }) }).catch(() => {});
}, { capture: true });
