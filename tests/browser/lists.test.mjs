// What do lists on a page do beside each other and over time? Reasons, space, de-duplication, navigation, the way to a purchase.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attribute, attributed, clicksOf } from '../../web/js/attribution.js';
import { cartOf } from '../../web/js/cart.js';
import { answered, eventually, seen, shown } from './helper.mjs';
import { engineAnswered, engineReady, events, inShop, mount, observe } from './mount.mjs';

const DAY_MS = 24 * 60 * 60 * 1000;

const { site, visit, open } = inShop({ beginAt: '/pages/shop.html' });

const recs = (index = 0) => visit.page.locator('vitrine-recs').nth(index);
const tell = (ask, argument) => visit.page.evaluate(ask, argument);

/** The sum of all layout shifts of the page so far. */
const shift = (page) =>
  page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => {
      resolve(list.getEntries().reduce((sum, { value, hadRecentInput }) => sum + (hadRecentInput ? 0 : value), 0));
    }).observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => resolve(0), 300);
  }));

for (const [size, width, height] of [['phone', 390, 844], ['desktop', 1280, 800]]) {
  test(`nothing moves on a ${size}: not when the element starts, not with any answer, not when the list returns`, async () => {
    const page = await visit.context.newPage();
    await page.setViewportSize({ width, height });
    await page.goto(`${site.url}/pages/list.html`);
    await engineAnswered(page);
    await observe(page, { item: 'coat-ink', type: 'purchase' });
    await answered(page, (ids) => ids[0].startsWith('coat-'));
    await page.evaluate(() => {
      const list = document.querySelector('vitrine-recs');
      list.removeAttribute('seed');
      return list.recommender.erase();
    });
    await page.waitForFunction(() => document.querySelector('vitrine-recs').dataset.state === 'fallback');
    assert.equal(await shift(page), 0);
    // The measure itself works.
    await page.evaluate(() => { document.querySelector('h1').style.marginTop = '200px'; });
    await page.waitForTimeout(300);
    assert.ok((await shift(page)) > 0);
  });
}

test('an answer that needs more room than there is makes its pictures lower, and not the page', async () => {
  await mount(visit.page, {});
  await tell(() => { document.querySelector('vitrine-recs ul').style.height = '330px'; });
  await engineReady(visit.page);
  const top = () => tell(() => document.getElementById('below').getBoundingClientRect().top);
  const before = await top();
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await answered(visit.page);
  assert.equal(await top(), before);
  const { width, height } = await recs().locator('img').first().boundingBox();
  assert.ok(height < width * 1.25, `${width} × ${height}`);
  assert.ok(height > width * 0.5);
});

test('a row that grows, or a page that becomes narrow, is no error of the page', async () => {
  await tell(() => {
    window.errors = [];
    addEventListener('error', ({ message }) => window.errors.push(message));
  });
  await mount(visit.page, { seed: 'hat-ink', limit: '8', layout: 'grid' });
  await engineAnswered(visit.page);
  const room = () => tell(() => {
    const [row, section] = [document.querySelector('vitrine-recs'), document.querySelector('vitrine-recs').shadowRoot.querySelector('section')];
    return row.offsetHeight - section.offsetHeight;
  });
  for (const [width, size] of [[400, ''], [1280, ''], [1280, '40px'], [700, '40px']]) {
    await visit.page.setViewportSize({ width, height: 800 });
    await tell((value) => { document.querySelector('vitrine-recs').style.fontSize = value; }, size);
    await tell((value) => document.querySelector('vitrine-recs').style.setProperty('--vitrine-tile-width', value ? '30rem' : '9rem'), size);
    await visit.page.waitForTimeout(300);
    assert.ok((await room()) >= 0, 'what is below gives way');
  }
  assert.deepEqual(await tell(() => window.errors), []);
});

test('a lazy list asks for nothing until it is near', async () => {
  await tell(() => { document.querySelector('main').style.paddingTop = '4000px'; });
  await mount(visit.page, { lazy: '', seed: 'hat-ink' });
  await visit.page.waitForTimeout(2500);
  assert.equal(visit.page.workers().length, 0);
  await tell(() => scrollTo(0, 3600));
  await engineAnswered(visit.page);
});

