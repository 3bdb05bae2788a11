// What do the wrappers for React and Vue share? Props as attributes and properties, and a list that follows the visitor.

/** Set as properties of the element: they are no text. */
export const PROPERTIES = ['exclude', 'cart', 'render', 'transformItems'];

/** Names of `<vitrine-recs>`, as JavaScript writes them; everything else is handed on as it is. */
const ATTRIBUTES = new Set([
  'limit', 'heading', 'headingLevel', 'placement', 'seed', 'device', 'consent', 'rules', 'locale', 'layout', 'lazy', 'live',
  'reasons', 'reasonViewed', 'reasonSaved', 'reasonCart', 'reasonBought', 'reasonLiked', 'cartSynced', 'itemUrl', 'dismissLabel', 'previousLabel',
  'nextLabel',
]);

/** The element begins with any of these; with both, the catalogue has to be there first. */
const STARTERS = ['catalog', 'package'];

/** Prop of React and Vue -> event of the element. */
export const EVENTS = {
  onVitrineReady: 'vitrine-ready',
  onVitrineAnswer: 'vitrine-answer',
  onVitrineImpression: 'vitrine-impression',
  onVitrineClick: 'vitrine-click',
  onVitrineError: 'vitrine-error',
};

/** Changes come in bursts: one answer for all of them, as in the element; and where there is no end of them, one after so long. */
const DEBOUNCE_MS = 150;
const PATIENCE_MS = 1_000;

let base = '/vitrine/';

/**
 * Says where the kit is served, before anything is rendered; `/vitrine/` when left out.
 *
 * @param {{base: string}} options
 */
export function configure({ base: folder }) {
  base = folder.endsWith('/') ? folder : `${folder}/`;
}

/**
 * Loads a file of the kit by an address that no bundler follows: packed a second time, the recorder would no longer be
 * the page's only one, and the worker and its wasm lie beside the file that is served.
 *
 * @param {"vitrine.js" | "recorder.js" | "privacy.js"} name
 * @returns {Promise<any>}
 */
export function load(name) {
  const address = new URL(base + name, document.baseURI).href;
  return import(/* webpackIgnore: true */ /* @vite-ignore */ address);
}

/**
 * Remembers what the visitor did, with the page's recorder.
 *
 * @param {{item: string, type: string, ts?: number} & Record<string, unknown>} event
 */
export async function observe(event) {
  await (await load('recorder.js')).observe(event);
}

/**
 * What the markup holds: attributes of the element by their names in HTML, and whatever else was given.
 *
 * `package` and `catalog` are not among them: the element begins with them, and what it does before the framework has
 * taken over the server's markup would look like a mismatch. `begin` sets them.
 *
 * @param {Record<string, any>} props
 */
export function attributesOf(props) {
  /** @type {Record<string, unknown>} */
  const attributes = {};
  for (const [name, value] of Object.entries(props)) {
    if (STARTERS.includes(name) || PROPERTIES.includes(name) || name in EVENTS) continue;
    // A shop that asks itself answers with yes or no; an attribute that is left out would be neither.
    if (name === 'consent' && typeof value === 'boolean') attributes[name] = value ? 'granted' : 'denied';
    else if (!ATTRIBUTES.has(camel(name))) attributes[name] = value;
    else if (value === true || value === '') attributes[kebab(name)] = '';
    else if (value !== false && value !== null && value !== undefined) attributes[kebab(name)] = String(value);
  }
  return attributes;
}

/** What each element was given last; of lists, copies: a shop may change its own in place. @type {WeakMap<HTMLElement, Record<string, any>>} */
const given = new WeakMap();

/**
 * Hands an element on the page what markup cannot carry, and starts it.
 *
 * @param {HTMLElement} element
 * @param {Record<string, any>} props
 */
