// How are the fields of other recorders read? Ids, prices and quantities, however they are written.

/**
 * What a mapper makes of a vendor's event: ours, without what the recorder adds. `order` is the number of the order, by
 * which a purchase is told once and a return finds what was bought; without `item` it means everything in that order.
 *
 * @typedef {{type: string, item?: string, order?: string, ts?: number, variant?: string, qty?: number, price?: number,
 *   currency?: string, list?: string, pos?: number, rating?: number, reason?: string, id?: string}} Mapped
 */

/** The first that is a text or a number. @param {unknown[]} candidates @returns {string | undefined} */
export function text(...candidates) {
  for (const each of candidates) {
    if (typeof each === 'number' || (typeof each === 'string' && each.trim())) return String(each).trim();
  }
  return undefined;
}

/** @param {unknown} value @returns {number | undefined} */
export function number(value) {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/\d/.test(value)) return undefined;
  if (Number.isFinite(Number(value))) return Number(value);
  // "1.299,00 €", "$1,299.00", "12,90": the last separator is the decimal one if it has one or two digits behind it.
  const digits = value.replace(/[^\d.,-]/g, '');
  const [, whole, decimals = ''] = /^(.*?)(?:[.,](\d{1,2}))?$/.exec(digits) ?? [];
  const read = Number(`${(whole ?? '').replace(/[.,]/g, '')}.${decimals}`);
  return Number.isFinite(read) ? read : undefined;
}

/** @param {unknown} value @returns {number | undefined} */
export function count(value) {
  const read = number(value);
  return read !== undefined && read >= 0 ? Math.round(read) : undefined;
}

/**
 * A price in minor units; how many there are is a matter of the currency.
 *
 * @param {unknown} value @param {string | undefined} currency
 * @returns {number | undefined}
 */
export function price(value, currency) {
  const read = number(value);
  return read !== undefined && read >= 0 ? Math.round(read * 10 ** decimals(currency)) : undefined;
}

/** @param {string | undefined} currency */
function decimals(currency) {
  try {
    return new Intl.NumberFormat('en', { style: 'currency', currency: currency ?? 'EUR' }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

/** @param {unknown} value @returns {any[]} */
export function list(value) {
  return Array.isArray(value) ? value.filter((each) => each !== null && each !== undefined) : [];
}

/** Without the fields that are undefined. @template {object} T @param {T} mapped @returns {T} */
export function tidy(mapped) {
  return /** @type {T} */ (Object.fromEntries(Object.entries(mapped).filter(([, value]) => value !== undefined)));
}
