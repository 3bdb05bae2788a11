// What does the shop have? Its list of items, as it stands in a file.
//
// A package's own list was checked when it was exported. The shop's is a feed of today: what is meant is understood, what
// is not costs the item, not the list, and is said by the item's id and the field.

import { read } from './network.js';
import { VitrineError } from './protocol.js';

/** @typedef {import('./protocol.js').Item} Item */

/** Words of feeds for what can be had and what cannot, without what stands between and around them. */
const AVAILABLE = 'true yes 1 instock available preorder presale backorder limitedavailability onlineonly'.split(' ');
const UNAVAILABLE = 'false no 0 outofstock soldout unavailable discontinued'.split(' ');

/** What a field may be: its value as it is meant, or undefined. @type {Record<string, [(value: any) => unknown, string]>} */
const KINDS = {
  id: [(value) => (typeof value === 'string' ? value : undefined), 'a text'],
  text: [(value) => (typeof value === 'string' || typeof value === 'number' ? String(value) : undefined), 'a text'],
  texts: [textsOf, 'a list of texts'],
  number: [(value) => (Number.isFinite(value) ? value : undefined), 'a number'],
  time: [(value) => (Number.isSafeInteger(value) ? value : undefined), 'in whole milliseconds'],
  count: [(value) => (Number.isInteger(value) && value >= 0 && value < 2 ** 32 ? value : undefined), 'a count'],
  boost: [(value) => (Number.isInteger(value) && Math.abs(value) <= 2 ? value : undefined), '-2, -1, 0, 1 or 2'],
  money: [(value) => (Number.isSafeInteger(value) && value >= 0 ? value : undefined), 'a whole number of minor units: 99.90 is 9990'],
  stock: [stockOf, 'true or false'],
  attributes: [attributesOf, 'an object of texts'],
};

/** @type {Record<string, keyof typeof KINDS>} */
const FIELDS = {
  id: 'id', title: 'text', brand: 'text', category: 'texts', price: 'money', list_price: 'money', currency: 'text', available: 'stock', image: 'text',
  url: 'text', attrs: 'attributes', tags: 'texts', text: 'text', group: 'text', sku: 'text', gtin: 'text', mpn: 'text', rating: 'number',
  rating_n: 'count', created: 'time', boost: 'boost',
};

/** The list of a package: whoever asks for it next has the same answer. @param {string} address @returns {Promise<Item[]>} */
export async function packageItems(address) {
  const rows = rowsOf(await read(address, { isShared: true }), address);
  const items = rows.filter((row) => typeof row?.id === 'string' && typeof row.title === 'string');
  if (items.length === 0) throw new VitrineError('package_corrupt', `${address}: no item with id and title`);
  return oncePerId(items);
}

/**
 * The shop's own list.
 *
 * @param {string} address
 * @returns {Promise<{items: Item[], mistake?: string}>}  `mistake`: what is wrong with some of them
 */
export async function ownItems(address) {
  const rows = rowsOf(await read(address), address);
  /** @type {string[]} */
  const mistakes = [];
  const items = rows.filter((row, place) => isItem(row, place, mistakes));
  if (items.length === 0) throw new VitrineError('package_corrupt', `${address}: ${mistakes[0] ?? 'no item with id and title'}`);
  if (mistakes.length === 0) return { items: oncePerId(items) };
  const more = mistakes.length > 1 ? ` (and ${mistakes.length - 1} more)` : '';
  const left = rows.length > items.length ? `; ${rows.length - items.length} of ${rows.length} items are left out` : '';
  return { items: oncePerId(items), mistake: `${address}: ${mistakes[0]}${more}${left}` };
}

/**
 * A package's `catalog.json`, a plain list of items, or the trainer's `catalog.jsonl`.
 *
 * @param {string} text
 * @param {string} address
 * @returns {any[]}
 */
function rowsOf(text, address) {
  const fail = (/** @type {unknown} */ why) => new VitrineError('package_corrupt', `${address}: ${why}`);
  if (/^\s*</.test(text)) throw fail('a web page, not a list of items');
  let given;
  try {
    given = new URL(address).pathname.endsWith('.jsonl')
      ? text.split('\n').filter((line) => line.trim() !== '').map(lineOf)
      : JSON.parse(text);
  } catch (cause) {
    throw fail(cause);
  }
  const rows = Array.isArray(given) ? given : given?.items;
  if (!Array.isArray(rows)) throw fail('no list of items');
  return rows;
}

/** One that cannot be read is no item; the others may be. @param {string} line */
function lineOf(line) {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}

/** Of two items of one id the later stays, as in the map of all items. @param {Item[]} items */
function oncePerId(items) {
  return [...new Map(items.map((item) => [item.id, item])).values()];
}

/**
 * Makes of the row what is meant. What cannot be understood is said, and costs the item; a currency that nobody knows costs
 * its price alone.
 *
 * @param {any} row
 * @param {number} place
 * @param {string[]} mistakes
 */
function isItem(row, place, mistakes) {
  const name = typeof row?.id === 'string' && row.id ? `item "${row.id}"` : `item ${place + 1} of the list`;
  const refuse = (/** @type {string} */ why) => {
    mistakes.push(name + why);
    return false;
  };
  if (row === null || typeof row !== 'object') return refuse(`: ${short(row)} is no object`);
  for (const field of Object.keys(row)) {
    if (!Object.hasOwn(FIELDS, field)) continue;
    const said = row[field];
    const [meant, kind] = KINDS[FIELDS[field]];
    // So feeds write what they do not have.
    const isThere = said !== null && said !== '';
    row[field] = isThere ? meant(said) : undefined;
    if (isThere && row[field] === undefined) return refuse(`: ${field} is ${short(said)}, not ${kind}`);
  }
  if (row.id === undefined) return refuse(' has no id');
  if (!row.title?.trim()) return refuse(' has an empty title');
  if (row.currency !== undefined && !/^[a-z]{3}$/i.test(row.currency)) {
    refuse(`: currency is ${short(row.currency)}, not a code of three letters (EUR), so that its price is not shown`);
    row.currency = undefined;
  }
  return true;
}

/** @param {any} value */
function textsOf(value) {
  // "Women > Coats"
  const texts = typeof value === 'string' ? value.split('>').map((step) => step.trim()) : value;
  const [isText] = KINDS.text;
  const read = Array.isArray(texts) ? texts.map((each) => isText(each)) : [undefined];
  return read.includes(undefined) ? undefined : read;
}

/** @param {any} value */
function stockOf(value) {
  // `out_of_stock`, `in stock`, `https://schema.org/InStock`
  const word = String(value).split('/').at(-1)?.toLowerCase().replace(/[\s_-]/g, '') ?? '';
  return AVAILABLE.includes(word) || (UNAVAILABLE.includes(word) ? false : undefined);
}

/** @param {any} value */
function attributesOf(value) {
  if (typeof value !== 'object' || Array.isArray(value)) return undefined;
  const pairs = Object.entries(value).filter(([, each]) => each !== null);
  return pairs.some(([, each]) => typeof each === 'object') ? undefined : Object.fromEntries(pairs.map(([name, each]) => [name, String(each)]));
}

/** As the feed has it, and no longer than a line. @param {unknown} value */
function short(value) {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
