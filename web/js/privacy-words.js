// What does the privacy panel say? Every word of it, and how notes read. A shop says it its own way by `text-KEY`.

/**
 * `{name}` is filled in. `one|many` are chosen by {count}; a shop's own words may have as many forms as its language,
 * in the order of `FORMS`.
 */
export const WORDS = {
  heading: 'What this shop remembers',
  lead: 'To pick items for you, notes on what you look at are kept in this browser, and the picking is done here, too. The notes are never sent: not to this shop, not to anyone.',

  'fact-kept': 'Kept',
  'kept-none': 'Nothing',
  'kept-none-more': 'Look at an item, and a note appears here.',
  kept: '1 note|{count} notes',
  'kept-more': 'on 1 item, since {since}|on {count} items, since {since}',
  'fact-where': 'Where',
  'where-device': 'This browser',
  'where-device-more': 'on this device, for 180 days at most',
  'where-before': 'This browser',
  'where-before-more': '1 note from an earlier visit, not used until you say yes|{count} notes from earlier visits, not used until you say yes',
  'where-page': 'This page only',
  'where-page-more': 'gone when you leave it; none is stored',
  'fact-sent': 'Sent',
  sent: 'Nothing',
  'sent-more': '1 file fetched, none sent|{count} files fetched, none sent',
  'sent-at-least': 'at least 1 file fetched, none sent|at least {count} files fetched, none sent',

  'keep-label': 'Keep notes between visits',
  'keep-on': 'They stay in this browser for up to 180 days. Switching this off erases them at once.',
  'keep-off': 'Off: notes last until you leave the page, and none is stored.',
  'keep-before': 'Off on this page. What earlier visits stored stays, unused, until you switch this on or erase it.',
  'keep-signal': 'Your browser asks sites to leave you alone (Global Privacy Control). That counts as a no, until you say otherwise here.',
  'keep-refused': 'This browser does not let the page store anything; notes last until you leave the page.',
  'pause-label': 'Pause',
  'pause-off': 'While paused, nothing new is noted. What is here stays.',
  'pause-on': 'Paused: nothing new is noted. What is here stays.',

  notes: 'Your notes',
  'notes-more': 'What was noted, and how much it counts for your picks.',
  'notes-none': 'There are none.',
  'notes-all': 'Show all {count}',
  forget: 'Forget',
  'forget-label': 'Forget {title}',
  forgot: '{title} is forgotten.',

  why: 'Why you see what you see',
  'why-none': 'They fit your notes as a whole; none of them stands out',
  'why-viewed': 'Because you viewed {title}',
  'why-saved': 'Because you saved {title}',
  'why-cart': 'Because {title} is in your cart',
  'why-bought': 'Because you bought {title}',
  'why-liked': 'Because you liked {title}',

  export: 'Save a copy',
  exported: 'The copy is among your downloads.',
  erase: 'Erase everything',
  'erase-ask': 'Erase the note? It cannot be brought back.|Erase all {count} notes? They cannot be brought back.',
  'erase-yes': 'Erase',
  'erase-no': 'Keep',
  erased: 'Erased. No note is left.',

  how: 'How it works, and how to check',
  'how-files': 'The shop’s server gives out a program, its catalogue and a model, as files and the same to everyone. Your browser reads them and computes with your notes by itself.',
  'how-shop': 'What any website can see, this shop can see too: the pages you open, the pictures on them, what you order, and what its own statistics collect. Nothing is added to that.',
  'how-check': 'To check: open your browser’s developer tools, choose Network, and load the page again. The files below were fetched for this; none of the requests carries anything about you.',
  'how-worker': 'What the worker in the background fetched (model and catalogue) is listed in the developer tools.',
  'how-tier-1': 'At the moment, picks are made by simple rules on what items have in common.',
  'how-tier-2': 'At the moment, picks are made by a small model on this device’s processor.',
  'how-tier-3': 'At the moment, picks are made by a model on this device’s graphics processor.',

  'interest-strong': 'strong interest',
  'interest-some': 'interest',
  'interest-slight': 'slight interest',
  'interest-open': 'passed by',
  'interest-none': 'not for you',

  purchase: 'Bought|Bought {count} times',
  return: 'Sent back',
  order_cancel: 'Order cancelled',
  checkout: 'Taken to checkout',
  cart_add: 'Added to cart',
  cart_remove: 'Taken out of the cart',
  cart_view: 'Seen in the cart',
  wishlist_add: 'Saved',
  wishlist_remove: 'No longer saved',
  rate: 'Rated {rating} of 5',
  dismiss: 'Sent away',
  view: 'Viewed|Viewed {count} times',
  dwell: 'Looked at for {duration}',
  revisit: 'Came back to it|Came back {count} times',
  click: 'Opened from a list|Opened from a list {count} times',
  zoom: 'Looked at closely',
  variant: 'Looked at another variant',
  size_guide: 'Looked up the size',
  review: 'Read reviews',
  compare: 'Compared',
  share: 'Shared',
  search: 'Searched for',
  list_view: 'Seen in a list',
  impression: 'Shown|Shown {count} times',
};

