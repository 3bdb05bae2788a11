// Does `<vitrine-recs>` keep its promises to the page it stands on? With the mock engine.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseDevice } from '../../web/js/device.js';
import { answered, launch, seen, shown } from './helper.mjs';
import { engineAnswered, engineReady, events, inShop, mount, observe } from './mount.mjs';

const { site, visit, open } = inShop({ beginAt: '/pages/shop.html' });

test('the list of the shop stays until there is an answer, and the swap moves nothing', async () => {
  await mount(visit.page);
  const detail = await engineReady(visit.page);
  assert.equal(detail.tier, 2);
  assert.equal(detail.info.items, 40);
  assert.ok((await seen(visit.page, 'vitrine-ready')).composed);
  assert.equal(await shown(visit.page), null);
  assert.ok(await visit.page.getByText('Two').isVisible());
  const top = () => visit.page.evaluate(() => document.getElementById('below').getBoundingClientRect().top);
  const before = await top();
  await observe(visit.page, { item: 'bag-ink', type: 'cart_add' });
  const ids = await answered(visit.page);
  // By hand: bags score 0.7 + 0.35, boots (also leather) 0.35; catalogue order within each.
  assert.deepEqual(ids, ['bag-cognac', 'bag-ink', 'bag-burgundy', 'boot-ink']);
  assert.ok(!(await visit.page.getByText('Two').isVisible()));
  assert.equal(await top(), before);
});

test('what is drawn are links with title, brand, price and picture in a named list', async () => {
  await mount(visit.page);
  await engineReady(visit.page);
  await observe(visit.page, { item: 'bag-ink', type: 'cart_add' });
  await answered(visit.page);
  const region = visit.page.getByRole('region', { name: 'Picked for you' });
  assert.equal(await region.getByRole('list').count(), 1);
  assert.equal(await region.getByRole('listitem').count(), 4);
  const link = region.getByRole('link', { name: /Cognac handbag/ });
  assert.equal(await link.getAttribute('href'), '/item/bag-cognac');
  assert.match(await link.innerText(), /€1,680/);
  assert.equal(await link.locator('img').getAttribute('src'), 'images/bag-cognac.svg');
  assert.equal(await region.getByRole('list').getAttribute('aria-live'), 'off');
});

test('a picture that does not come leaves the place that an item without one has', async () => {
  await visit.page.route('**/images/hat-camel.svg', (route) => route.abort());
  await mount(visit.page, { seed: 'hat-ink' });
  await engineAnswered(visit.page);
  const entry = visit.page.locator('vitrine-recs li[data-item="hat-camel"]');
  await entry.locator('.placeholder').waitFor();
  assert.equal(await entry.locator('.placeholder').innerText(), 'C');
  assert.equal(await entry.locator('img').count(), 0);
  assert.equal(await visit.page.locator('vitrine-recs li[data-item="hat-grey"] img').count(), 1);
});

test('the row follows the history, the exclusions and the seed', async () => {
  await mount(visit.page);
  await engineReady(visit.page);
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await answered(visit.page, (ids) => ids[0] === 'bag-cognac');
  await observe(visit.page, { item: 'coat-ink', type: 'purchase' });
  await answered(visit.page, (ids) => ids[0].startsWith('coat-'));
  await visit.page.evaluate(() => { document.querySelector('vitrine-recs').exclude = ['coat-camel', 'coat-grey']; });
  await answered(visit.page, (ids) => ids[0] === 'coat-ink' && !ids.includes('coat-camel'));
  await visit.page.evaluate(() => document.querySelector('vitrine-recs').setAttribute('seed', 'coat-ink'));
  await answered(visit.page, (ids) => !ids.includes('coat-ink'));
});

