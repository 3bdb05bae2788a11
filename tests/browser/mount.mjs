// Where does a test in a page begin? In a shop with a browser, on a page with a list, and when an engine has answered.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, afterEach, before, beforeEach } from 'node:test';
import { launch, openPage, serveShop } from './helper.mjs';

/**
 * The shop with the mock engine and a browser, for all tests of a file or suite.
 *
 * @param {{beginAt?: string | null, options?: import('playwright-core').BrowserContextOptions,
 *   leave?: (visit: Awaited<ReturnType<typeof openPage>>) => Promise<void>}} [setting]
 *   `beginAt`: each test has a visitor of its own, `visit`, on this page of the shop, or on none yet (null); `leave` is asked
 *   of that page when the test is over
 */
export function inShop({ beginAt, options, leave } = {}) {
  const site = { url: '', close: async () => {} };
  const visit = /** @type {Awaited<ReturnType<typeof openPage>>} */ ({});
  /** @type {Set<import('playwright-core').BrowserContext>} */
  const contexts = new Set();
  let browser;

  /**
   * One more visitor, or one more page of a visitor; gone after the test.
   *
   * @param {import('playwright-core').BrowserContextOptions} [given]
   * @param {import('playwright-core').Browser | import('playwright-core').BrowserContext} [through]
   */
  async function open(given = options, through = browser) {
    const opened = await openPage(through, given);
    contexts.add(opened.context);
    return opened;
  }

  before(async () => {
    Object.assign(site, await serveShop());
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await site.close();
  });
  beforeEach(async () => {
    if (beginAt === undefined) return;
    Object.assign(visit, await open());
    if (beginAt) await visit.page.goto(site.url + beginAt);
  });
  afterEach(async () => {
    try {
      await leave?.(visit);
    } finally {
      // A browser of the test's own may be gone already.
      await Promise.all([...contexts].map((context) => context.close().catch(() => {})));
      contexts.clear();
    }
  });
  return { site, visit, open };
}

/** The script of axe, for a page. */
export function axe() {
  return readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
}

/**
 * Puts an element with a list of three on the page, and a line below it; with `add` beside what is there.
 *
 * @param {import('playwright-core').Page} page
 * @param {Record<string, string>} [attributes]
 * @param {{template?: boolean, add?: boolean}} [options]
 */
export function mount(page, attributes = {}, { template = false, add = false } = {}) {
  return page.evaluate(async ([given, withTemplate, isAdded]) => {
    await customElements.whenDefined('vitrine-recs');
    const recs = document.createElement('vitrine-recs');
    const all = { package: '/vitrine/model/', limit: '4', heading: 'Picked for you', 'item-url': '/item/{id}', placement: 'home', ...given };
    for (const [name, value] of Object.entries(all)) {
      if (value !== null) recs.setAttribute(name, value);
    }
    const list = document.createElement('ul');
    for (const name of ['One', 'Two', 'Three']) list.append(Object.assign(document.createElement('li'), { textContent: name }));
    recs.append(list);
    if (withTemplate) {
      const own = document.createElement('template');
      const card = document.createElement('article');
      for (const [tag, slot] of [['a', 'link'], ['b', 'title'], ['i', 'price'], ['img', 'image'], ['em', 'reason']]) {
        const node = document.createElement(tag);
        node.dataset.slot = slot;
        card.append(node);
      }
      own.content.append(card);
      recs.append(own);
    }
    list.style.height = '600px';
    const below = Object.assign(document.createElement('p'), { id: 'below', textContent: 'Below' });
    const main = document.querySelector('main');
    if (isAdded) main.append(recs);
    else main.replaceChildren(recs, below);
  }, [attributes, template, add]);
}

/** Waits until an engine, and no longer content rules alone, is ready; answers what `vitrine-ready` said. */
export async function engineReady(page) {
  const handle = await page.waitForFunction(() => window.seen.find(({ type, detail }) => type === 'vitrine-ready' && detail.tier >= 2));
  return (await handle.jsonValue()).detail;
}

/** Waits until an engine's answer is shown; answers its ids. */
export async function engineAnswered(page, selector = 'vitrine-recs') {
  await page.waitForFunction((query) => Number(document.querySelector(query)?.dataset.tier) >= 2, selector);
  return page.evaluate((query) => document.querySelector(query).answer.recommendations.map(({ item }) => item), selector);
}

/** Tells the page's recorder. */
export function observe(page, event) {
  return page.evaluate(async (given) => (await import('/vitrine/recorder.js')).recorder.observe(given), event);
}

/** Every event that is kept. */
export function events(page) {
  return page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.events());
}