test('the tier that answered is on the element, and a package that fails leaves content rules and an error', async () => {
  await mount(visit.page, { seed: 'hat-ink' });
  await engineAnswered(visit.page);
  assert.equal(await recs().getAttribute('data-tier'), '2');
  await visit.page.context().route('**/vitrine/model/manifest.json', (route) => route.fulfill({ status: 404 }));
  await visit.page.reload();
  await mount(visit.page, { seed: 'hat-ink' });
  await answered(visit.page);
  const { detail } = await seen(visit.page, 'vitrine-error');
  assert.equal(detail.code, 'package_unreachable');
  await visit.page.waitForTimeout(500);
  assert.equal(await recs().getAttribute('data-tier'), '1');
  assert.ok((await shown(visit.page)).length > 0);
  assert.equal((await tell(() => window.seen.filter(({ type }) => type === 'vitrine-error').length)), 1);
});

test('reasons are said in the words of the shop, and not at all where it says nothing', async () => {
  await mount(visit.page, { reasons: '', 'reason-viewed': 'Weil Sie {title} angesehen haben', 'reason-cart': '' });
  await engineReady(visit.page);
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await engineAnswered(visit.page);
  const line = recs().locator('[part="reason"]').first();
  assert.equal(await line.innerText(), 'Weil Sie Ink handbag angesehen haben');
  assert.equal(await line.evaluate(({ localName }) => localName), 'span', 'it leads nowhere on a page without the privacy panel');
  await observe(visit.page, { item: 'bag-ink', type: 'cart_add' });
  await eventually(() => recs().locator('[part="reason"]').count(), (count) => count === 0);
});

test('a reason leads to the note in the privacy panel', async () => {
  await tell(() => document.body.append(document.createElement('vitrine-privacy'), document.createElement('div')));
  await tell(() => history.pushState(null, '', '?with-panel')); // whatever is added later is loaded with the next page
  await visit.page.waitForFunction(() => customElements.get('vitrine-privacy'));
  await mount(visit.page, { reasons: '' });
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await engineAnswered(visit.page);
  await visit.page.getByRole('button', { name: 'Because you viewed Ink handbag' }).first().click();
  await eventually(
    () => tell(() => document.querySelector('vitrine-privacy').shadowRoot.activeElement?.getAttribute('aria-label')),
    (label) => label === 'Forget Ink handbag',
  );
  assert.equal((await events(visit.page)).length, 1, 'asking why is no click on the item');
});

test('own markup can say the reason, and render draws what it likes or falls back', async () => {
  await mount(visit.page, { reasons: '' }, { template: true });
  await engineReady(visit.page);
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await engineAnswered(visit.page);
  assert.equal(await visit.page.locator('[slot="item-bag-cognac"] em').innerText(), 'Because you viewed Ink handbag');
  await tell(() => {
    document.querySelector('vitrine-recs').render = (item, { reason }) => {
      if (item.id === 'bag-burgundy') throw new Error('no burgundy');
      return Object.assign(document.createElement('p'), { className: 'own', textContent: `${item.title} / ${reason?.kind}` });
    };
  });
  await visit.page.waitForSelector('p.own');
  assert.equal(await visit.page.locator('p.own').first().innerText(), 'Cognac handbag / viewed');
  assert.deepEqual((await seen(visit.page, 'vitrine-error')).detail, { code: 'bad_request', message: 'render: no burgundy' });
  assert.equal((await shown(visit.page)).length, 4, 'the list has all its items');
});

test('no item stands in two lists; the upper list keeps it, whichever was there first', async () => {
  await mount(visit.page, { seed: 'hat-ink', placement: 'first' });
  await mount(visit.page, { seed: 'hat-ink', placement: 'second' }, { add: true });
  await visit.page.waitForFunction(() => [...document.querySelectorAll('vitrine-recs')].every(({ dataset }) => dataset.tier === '2'));
  const both = () => tell(() => [...document.querySelectorAll('vitrine-recs')].map(({ answer }) => answer.recommendations.map(({ item }) => item)));
  let [upper, lower] = await both();
  assert.deepEqual(upper.slice(0, 2), ['hat-camel', 'hat-grey']);
  assert.equal(new Set([...upper, ...lower]).size, 8);
  // A third list above both takes what it wants; the others give way.
  await tell(() => {
    const third = document.querySelector('vitrine-recs').cloneNode(true);
    document.querySelector('main').prepend(third);
  });
  await eventually(async () => (await both().catch(() => [])).flat(), (ids) => ids.length === 12 && new Set(ids).size === 12);
  [upper] = await both();
  assert.deepEqual(upper.slice(0, 2), ['hat-camel', 'hat-grey']);
});