test('a first row appears as one, later what is new in it', async () => {
  const fresh = () => visit.page.evaluate(() => [...document.querySelector('vitrine-recs').shadowRoot.querySelectorAll('[data-fresh]')]
    .map(({ localName, dataset }) => dataset.item ?? localName));
  await mount(visit.page);
  await engineReady(visit.page);
  await observe(visit.page, { item: 'bag-ink', type: 'cart_add' });
  const before = await answered(visit.page);
  assert.deepEqual(await fresh(), ['ul']);
  assert.equal(await visit.page.locator('vitrine-recs [hidden]:not(.controls)').count(), 0, 'nothing of the first entry stays hidden');
  await visit.page.evaluate((first) => { document.querySelector('vitrine-recs').exclude = [first]; }, before[0]);
  const after = await answered(visit.page, (ids) => !ids.includes(before[0]));
  assert.deepEqual(await fresh(), after.filter((id) => !before.includes(id)));
  // After the shop's own list it is a first row again.
  await visit.page.evaluate(() => document.querySelector('vitrine-recs').recommender.erase());
  await visit.page.waitForFunction(() => document.querySelector('vitrine-recs').dataset.state === 'fallback');
  assert.deepEqual(await fresh(), []);
  await observe(visit.page, { item: 'bag-ink', type: 'cart_add' });
  await answered(visit.page);
  assert.deepEqual(await fresh(), ['ul']);
});

test('a seed alone is enough, and is not remembered', async () => {
  await mount(visit.page, { seed: 'hat-ink' });
  const ids = await engineAnswered(visit.page);
  assert.deepEqual(ids.slice(0, 2), ['hat-camel', 'hat-grey']);
  assert.deepEqual(await events(visit.page), []);
});

test('with consent a reload keeps the history; forgetting brings the list of the shop back', async () => {
  await mount(visit.page, { consent: 'none' });
  await engineReady(visit.page);
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await answered(visit.page);
  await visit.page.reload();
  await mount(visit.page, { consent: 'none' });
  await answered(visit.page, (ids) => ids[0] === 'bag-cognac');
  await visit.page.evaluate(() => document.querySelector('vitrine-recs').recommender.erase());
  await visit.page.waitForFunction(() => document.querySelector('vitrine-recs').dataset.state === 'fallback');
  assert.ok(await visit.page.getByText('Two').isVisible());
  assert.equal(await visit.page.evaluate(() => document.querySelector('vitrine-recs').dataset.tier), '0');
});

test('without a word about consent a reload forgets', async () => {
  await mount(visit.page);
  await engineReady(visit.page);
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await answered(visit.page);
  await visit.page.reload();
  await mount(visit.page);
  await engineReady(visit.page);
  assert.equal(await shown(visit.page), null);
  assert.deepEqual(await events(visit.page), []);
});

test('click and impression are told, a click is remembered, an impression is not', async () => {
  await mount(visit.page, { seed: 'hat-ink' });
  await engineAnswered(visit.page);
  const impression = await seen(visit.page, 'vitrine-impression');
  assert.equal(impression.detail.item, 'hat-camel');
  assert.equal(impression.detail.placement, 'home');
  await visit.page.evaluate(() => document.addEventListener('click', (event) => event.preventDefault()));
  await visit.page.getByRole('link', { name: /Camel fedora/ }).click();
  const { detail } = await seen(visit.page, 'vitrine-click');
  assert.equal(detail.item, 'hat-camel');
  assert.equal(detail.position, 0);
  assert.equal(detail.rec_id, impression.detail.rec_id);
  assert.deepEqual((await events(visit.page)).map(({ item, type, list, pos }) => [item, type, list, pos]), [['hat-camel', 'click', 'home', 0]]);
});

test('a dismissed item goes, and the keyboard stays in its place', async () => {
  await mount(visit.page, { seed: 'hat-ink', 'dismiss-label': 'Not for me' });
  await engineAnswered(visit.page);
  const button = visit.page.getByRole('button', { name: 'Not for me: Camel fedora' });
  await button.focus();
  await visit.page.keyboard.press('Enter');
  const ids = await answered(visit.page, (shownIds) => !shownIds.includes('hat-camel'));
  const focused = await visit.page.evaluate(() => {
    const { activeElement } = document.querySelector('vitrine-recs').shadowRoot;
    return [activeElement?.localName, activeElement?.closest('li').dataset.item];
  });
  assert.deepEqual(focused, ['button', ids[0]]);
});

test('own markup is filled in the light DOM, where the style sheets of the shop reach it', async () => {
  await mount(visit.page, { seed: 'hat-ink' }, { template: true });
  await engineAnswered(visit.page);
  const card = await visit.page.evaluate(() => {
    const article = document.querySelector('vitrine-recs > [slot="item-hat-camel"] > article');
    return {
      href: article.querySelector('a').getAttribute('href'), title: article.querySelector('b').textContent,
      price: article.querySelector('i').textContent, image: article.querySelector('img').getAttribute('src'),
    };
  });
  assert.deepEqual(card, { href: '/item/hat-camel', title: 'Camel fedora', price: '€310', image: 'images/hat-camel.svg' });
});

