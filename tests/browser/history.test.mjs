// Does the history stay on the device, within its bounds, and only where it may?

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage, serveShop } from './helper.mjs';

let site;
let browser;
before(async () => {
  site = await serveShop();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

/** Runs `task` in a fresh page with the history module; `task` may not close over anything. */
async function inPage(task, argument) {
  const { context, page } = await openPage(browser);
  await page.goto(`${site.url}/pages/shop.html`);
  try {
    return await page.evaluate(task, argument);
  } finally {
    await context.close();
  }
}

test('events come back in order, from a second opening too, and clear removes them', async () => {
  const found = await inPage(async () => {
    const { History } = await import('/vitrine/history.js');
    const first = await History.open();
    await first.append({ item: 'a', type: 'view', ts: Date.now() });
    await first.append({ item: 'b', type: 'view', ts: Date.now() });
    const second = await History.open();
    const kept = (await second.all()).map(({ item }) => item);
    await second.clear();
    return { persistent: first.persistent, kept, left: await first.all() };
  });
  assert.deepEqual(found, { persistent: true, kept: ['a', 'b'], left: [] });
});

test('the newest 500 events are kept', async () => {
  const found = await inPage(async () => {
    const { History } = await import('/vitrine/history.js');
    const history = await History.open();
    const now = Date.now();
    for (let number = 0; number < 503; number += 1) await history.append({ item: `${number}`, type: 'view', ts: now });
    const all = await history.all();
    return { count: all.length, first: all[0].item, last: all.at(-1).item };
  });
  assert.deepEqual(found, { count: 500, first: '3', last: '502' });
});

test('events older than 180 days go', async () => {
  const found = await inPage(async () => {
    const { History } = await import('/vitrine/history.js');
    const day = 24 * 60 * 60 * 1000;
    let today = Date.now();
    const history = await History.open({ now: () => today });
    await history.append({ item: 'old', type: 'view', ts: today });
    today += 179 * day;
    await history.append({ item: 'new', type: 'view', ts: today });
    const before = (await history.all()).map(({ item }) => item);
    today += 2 * day;
    const unread = (await history.all()).map(({ item }) => item);
    await history.append({ item: 'newest', type: 'view', ts: today });
    // A reader with a clock of that first day sees what is really stored.
    const stored = await (await History.open({ now: () => today - 181 * day })).all();
    return { before, unread, stored: stored.map(({ item }) => item) };
  });
  assert.deepEqual(found, { before: ['old', 'new'], unread: ['new'], stored: ['new', 'newest'] });
});

test('where storage is refused, memory serves and says so', async () => {
  const found = await inPage(async () => {
    const { History } = await import('/vitrine/history.js');
    const refusing = { open: () => { throw new DOMException('denied', 'SecurityError'); } };
    const history = await History.open({ factory: refusing });
    await history.append({ item: 'a', type: 'view', ts: Date.now() });
    return { persistent: history.persistent, count: (await history.all()).length };
  });
  assert.deepEqual(found, { persistent: false, count: 1 });
});

test('storage that fails later loses nothing', async () => {
  const found = await inPage(async () => {
    const { History } = await import('/vitrine/history.js');
    const history = await History.open();
    await history.append({ item: 'a', type: 'view', ts: Date.now() });
    const add = IDBObjectStore.prototype.add;
    IDBObjectStore.prototype.add = () => { throw new DOMException('full', 'QuotaExceededError'); };
    await history.append({ item: 'b', type: 'view', ts: Date.now() });
    IDBObjectStore.prototype.add = add;
    return { persistent: history.persistent, items: (await history.all()).map(({ item }) => item) };
  });
  assert.deepEqual(found, { persistent: false, items: ['a', 'b'] });
});

test('before consent nothing is written; with it the memory is stored; withdrawn, all is erased', async () => {
  const found = await inPage(async () => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    const recommender = createRecommender({ package: '/vitrine/model/', consent: false });
    await recommender.observe({ item: 'coat-ink', type: 'view' });
    const before = { databases: (await indexedDB.databases()).length, kept: await recommender.isPersistent() };
    await recommender.setConsent(true);
    const { History } = await import('/vitrine/history.js');
    const stored = async () => (await (await History.open()).all()).map(({ item }) => item);
    const granted = await stored();
    await recommender.setConsent(false);
    return { before, granted, revoked: await stored(), remembered: await recommender.events() };
  });
  assert.deepEqual(found, {
    before: { databases: 0, kept: false }, granted: ['coat-ink'], revoked: [], remembered: [],
  });
});

test('an event keeps its known fields only, and an impossible one is refused by name', async () => {
  const found = await inPage(async () => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    const recommender = createRecommender({ package: '/vitrine/model/' });
    await recommender.observe({ item: 'coat-ink', type: 'purchase', ts: 7e12, qty: 2, email: 'a@b.example', name: 'A' });
    const refused = [];
    for (const event of [{ type: 'view' }, { item: 'a', type: 'veiw' }, { item: 'a', type: 'view', ts: 0.5 }, null]) {
      refused.push(await recommender.observe(event).then(() => 'accepted', ({ code }) => code));
    }
    return { events: await recommender.events(), refused };
  });
  assert.deepEqual(found.events, [{ item: 'coat-ink', type: 'purchase', ts: 7e12, qty: 2 }]);
  assert.deepEqual(found.refused, Array(4).fill('bad_request'));
});

test('types of the shop\'s own are accepted once they are named', async () => {
  const found = await inPage(async () => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    const event = { item: 'coat-ink', type: 'consultation', ts: 7e12, rating: 9 };
    const observe = (recommender) => recommender.observe(event).then(() => 'accepted', ({ message }) => message);
    const before = await observe(createRecommender({ package: '/vitrine/model/' }));
    const recommender = createRecommender({ package: '/vitrine/model/', events: ['consultation'] });
    const refused = await recommender.observe({ ...event, rating: NaN }).catch(({ code }) => code);
    return { before, after: await observe(recommender), refused, events: await recommender.events() };
  });
  assert.match(found.before, /"consultation" is no event type.*events/);
  assert.equal(found.after, 'accepted');
  assert.equal(found.refused, 'bad_request');
  assert.deepEqual(found.events, [{ item: 'coat-ink', type: 'consultation', ts: 7e12, rating: 9 }]);
});

test('two tabs share one history and hear of each other', async () => {
  const { context, page } = await openPage(browser);
  const other = await context.newPage();
  await page.goto(`${site.url}/pages/shop.html`);
  await other.goto(`${site.url}/pages/shop.html`);
  const heard = other.evaluate(async () => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    const recommender = createRecommender({ package: '/vitrine/model/' });
    document.title = 'listening';
    await new Promise((resolve) => recommender.addEventListener('change', resolve, { once: true }));
    return (await recommender.events()).map(({ item }) => item);
  });
  await other.waitForFunction(() => document.title === 'listening');
  await page.evaluate(async () => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    await createRecommender({ package: '/vitrine/model/' }).observe({ item: 'hat-ink', type: 'view' });
  });
  assert.deepEqual(await heard, ['hat-ink']);
  await context.close();
});