test('what is in the cart is not shown, told by the page or known from its events', async () => {
  await mount(visit.page, { seed: 'bag-ink' });
  await engineAnswered(visit.page);
  await tell(() => { document.querySelector('vitrine-recs').cart = ['bag-cognac']; });
  await answered(visit.page, (ids) => !ids.includes('bag-cognac'));
  await tell(() => {
    document.querySelector('vitrine-recs').cart = [];
    document.querySelector('vitrine-recs').toggleAttribute('cart-synced', true);
  });
  await answered(visit.page, (ids) => ids.includes('bag-cognac'));
  await observe(visit.page, { item: 'bag-cognac', type: 'cart_add' });
  await answered(visit.page, (ids) => !ids.includes('bag-cognac'));
});

test('the cart is what was put in and neither taken out nor bought', () => {
  const story = [['a', 'cart_add'], ['b', 'cart_add'], ['c', 'view'], ['a', 'cart_remove'], ['d', 'cart_add'], ['d', 'purchase'], ['a', 'cart_add']];
  assert.deepEqual(cartOf(story.map(([item, type]) => ({ item, type }))), ['b', 'a']);
});

test('another page of an application is another showing, even of the same list', async () => {
  await mount(visit.page, { seed: 'hat-ink' });
  await engineAnswered(visit.page);
  const first = await seen(visit.page, 'vitrine-impression');
  const ids = await shown(visit.page);
  await tell(() => {
    window.seen.length = 0;
    history.pushState(null, '', '/pages/shop.html?other');
  });
  const second = await seen(visit.page, 'vitrine-impression');
  assert.equal(second.detail.item, first.detail.item);
  assert.notEqual(second.detail.rec_id, first.detail.rec_id);
  assert.deepEqual(await shown(visit.page), ids);
  // State without an address of its own is the same page.
  await visit.page.waitForTimeout(1500);
  await tell(() => {
    window.seen.length = 0;
    history.replaceState({ menu: 'open' }, '');
  });
  await visit.page.waitForTimeout(1600);
  assert.equal(await tell(() => window.seen.filter(({ type }) => type === 'vitrine-impression').length), 0);
});

test('a row that is moved to another place is another showing', async () => {
  await mount(visit.page, { seed: 'hat-ink' });
  await engineAnswered(visit.page);
  const first = await seen(visit.page, 'vitrine-impression');
  await tell(() => {
    window.seen.length = 0;
    document.querySelector('main').append(document.querySelector('vitrine-recs'));
    scrollTo(0, document.body.scrollHeight);
  });
  const second = await seen(visit.page, 'vitrine-impression');
  assert.notEqual(second.detail.rec_id, first.detail.rec_id);
});

test('a reason is read to its end on a narrow page', async () => {
  await visit.page.setViewportSize({ width: 320, height: 640 });
  await mount(visit.page, { seed: 'hat-ink', reasons: '', 'reason-viewed': 'Because you looked at {title} a moment ago, on this device' });
  await engineAnswered(visit.page);
  const reason = visit.page.locator('vitrine-recs .reason').first();
  const { lines, isWhole } = await reason.evaluate((node) => ({
    lines: Math.round(node.clientHeight / parseFloat(getComputedStyle(node).lineHeight)), isWhole: node.scrollHeight <= node.clientHeight,
  }));
  assert.ok(lines > 2 && lines <= 4, `${lines} lines`);
  assert.ok(isWhole);
});

test('navigation is noticed in browsers without the Navigation API, too, and never breaks it', async () => {
  const { page } = await open();
  await page.addInitScript(() => { Object.defineProperty(window, 'navigation', { value: undefined }); });
  await page.goto(`${site.url}/pages/shop.html`);
  await mount(page, { seed: 'hat-ink' });
  await engineAnswered(page);
  const rec_id = () => page.evaluate(() => document.querySelector('vitrine-recs').answer.rec_id);
  const first = await rec_id();
  await page.evaluate(() => history.pushState({ own: 1 }, '', '?two'));
  assert.deepEqual(await page.evaluate(() => [history.state, location.search]), [{ own: 1 }, '?two']);
  const second = await eventually(rec_id, (id) => id && id !== first);
  await page.goBack();
  await eventually(rec_id, (id) => id && id !== second);
});