test('a slot that nobody knows is left alone, whatever its name, and own markup that does not come costs nobody the row', async () => {
  const names = () => visit.page.evaluate(() => {
    const template = document.querySelector('vitrine-recs template');
    const note = Object.assign(document.createElement('u'), { textContent: 'note' });
    note.dataset.slot = 'constructor';
    template.content.firstElementChild.append(note);
  });
  await mount(visit.page, { seed: 'hat-ink' }, { template: true });
  await names();
  const ids = await engineAnswered(visit.page);
  assert.deepEqual(await visit.page.locator('vitrine-recs > [slot] u').allTextContents(), ids.map(() => 'note'));
  const { page } = await open();
  await page.route('**/template.js', (route) => route.abort());
  await page.goto(`${site.url}/pages/shop.html`);
  await mount(page, { seed: 'hat-ink' }, { template: true });
  assert.deepEqual(await engineAnswered(page), ids);
  assert.equal(await page.locator('vitrine-recs li .title').count(), ids.length);
});

test('a link of own markup leads nowhere where the item has no address', async () => {
  await mount(visit.page, { seed: 'hat-ink', 'item-url': null }, { template: true });
  await visit.page.evaluate(() => {
    document.querySelector('vitrine-recs').transformItems = (items) => items.map(({ url, ...item }) => item);
  });
  await engineAnswered(visit.page);
  const link = visit.page.locator('vitrine-recs > [slot="item-hat-camel"] a');
  assert.equal(await link.getAttribute('href'), null, 'an empty one would be the page itself');
});

test('transformItems has the last word, and a link never runs a script', async () => {
  await mount(visit.page);
  await visit.page.evaluate(() => {
    const recs = document.querySelector('vitrine-recs');
    recs.transformItems = (items) => items.slice(0, 2).map((item) => ({ ...item, title: `${item.title}!`, url: 'javascript:alert(1)' }));
    recs.setAttribute('seed', 'hat-ink');
  });
  await engineAnswered(visit.page);
  const ids = await shown(visit.page);
  assert.equal(ids.length, 2);
  const link = visit.page.locator('vitrine-recs').locator('a').first();
  assert.match(await link.innerText(), /Camel fedora!/);
  assert.equal(await link.getAttribute('href'), null);
});

test('an answer that is out of date is dropped', async () => {
  await mount(visit.page);
  await engineReady(visit.page);
  await visit.page.evaluate(async () => {
    const { recommender } = document.querySelector('vitrine-recs');
    const recommend = recommender.recommend.bind(recommender);
    let first = true;
    recommender.recommend = async (options) => {
      const answer = await recommend(options);
      const isFirst = first;
      first = false;
      if (isFirst) await new Promise((resolve) => setTimeout(resolve, 1200));
      return answer;
    };
    await recommender.observe({ item: 'bag-ink', type: 'view' });
    await new Promise((resolve) => setTimeout(resolve, 400));
    await recommender.observe({ item: 'coat-ink', type: 'purchase' });
  });
  await answered(visit.page, (ids) => ids[0].startsWith('coat-'));
  await visit.page.waitForTimeout(1500);
  assert.ok((await shown(visit.page))[0].startsWith('coat-'));
});

test('two elements of one package share one worker', async () => {
  await mount(visit.page);
  await visit.page.evaluate(() => document.querySelector('main').append(document.querySelector('vitrine-recs').cloneNode(true)));
  await visit.page.waitForFunction(() => window.seen.filter(({ type, detail }) => type === 'vitrine-ready' && detail.tier === 2).length === 2);
  assert.equal(visit.page.workers().length, 1);
});

