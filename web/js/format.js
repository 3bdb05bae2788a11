// How does a price read in the visitor's language?

/**
 * The price of an item, or an empty string when it has none.
 *
 * @param {import('./protocol.js').Item} item  `price` in minor units, `currency` as ISO 4217 code
 * @param {string} [locale]  the page's language when left out; with a hyphen, or as servers write it (`de_DE`)
 */
export function formatPrice(item, locale = document.documentElement.lang) {
  if (typeof item.price !== 'number' || !item.currency) return '';
  // For what is no language, the browser's own; an unknown currency must not cost the visitor the whole row.
  for (const language of [locale.replaceAll('_', '-'), undefined]) {
    try {
      const format = new Intl.NumberFormat(language, {
        style: 'currency',
        currency: item.currency,
        // A round price reads calmer without its zeros; engines that do not know the option ignore it.
        ...{ trailingZeroDisplay: 'stripIfInteger' },
      });
      // Yen have no minor unit, dinars three digits: the currency knows.
      const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
      return format.format(item.price / 10 ** digits);
    } catch {}
  }
  return '';
}