/** @typedef {keyof typeof WORDS} Key */
/** @typedef {(key: Key, values?: Record<string, string | number>) => string} Say */

/**
 * A language as `Intl` takes it; undefined, which is the browser's own, for what is no language.
 *
 * @param {string} tag  with a hyphen, or as servers write it (`de_DE`)
 */
export function localeOf(tag) {
  try {
    return Intl.getCanonicalLocales(tag.replaceAll('_', '-'))[0];
  } catch {
    return undefined;
  }
}

/** What languages call their forms of counting; whatever else they have is the last form. */
const FORMS = ['zero', 'one', 'two', 'few', 'many'];

/** Which form of a language a number takes. @param {string | undefined} locale */
function counter(locale) {
  const rules = new Intl.PluralRules(locale);
  const { pluralCategories } = rules.resolvedOptions();
  const used = FORMS.filter((form) => pluralCategories.includes(/** @type {Intl.LDMLPluralRule} */ (form)));
  return (/** @type {number} */ count) => {
    const place = used.indexOf(rules.select(count));
    return place < 0 ? Infinity : place;
  };
}

/**
 * @param {(key: string) => string | null} own  the shop's word for a key, if it has one
 * @param {string | undefined} locale
 * @returns {Say}
 */
export function sayer(own, locale) {
  const number = new Intl.NumberFormat(locale);
  // The words above are English on whatever page: there 21 are many, and one in Russian.
  const [ours, theirs] = ['en', locale].map(counter);
  return (key, values = {}) => {
    const word = own(key);
    const forms = (word ?? WORDS[key] ?? '').split('|');
    const place = values.count === undefined ? 0 : (word === null ? ours : theirs)(Number(values.count));
    return (forms[place] ?? forms[forms.length - 1]).replace(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      return value === undefined ? whole : typeof value === 'number' ? number.format(value) : value;
    });
  };
}

/**
 * What was done with one item, in words: the weightiest first.
 *
 * @param {import('./protocol.js').HistoryEvent[]} events  of one item
 * @param {Say} say
 * @param {string | undefined} locale
 * @returns {string[]}
 */
export function deeds(events, say, locale) {
  const order = Object.keys(WORDS);
  /** @type {Map<string, any[]>} */
  const byType = new Map();
  for (const event of events) byType.set(event.type, [...(byType.get(event.type) ?? []), event]);
  const types = [...byType.keys()].sort((a, b) => rank(order, a) - rank(order, b));
  return types.map((type) => {
    const all = byType.get(type) ?? [];
    // A type of the shop's own: its name is all that is known.
    if (!Object.hasOwn(WORDS, type)) return type.replaceAll('_', ' ');
    const dwell_ms = all.reduce((sum, event) => sum + (event.dwell_ms ?? 0), 0);
    const { rating } = all[all.length - 1];
    return say(/** @type {Key} */ (type), { count: all.length, duration: duration(dwell_ms, locale), rating: rating ?? '' });
  });
}

function rank(/** @type {string[]} */ order, /** @type {string} */ type) {
  const place = order.indexOf(type);
  return place < 0 ? order.length : place;
}

/** "40 sec", "1 min 40 sec" @param {number} time_ms @param {string | undefined} locale */
export function duration(time_ms, locale) {
  const seconds = Math.max(1, Math.round(time_ms / 1000));
  const unit = (/** @type {number} */ value, /** @type {string} */ name) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short' }).format(value);
  if (seconds < 60) return unit(seconds, 'second');
  const minutes = unit(Math.floor(seconds / 60), 'minute');
  return seconds % 60 === 0 || seconds >= 600 ? minutes : `${minutes} ${unit(seconds % 60, 'second')}`;
}

const STEPS = /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000]]);

/** "yesterday", "2 hours ago", "now" @param {number} ts @param {number} now_ms @param {string | undefined} locale */
export function ago(ts, now_ms, locale) {
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const past_ms = Math.max(0, now_ms - ts);
  const [unit, length_ms] = STEPS.find(([, each]) => past_ms >= each) ?? ['second', Infinity];
  return format.format(-Math.floor(past_ms / length_ms) || 0, unit);
}

/** As the engine has it: at and below, an item is not shown again. */
const DISLIKED = -0.25;

/** What a note counts for, as a key of the words. @param {number} intensity  -1 to 1 @returns {Key} */
export function interest(intensity) {
  if (intensity <= DISLIKED) return 'interest-none';
  if (intensity <= 0) return 'interest-open';
  if (intensity < 0.25) return 'interest-slight';
  return intensity < 0.6 ? 'interest-some' : 'interest-strong';
}