test('an attribute that makes no sense is told by its name, and the row goes on with what is usual', async () => {
  const wrong = [
    [{ limit: 'eight' }, /limit is "eight"/, 8], [{ limit: '0' }, /limit is "0"/, 8], [{ limit: '-3' }, /limit is "-3"/, 8], [{ limit: '2.5' }, /limit is "2.5"/, 8],
    [{ device: 'tpu' }, /device is "tpu", not auto, cpu, gpu/, 4], [{ consent: 'cookiebot' }, /consent is cookiebot, not none, tcf/, 4],
  ];
  for (const [attributes, message, count] of wrong) {
    await visit.page.reload();
    await mount(visit.page, { seed: 'hat-ink', ...attributes });
    const { detail } = await seen(visit.page, 'vitrine-error');
    assert.equal(detail.code, 'bad_request');
    assert.match(detail.message, message);
    assert.equal((await engineAnswered(visit.page)).length, count);
    assert.equal(await visit.page.evaluate(() => window.seen.filter(({ type }) => type === 'vitrine-error').length), 1, 'once');
  }
  assert.deepEqual(visit.problems, []);
  for (const fine of ['', null, '2']) {
    await visit.page.reload();
    await mount(visit.page, { seed: 'hat-ink', limit: fine });
    assert.equal((await engineAnswered(visit.page)).length, Number(fine) || 8);
    assert.equal(await visit.page.evaluate(() => window.seen.some(({ type }) => type === 'vitrine-error')), false);
  }
  const refused = await visit.page.evaluate(() => document.querySelector('vitrine-recs').recommender.recommend({ k: -3 }).catch(({ code, message }) => `${code} ${message}`));
  assert.equal(refused, 'bad_request k is -3, not a count from 1 up');
});

test('prices are there whichever way a server writes the language', async () => {
  const price = () => visit.page.locator('vitrine-recs .price').first().textContent();
  await mount(visit.page, { seed: 'hat-ink', locale: 'de_DE' });
  await engineAnswered(visit.page);
  assert.match(await price(), /^\d+\s€$/);
  await visit.page.evaluate(() => { document.documentElement.lang = 'de_DE'; });
  await mount(visit.page, { seed: 'hat-ink' });
  await engineAnswered(visit.page);
  assert.match(await price(), /^\d+\s€$/);
});

test('a package that is not there: the error says so and the list of the shop stays', async () => {
  await mount(visit.page, { package: '/packages/missing/' });
  const { detail } = await seen(visit.page, 'vitrine-error');
  assert.equal(detail.code, 'package_unreachable');
  assert.match(detail.message, /404/);
  assert.equal(await shown(visit.page), null);
  assert.ok(await visit.page.getByText('Two').isVisible());
});

test('a worker that cannot start is an error too, not silence', async () => {
  await visit.page.route('**/worker.js', (route) => route.fulfill({ status: 404 }));
  await mount(visit.page);
  const { detail } = await seen(visit.page, 'vitrine-error');
  assert.equal(detail.code, 'engine_failed');
});

test('an engine that panics is reported, not waited for', async () => {
  await visit.page.context().route('**/cpu/web.js', (route) => route.fulfill({
    contentType: 'text/javascript',
    body: 'export default async () => {}; export class Recommender { static open() { setTimeout(() => { throw new Error("unreachable executed"); }); return new Promise(() => {}); } }',
  }));
  await mount(visit.page);
  const { detail } = await seen(visit.page, 'vitrine-error');
  assert.equal(detail.code, 'engine_failed');
  assert.match(detail.message, /unreachable executed/);
});

test('only GETs of files go out, to this site, without parameters or bodies', async () => {
  await mount(visit.page);
  await engineReady(visit.page);
  await observe(visit.page, { item: 'bag-ink', type: 'purchase', qty: 3 });
  await answered(visit.page);
  assert.ok(visit.requests.length >= 10, `only ${visit.requests.length} requests were seen`);
  for (const request of visit.requests) {
    const url = new URL(request.url());
    if (url.protocol === 'data:') continue;
    assert.equal(url.origin, site.url);
    assert.equal(request.method(), 'GET');
    assert.equal(url.search, '');
    assert.equal(request.postData(), null);
  }
  const gpu = visit.requests.filter((request) => request.url().includes('/gpu/'));
  assert.deepEqual(gpu, [], 'only the bundle that is needed is downloaded');
});

test('nothing breaks the Content-Security-Policy', async () => {
  await mount(visit.page, { seed: 'hat-ink', 'dismiss-label': 'Not for me' });
  await answered(visit.page);
  assert.deepEqual(await visit.page.evaluate(() => window.violations), []);
  const complaints = visit.problems.filter((problem) => !problem.includes('404'));
  assert.deepEqual(complaints, []);
});