test('impression, click, cart and purchase have one rec_id, over a reload', async () => {
  await mount(visit.page, { seed: 'hat-ink', consent: 'none' });
  await engineAnswered(visit.page);
  const { detail } = await seen(visit.page, 'vitrine-impression');
  await tell(() => document.addEventListener('click', (event) => event.preventDefault()));
  await visit.page.getByRole('link', { name: /Camel fedora/ }).click();
  await eventually(() => events(visit.page), (all) => all.length === 1);
  await visit.page.reload();
  await mount(visit.page, { consent: 'none' });
  await engineReady(visit.page);
  await observe(visit.page, { item: 'hat-camel', type: 'cart_add' });
  await observe(visit.page, { item: 'hat-grey', type: 'cart_add' });
  await observe(visit.page, { item: 'hat-camel', type: 'purchase', qty: 1 });
  const told = (await events(visit.page)).map(({ type, item, rec_id }) => [type, item, rec_id]);
  assert.deepEqual(told, [
    ['click', 'hat-camel', detail.rec_id], ['cart_add', 'hat-camel', detail.rec_id], ['cart_add', 'hat-grey', undefined],
    ['purchase', 'hat-camel', detail.rec_id],
  ]);
});

test('a purchase is owed to the newest click on the item, within seven days', () => {
  const click = (rec_id, ts) => ({ item: 'a', type: 'click', ts, rec_id });
  const purchase = (ts, more = {}) => ({ item: 'a', type: 'purchase', ts, ...more });
  const newest = clicksOf([click('one', 0), click('two', DAY_MS), { item: 'a', type: 'click', ts: 2 * DAY_MS }, { item: 'a', type: 'view', ts: 3 * DAY_MS, rec_id: 'x' }]);
  assert.equal(newest.get('a').rec_id, 'two');
  const owed = (event) => attributed(event, newest.get('a')).rec_id;
  assert.equal(owed(purchase(8 * DAY_MS)), 'two');
  assert.equal(owed(purchase(8 * DAY_MS + 1)), undefined);
  assert.equal(owed(purchase(DAY_MS - 1)), undefined, 'what came before the click is not its doing');
  assert.equal(owed(purchase(2 * DAY_MS, { rec_id: 'own' })), 'own');
  assert.equal(owed({ item: 'a', type: 'view', ts: 2 * DAY_MS }), undefined);
  assert.equal(attributed(purchase(1), undefined).rec_id, undefined);
});

test('an unchanged answer keeps every node, and a changed one keeps the nodes of what stays', async () => {
  await mount(visit.page, { seed: 'hat-ink' });
  await engineAnswered(visit.page);
  await tell(() => { window.nodes = [...document.querySelector('vitrine-recs').shadowRoot.querySelectorAll('li')]; });
  await observe(visit.page, { item: 'hat-ink', type: 'view' });
  await visit.page.waitForTimeout(500);
  assert.ok(await tell(() => [...document.querySelector('vitrine-recs').shadowRoot.querySelectorAll('li')].every((node, index) => node === window.nodes[index])));
  await observe(visit.page, { item: 'coat-ink', type: 'purchase' });
  const ids = await answered(visit.page, (all) => all[0].startsWith('coat-'));
  const kept = await tell(() => [...document.querySelector('vitrine-recs').shadowRoot.querySelectorAll('li')].filter((node) => window.nodes.includes(node)).map(({ dataset }) => dataset.item));
  assert.deepEqual(kept, ids.filter((id) => id.startsWith('hat-')));
});

test('where the rules say so, an empty list leaves nothing, and the next answer brings it back', async () => {
  await visit.context.route('**/rules.json', (route) => route.fulfill({ json: { version: 1, placements: { home: { min_score: 2, fallback: ['hide'] } } } }));
  await mount(visit.page, { rules: '/rules.json' });
  await engineReady(visit.page);
  await observe(visit.page, { item: 'coat-ink', type: 'view' });
  await visit.page.waitForFunction(() => document.querySelector('vitrine-recs').dataset.state === 'hidden');
  assert.equal(await recs().isVisible(), false);
  await observe(visit.page, { item: 'coat-ink', type: 'purchase' });
  await observe(visit.page, { item: 'coat-grey', type: 'purchase' });
  await answered(visit.page);
  assert.equal(await recs().isVisible(), true);
});

/** Rules with an experiment that every visitor is in. */
const experiment = (uses) => ({
  version: 1, placements: { nothing: { min_score: 99 }, pinned: { pin: [{ item: 'coat-ink', pos: 1 }] } }, experiments: { calm: { placement: 'home', uses, share: 100 } },
});
const answers = () => tell(() => document.addEventListener('vitrine-answer', ({ detail }) => (window.answers ??= []).push(detail)));