export function begin(element, props) {
  const before = given.get(element) ?? {};
  for (const name of PROPERTIES) {
    // A list that is written in place is new at every rendering; the element need not answer anew for that.
    if (isSame(props[name], before[name])) continue;
    /** @type {any} */ (element)[name] = props[name] ?? (name === 'exclude' || name === 'cart' ? [] : null);
  }
  given.set(element, Object.fromEntries(Object.entries(props).map(([name, value]) => [name, Array.isArray(value) ? [...value] : value])));
  for (const name of STARTERS) {
    const address = props[name];
    if (address === undefined || address === null) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(address)) element.setAttribute(name, String(address));
  }
}

/**
 * Makes sure that a tag is known to the browser. A kit that cannot be loaded is an error event, as every failure is.
 *
 * @param {HTMLElement} element
 * @param {"vitrine.js" | "privacy.js"} name
 */
export function define(element, name) {
  if (customElements.get(element.localName)) return;
  load(name).catch((cause) => {
    const detail = { code: 'engine_failed', message: `${base}${name}: ${cause.message}` };
    element.dispatchEvent(new CustomEvent('vitrine-error', { bubbles: true, composed: true, detail }));
  });
}

/** What a list looks like before there is an answer. */
export const NOTHING = Object.freeze({ recommendations: [], info: null, error: null, recommender: null });

/**
 * Asks for recommendations now and whenever the history or the engine changes. As in the element, nobody is asked
 * before there is anything to go by: then the list is empty, and the shop's own stands.
 *
 * @param {Record<string, any>} options  of `createRecommender` and of `recommend`
 * @param {(answer: any) => void} report
 * @returns {() => void}  stops
 */
export function follow({ k, seed, placement, candidates, exclude, cart, ...open }, report) {
  let isOver = false;
  let timer = 0;
  let question = 0;
  /** When the first change came that no answer knows of; 0 if there is none. */
  let since_ms = 0;
  let asking = Promise.resolve();
  /** @type {any} */
  let recommender = null;

  async function ask() {
    const mine = ++question;
    const isOutdated = () => isOver || mine !== question;
    try {
      const isKnown = Boolean(seed) || cart?.length > 0 || (await recommender.events()).some((/** @type {{type: string}} */ { type }) => type !== 'impression');
      const recommendations = isKnown ? await recommender.recommend({ k, seed, placement, candidates, exclude, cart }) : [];
      const info = await recommender.info();
      if (!isOutdated()) report({ recommendations, info, error: null, recommender });
    } catch (error) {
      if (!isOutdated()) report({ ...NOTHING, error, recommender });
    }
    if (!isOutdated()) since_ms = 0;
  }
  const isLate = () => performance.now() - since_ms > PATIENCE_MS;
  function askSoon() {
    since_ms ||= performance.now();
    if (!isLate()) {
      question += 1; // what is still being computed is out of date
      clearTimeout(timer);
    } else if (timer) return;
    timer = /** @type {any} */ (setTimeout(async () => {
      if (isLate()) await asking;
      timer = 0;
      if (!isOver) asking = ask();
    }, DEBOUNCE_MS));
  }

  load('vitrine.js').then(
    ({ createRecommender }) => {
      if (isOver) return undefined;
      recommender = createRecommender(open);
      for (const type of ['change', 'engine']) recommender.addEventListener(type, askSoon);
      asking = ask();
      return asking;
    },
  ).catch((error) => {
    if (!isOver) report({ ...NOTHING, error });
  });
  return () => {
    isOver = true;
    clearTimeout(timer);
    for (const type of ['change', 'engine']) recommender?.removeEventListener(type, askSoon);
  };
}

function isSame(/** @type {any} */ one, /** @type {any} */ other) {
  return one === other || (Array.isArray(one) && JSON.stringify(one) === JSON.stringify(other));
}

/** `itemUrl` -> `item-url` */
function kebab(/** @type {string} */ name) {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `item-url` -> `itemUrl` */
function camel(/** @type {string} */ name) {
  return name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
}