test('the device: real GPUs for large models, the CPU for the rest', async () => {
  const gpu = (adapter) => ({ requestAdapter: async () => adapter });
  const text = async () => 'text';
  const compact = async () => 'compact';
  const never = async () => assert.fail('the manifest is not needed');
  const features = new Set(['timestamp-query']);
  const real = { features, info: { isFallbackAdapter: false, vendor: 'acme', architecture: 'a1' } };
  const deviceOf = async (...words) => (await chooseDevice(...words)).device;
  assert.deepEqual(await chooseDevice('auto', gpu(real), text), { device: 'gpu', adapter: 'acme a1', because: 'not yet measured' });
  assert.equal(await deviceOf('auto', gpu({ features, isFallbackAdapter: false }), text), 'gpu');
  assert.equal(await deviceOf('auto', gpu({ features: new Set(), info: {} }), never), 'cpu');
  assert.equal(await deviceOf('auto', gpu(real), compact), 'cpu');
  assert.equal(await deviceOf('auto', gpu({ info: { isFallbackAdapter: true } }), never), 'cpu');
  assert.equal(await deviceOf('auto', gpu({ isFallbackAdapter: true }), never), 'cpu');
  assert.equal(await deviceOf('auto', gpu(null), never), 'cpu');
  assert.equal(await deviceOf('auto', undefined, never), 'cpu');
  assert.equal(await deviceOf('cpu', gpu(real), never), 'cpu');
  assert.equal(await deviceOf('gpu', gpu({ info: { isFallbackAdapter: true } }), never), 'gpu');
  await assert.rejects(chooseDevice('gpu', gpu(null), never), { code: 'webgpu_unavailable' });
});

test('without WebGPU a forced GPU falls back to the CPU and says why', async () => {
  await mount(visit.page, { device: 'gpu' });
  const detail = await engineReady(visit.page);
  if (detail.device === 'gpu') return; // this Chromium has an adapter of its own
  assert.equal(detail.info.fallback.code, 'webgpu_unavailable');
});

test('a forced GPU answers after its self-test; one that miscomputes is replaced by the CPU', async () => {
  const gpuBrowser = await launch({ gpu: true });
  try {
    for (const [folder, device] of [['shop', 'gpu'], ['miscomputing', 'cpu']]) {
      const { page } = await open({}, gpuBrowser);
      await page.goto(`${site.url}/pages/shop.html`);
      await mount(page, { package: `/packages/${folder}/`, device: 'gpu', seed: 'hat-ink' });
      const detail = await engineReady(page);
      assert.equal(detail.device, device);
      assert.equal(detail.tier, device === 'gpu' ? 3 : 2);
      assert.equal(detail.info.fallback?.code, device === 'gpu' ? undefined : 'engine_failed');
      await answered(page);
    }
  } finally {
    await gpuBrowser.close();
  }
});

/** Makes the element what the server wrote, as morphing does (Turbo 8, idiomorph): its own marks go, and what stands in the light tree. */
const morph = (page) => page.evaluate(() => {
  const recs = document.querySelector('vitrine-recs');
  for (const name of ['data-state', 'data-tier']) recs.removeAttribute(name);
  for (const content of recs.querySelectorAll(':scope > [slot]')) content.remove();
});

for (const template of [false, true]) {
  test(`a page that is made what the server wrote leaves the row as it is${template ? ', tiles of the shop\'s own included' : ''}`, async () => {
    await mount(visit.page, { seed: 'hat-ink' }, { template });
    const ids = await engineAnswered(visit.page);
    const tiles = () => visit.page.evaluate(() => [...document.querySelectorAll('vitrine-recs > [slot]')].map(({ slot, textContent }) => `${slot} ${textContent}`).sort());
    const before = await tiles();
    assert.equal(before.length, template ? ids.length : 0);
    await morph(visit.page);
    // Before the next frame: the visitor sees nothing of it.
    assert.deepEqual([await shown(visit.page), await tiles()], [ids, before]);
    await visit.page.waitForFunction(() => Number(document.querySelector('vitrine-recs').dataset.tier) >= 2);
    assert.deepEqual([await shown(visit.page), await tiles()], [ids, before]);
  });
}

test('a snapshot with the marks of an answer shows the shop\'s list, and starts', async () => {
  await mount(visit.page, { seed: 'hat-ink' }, { template: true });
  await engineAnswered(visit.page);
  const marks = await visit.page.evaluate(() => {
    const recs = document.querySelector('vitrine-recs');
    const copy = recs.cloneNode(true);
    recs.replaceWith(copy);
    return [copy.dataset.state, copy.querySelectorAll(':scope > [slot]').length];
  });
  assert.deepEqual(marks, ['fallback', 0]);
  await answered(visit.page);
});