test('the experiment that a visitor is in is told with the answer, what was seen of it and what was clicked', async () => {
  await visit.context.route('**/rules.json', (route) => route.fulfill({ json: experiment('pinned') }));
  await answers();
  await mount(visit.page, { rules: '/rules.json', seed: 'hat-ink' });
  const ids = await engineAnswered(visit.page);
  assert.equal(ids[0], 'coat-ink');
  assert.deepEqual((await tell(() => window.answers)).map(({ tier, experiment: name }) => [tier, name]), [[2, 'calm']], 'and tier 1 showed nothing else before');
  assert.equal((await seen(visit.page, 'vitrine-impression')).detail.experiment, 'calm');
  await tell(() => document.addEventListener('click', (event) => event.preventDefault()));
  await visit.page.getByRole('link', { name: /Ink coat/ }).click();
  assert.equal((await seen(visit.page, 'vitrine-click')).detail.experiment, 'calm');
  await mount(visit.page, { rules: '/rules.json', seed: 'hat-ink', placement: 'elsewhere' });
  await eventually(() => tell(() => window.answers), (all) => all.at(-1).placement === 'elsewhere' && all.at(-1).experiment === null);
});

test('a hold-out keeps the list of the shop from the beginning, and is told of', async () => {
  let letGo;
  const held = new Promise((resolve) => { letGo = resolve; });
  await visit.context.route('**/rules.json', (route) => route.fulfill({ json: experiment('nothing') }));
  await visit.context.route('**/cpu/web.js', async (route) => {
    await held;
    await route.continue();
  });
  await answers();
  await mount(visit.page, { rules: '/rules.json', seed: 'hat-ink' });
  await seen(visit.page, 'vitrine-ready');
  // Elsewhere tier 1 need not wait.
  await mount(visit.page, { rules: '/rules.json', seed: 'bag-ink', placement: 'elsewhere' }, { add: true });
  await answered(visit.page, () => true, 'vitrine-recs[placement="elsewhere"]');
  assert.equal(await shown(visit.page, 'vitrine-recs[placement="home"]'), null);
  letGo();
  await engineReady(visit.page);
  const [first] = await eventually(() => tell(() => window.answers.filter(({ placement }) => placement === 'home')), (all) => all.length > 0);
  assert.deepEqual([first.experiment, first.recommendations, first.rec_id], ['calm', [], '']);
  assert.equal(await recs().getAttribute('data-state'), 'fallback');
  assert.equal(await tell(() => document.querySelector('vitrine-recs').answer), null);
});

test('where the engine does not come, an experiment keeps nobody from tier 1', async () => {
  await visit.context.route('**/rules.json', (route) => route.fulfill({ json: experiment('pinned') }));
  await visit.context.route('**/model/manifest.json', (route) => route.fulfill({ status: 404 }));
  await answers();
  await mount(visit.page, { rules: '/rules.json', seed: 'hat-ink' });
  await answered(visit.page);
  assert.deepEqual(await tell(() => window.answers.map(({ tier, experiment: name }) => [tier, name])), [[1, null]]);
});

test('a click of this tab is known without reading the history again; what else changed is read', async () => {
  const recorder = new EventTarget();
  const tell = (type, detail) => recorder.dispatchEvent(Object.assign(new Event(type), { detail }));
  const told = [];
  let reads = 0;
  let history = [];
  Object.assign(recorder, {
    observe: (event) => told.push(event.rec_id),
    events: async () => {
      reads += 1;
      return history;
    },
  });
  attribute(recorder);
  const buy = async () => {
    await new Promise((resolve) => { setTimeout(resolve); });
    recorder.observe({ item: 'a', type: 'purchase' });
    return told.at(-1);
  };
  assert.deepEqual([await buy(), reads], [undefined, 1]);
  tell('event', { item: 'a', type: 'click', rec_id: 'here' });
  tell('change', { kind: 'added' });
  assert.deepEqual([await buy(), reads], ['here', 1]);
  history = [{ item: 'a', type: 'click', rec_id: 'in another tab' }];
  tell('change', { kind: 'added' });
  assert.deepEqual([await buy(), reads], ['in another tab', 2]);
  history = [];
  tell('change', { kind: 'erased' });
  assert.deepEqual([await buy(), reads], [undefined, 3]);
});
