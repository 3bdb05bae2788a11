// What do the tests of the elements put on a page? Lists with a list of the shop's own, and a word when an engine answers.

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