test('a row that rules hid starts again where it is lazy, although nothing hidden comes near', async () => {
  await visit.page.evaluate(() => {
    const recs = document.createElement('vitrine-recs');
    for (const [name, value] of Object.entries({ package: '/vitrine/model/', seed: 'hat-ink', lazy: '', 'data-state': 'hidden' })) recs.setAttribute(name, value);
    document.querySelector('main').replaceChildren(recs);
  });
  await answered(visit.page);
});

test('an address that is none is told, and the list of the shop stays', async () => {
  for (const name of ['package', 'catalog']) {
    const { page, problems } = await open();
    await page.goto(`${site.url}/pages/shop.html`);
    await mount(page, { seed: 'hat-ink', [name]: 'http://[bad' });
    const { detail } = await seen(page, 'vitrine-error');
    assert.deepEqual(detail, { code: 'bad_request', message: '"http://[bad" is no address' });
    assert.ok(await page.getByText('Two').isVisible());
    assert.deepEqual(problems, []);
    await page.evaluate(() => import('/vitrine/privacy.js').then(() => document.body.append(document.createElement('vitrine-privacy'))));
    await page.waitForFunction(() => document.querySelector('vitrine-privacy').shadowRoot?.textContent.length > 0);
    assert.deepEqual(problems, [], 'the panel lists what was asked for all the same');
  }
  // One that was right before does not go on answering.
  await mount(visit.page, { seed: 'hat-ink' });
  await engineAnswered(visit.page);
  await visit.page.evaluate(() => document.querySelector('vitrine-recs').setAttribute('package', 'http://[bad'));
  await visit.page.waitForFunction(() => document.querySelector('vitrine-recs').dataset.state === 'fallback');
});

test('what transformItems returns and is no list of items is told, and costs nothing', async () => {
  await mount(visit.page, { seed: 'hat-ink' });
  const ids = await engineAnswered(visit.page);
  const lists = await visit.page.evaluate(async () => {
    const recs = document.querySelector('vitrine-recs');
    const all = [];
    for (const transform of [
      async (items) => items, () => undefined, (items) => [undefined, ...items], (items) => items.map(({ id }) => id), () => 'abc',
      (items) => [{ id: 'promo', name: 'no title' }, ...items],
      (items) => { items.length = 0; throw new Error('no'); },
    ]) {
      const answer = new Promise((resolve) => recs.addEventListener('vitrine-answer', resolve, { once: true }));
      recs.transformItems = transform;
      await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 3_000))]);
      all.push([...recs.shadowRoot.querySelectorAll('li')].map(({ dataset }) => dataset.item));
    }
    return all;
  });
  assert.deepEqual(lists, Array.from({ length: 7 }, () => ids));
  const told = await visit.page.evaluate(() => window.seen.filter(({ type }) => type === 'vitrine-error').map(({ detail }) => `${detail.code}: ${detail.message}`));
  assert.deepEqual(told, [
    'bad_request: transformItems: items is not iterable', "bad_request: transformItems: Cannot read properties of undefined (reading 'id')",
    'bad_request: transformItems: an item without id or title', 'bad_request: transformItems: no',
  ]);
});

test('where there is no end of changes the row follows all the same, and a burst is one answer', async () => {
  await mount(visit.page, { seed: 'hat-ink' });
  await engineAnswered(visit.page);
  const counts = await visit.page.evaluate(async () => {
    const recs = document.querySelector('vitrine-recs');
    let count = 0;
    document.addEventListener('vitrine-answer', () => (count += 1));
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    await wait(500);
    count = 0;
    for (let place = 0; place < 5; place += 1) recs.exclude = [`nothing-${place}`];
    await wait(800);
    const burst = count;
    count = 0;
    for (let place = 0; place < 60; place += 1) {
      recs.setAttribute('heading', `Ends in ${60 - place}`);
      await wait(50);
    }
    const during = count;
    recs.setAttribute('heading', 'Over');
    await wait(1_000);
    return { burst, during, heading: recs.shadowRoot.querySelector('h2').textContent };
  });
  assert.equal(counts.burst, 1);
  assert.ok(counts.during >= 1, `${counts.during} answers within three seconds`);
  assert.ok(counts.during <= 6, `${counts.during} answers within three seconds`);
  assert.equal(counts.heading, 'Over');
});

test('what is set again to the same asks for nothing', async () => {
  await mount(visit.page, { seed: 'hat-ink' });
  await engineAnswered(visit.page);
  const count = await visit.page.evaluate(async () => {
    const recs = document.querySelector('vitrine-recs');
    const same = (items) => items;
    const draw = () => undefined;
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const set = () => Object.assign(recs, { exclude: ['coat-ink'], cart: [], transformItems: same, render: draw });
    set();
    await wait(1_000);
    let answers = 0;
    document.addEventListener('vitrine-answer', () => (answers += 1));
    for (let turn = 0; turn < 5; turn += 1) {
      set();
      await wait(200);
    }
    return answers;
  });
  assert.equal(count, 0);
});

test('a page that never finishes loading has its row all the same', async () => {
  await visit.page.route('**/never.png', () => {});
  await visit.page.route('**/slow.html', (route) => route.fulfill({
    contentType: 'text/html',
    body: `<!doctype html><title>Shop</title><script type="module" src="/vitrine/vitrine.js"></script>
      <vitrine-recs package="/vitrine/model/" seed="hat-ink"><ul><li>One</li></ul></vitrine-recs><img src="/never.png" alt="">`,
  }));
  await visit.page.goto(`${site.url}/slow.html`, { waitUntil: 'commit' });
  await answered(visit.page);
  assert.equal(await visit.page.evaluate(() => document.readyState), 'interactive');
});

test('the keyboard goes from the shop\'s list to the row that takes its place, and from nowhere else', async () => {
  const place = () => visit.page.evaluate(() => {
    const recs = document.querySelector('vitrine-recs');
    return recs.shadowRoot.activeElement?.closest('li')?.dataset.item ?? document.activeElement?.localName;
  });
  await mount(visit.page);
  await engineReady(visit.page);
  await visit.page.evaluate(() => {
    const link = Object.assign(document.createElement('a'), { href: '/one', textContent: 'Four' });
    document.querySelector('vitrine-recs li').append(link);
    link.focus();
  });
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  const [first] = await answered(visit.page);
  assert.equal(await place(), first);
  await mount(visit.page);
  await visit.page.evaluate(() => {
    document.querySelector('main').append(Object.assign(document.createElement('button'), { textContent: 'Other' }));
    document.querySelector('main > button').focus();
  });
  await answered(visit.page);
  assert.equal(await place(), 'button');
});

test('lists of a framework are asked with, and what cannot be asked spoils nothing that is', async () => {
  await mount(visit.page, { seed: 'hat-ink' });
  await engineAnswered(visit.page);
  const told = await visit.page.evaluate(async () => {
    const { recommender } = document.querySelector('vitrine-recs');
    const ask = (options) => recommender.recommend({ seed: 'hat-ink', k: 2, ...options }).then((list) => list.map(({ item }) => item), ({ code, message }) => `${code}: ${message}`);
    const all = {};
    all.plain = await ask({});
    all.proxy = await ask({ exclude: new Proxy(['hat-camel'], {}) });
    all.text = await ask({ exclude: 'hat-camel' });
    all.number = await ask({ cart: 5 });
    all.ids = await ask({ shown: [null] });
    all.seed = await ask({ seed: 5 });
    all.after = await ask({});
    return all;
  });
  assert.deepEqual(told.proxy, ['hat-grey', told.proxy[1]]);
  assert.equal(told.text, 'bad_request: exclude is "hat-camel", not a list of ids');
  assert.equal(told.number, 'bad_request: cart is 5, not a list of ids');
  assert.equal(told.ids, 'bad_request: shown is [null], not a list of ids');
  assert.equal(told.seed, 'bad_request: seed is 5, not a text');
  assert.deepEqual(told.after, told.plain);
});

test('a row goes on without a property of another type, and says so', async () => {
  await mount(visit.page, { seed: 'hat-ink' });
  const before = await engineAnswered(visit.page);
  await visit.page.evaluate(() => { document.querySelector('vitrine-recs').exclude = 'hat-camel'; });
  const { detail } = await seen(visit.page, 'vitrine-error');
  assert.deepEqual(detail, { code: 'bad_request', message: 'exclude is "hat-camel", not a list of ids' });
  assert.deepEqual(await answered(visit.page), before);
  await visit.page.evaluate(() => { document.querySelector('vitrine-recs').cart = [undefined, 'hat-camel']; });
  await answered(visit.page, (ids) => !ids.includes('hat-camel'));
});
