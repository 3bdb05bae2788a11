// Does the history stay on the device, within its bounds, and whole, whatever storage does?

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bounded, merge } from '../../web/js/history.js';
import { inShop } from './mount.mjs';

const DAY_MS = 24 * 60 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;
const NOW_MS = 1_767_225_600_000;

const { site, open } = inShop();

/** Runs `task` in a fresh visitor's page; `task` may not close over anything. */
async function inPage(task, argument) {
  const { page } = await open();
  await page.goto(`${site.url}/pages/recorder.html`);
  return page.evaluate(task, argument);
}

const event = (id, ts = NOW_MS, more = {}) => ({ id, item: `item-${id}`, type: 'view', ts, ...more });

test('each event gets a running number, and the session of the one before unless half an hour lies between', () => {
  const kept = merge([], [event('a'), event('b', NOW_MS + HOUR_MS / 2), event('c', NOW_MS + 2 * HOUR_MS)], NOW_MS);
  assert.deepEqual(kept.map(({ id, n, session }) => [id, n, session]), [['a', 1, 'a'], ['b', 2, 'a'], ['c', 3, 'c']]);
});

test('a clock that was set back changes neither the order nor what is kept', () => {
  const before = merge([], [event('a'), event('b')], NOW_MS);
  const after = merge(before, [event('c', NOW_MS - 3 * DAY_MS)], NOW_MS - 3 * DAY_MS);
  assert.deepEqual(after.map(({ id, n }) => [id, n]), [['a', 1], ['b', 2], ['c', 3]]);
  assert.equal(after[2].session, 'c', 'where the clock was set is a pause');
});

test('a time far in the future expires nothing else', () => {
  const kept = merge([event('a', NOW_MS - DAY_MS)], [event('b', NOW_MS * 2)], NOW_MS);
  assert.deepEqual(kept.map(({ id }) => id), ['a', 'b']);
});

test('an event that is told twice is one; a visit that is told again becomes longer, never shorter', () => {
  const added = [];
  const dwell = (dwell_ms) => event('d', NOW_MS + 1, { type: 'dwell', dwell_ms });
  let kept = merge([], [event('a'), event('a'), dwell(4000)], NOW_MS);
  kept = merge(kept, [event('a'), dwell(9000), dwell(5000)], NOW_MS, added);
  assert.deepEqual(kept.map(({ id, n, dwell_ms }) => [id, n, dwell_ms]), [['a', 1, undefined], ['d', 2, 9000]]);
  assert.deepEqual(added.map(({ id, dwell_ms }) => [id, dwell_ms]), [['d', 9000]]);
});

test('a view of what was viewed in an earlier session is a revisit, once for each session', () => {
  const view = (id, ts) => event(id, ts, { item: 'coat' });
  const later_ms = NOW_MS + 2 * HOUR_MS;
  const first = merge([], [view('a', NOW_MS), view('b', NOW_MS + 1)], NOW_MS);
  assert.deepEqual(first.map(({ type }) => type), ['view', 'view']);
  const second = merge(first, [view('c', later_ms), view('d', later_ms + 1), event('e', later_ms)], later_ms);
  assert.deepEqual(second.slice(2).map(({ type, item }) => [type, item]), [['view', 'coat'], ['view', 'coat'], ['view', 'item-e'], ['revisit', 'coat']]);
});

test('the newest 500 are kept, and what was merely seen goes before what was done', () => {
  const views = Array.from({ length: 503 }, (_, number) => event(`${number}`));
  assert.deepEqual(bounded(views, NOW_MS).map(({ id }) => id), views.slice(3).map(({ id }) => id));
  const bought = event('bought', NOW_MS, { type: 'purchase' });
  const seen = Array.from({ length: 600 }, (_, number) => event(`seen ${number}`, NOW_MS, { type: 'impression' }));
  const kept = bounded([bought, ...seen], NOW_MS);
  assert.deepEqual([kept.length, kept[0].id, kept[1].id, kept.at(-1).id], [500, 'bought', 'seen 101', 'seen 599']);
});

test('events older than 180 days go, from the storage too', async () => {
  const found = await inPage(async (day_ms) => {
    const history = await import('/vitrine/history.js');
    const real = Date.now;
    const today = real();
    const at = (days) => (Date.now = () => today + days * day_ms);
    const view = (id) => ({ id, item: id, type: 'view', ts: Date.now() });
    await history.persist();
    await history.append([view('old')]);
    at(179);
    await history.append([view('new')]);
    const before = (await history.all()).map(({ item }) => item);
    at(181);
    const unread = (await history.all()).map(({ item }) => item);
    await history.append([view('newest')]);
    at(0);
    return { before, unread, stored: (await history.all()).map(({ item }) => item) };
  }, DAY_MS);
  assert.deepEqual(found, { before: ['old', 'new'], unread: ['new'], stored: ['new', 'newest'] });
});

test('what was in memory is stored once storage may be used, and read by the next page', async () => {
  const { page } = await open();
  await page.goto(`${site.url}/pages/recorder.html`);
  const before = await page.evaluate(async () => {
    const history = await import('/vitrine/history.js');
    await history.append([{ id: 'a', item: 'a', type: 'view', ts: Date.now() }]);
    const databases = (await indexedDB.databases()).length;
    await history.persist();
    await history.append([{ id: 'b', item: 'b', type: 'view', ts: Date.now() }]);
    return { databases, isPersistent: history.isPersistent() };
  });
  assert.deepEqual(before, { databases: 0, isPersistent: true });
  await page.reload();
  const then = await page.evaluate(async () => {
    const history = await import('/vitrine/history.js');
    await history.persist();
    const kept = (await history.all()).map(({ item, n }) => [item, n]);
    await history.drop();
    return { kept, databases: (await indexedDB.databases()).length, isPersistent: history.isPersistent() };
  });
  assert.deepEqual(then, { kept: [['a', 1], ['b', 2]], databases: 0, isPersistent: false });
});

test('where storage is refused, memory serves and says so once', async () => {
  const found = await inPage(async () => {
    const history = await import('/vitrine/history.js');
    let told = 0;
    history.onLost(() => (told += 1));
    Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('denied', 'SecurityError'); } });
    await history.append([{ id: 'a', item: 'a', type: 'view', ts: Date.now() }]);
    await history.persist();
    await history.append([{ id: 'b', item: 'b', type: 'view', ts: Date.now() }]);
    return { told, isPersistent: history.isPersistent(), items: (await history.all()).map(({ item }) => item) };
  });
  assert.deepEqual(found, { told: 1, isPersistent: false, items: ['a', 'b'] });
});

for (const fault of ['a write that is refused', 'a disk that is full', 'a database that is closed under us']) {
  test(`${fault} loses nothing of this page, and is told once`, async () => {
    const found = await inPage(async (name) => {
      const history = await import('/vitrine/history.js');
      let told = 0;
      history.onLost(() => (told += 1));
      const view = (id) => ({ id, item: id, type: 'view', ts: Date.now() });
      await history.persist();
      await history.append([view('a')]);
      const { put } = IDBObjectStore.prototype;
      const { transaction } = IDBDatabase.prototype;
      if (name === 'a write that is refused') IDBObjectStore.prototype.put = () => { throw new DOMException('no', 'QuotaExceededError'); };
      if (name === 'a disk that is full') {
        IDBObjectStore.prototype.put = function (...given) {
          const request = put.apply(this, given);
          this.transaction.abort();
          return request;
        };
      }
      if (name === 'a database that is closed under us') {
        IDBDatabase.prototype.transaction = function (...given) {
          this.close();
          return transaction.apply(this, given);
        };
      }
      await history.append([view('b')]);
      await history.append([view('c')]);
      return { told, isPersistent: history.isPersistent(), items: (await history.all()).map(({ item }) => item) };
    }, fault);
    assert.deepEqual(found, { told: 1, isPersistent: false, items: ['a', 'b', 'c'] });
  });
}

test('a database of version 1 arrives at version 2, with ids, sessions and running numbers', async () => {
  const found = await inPage(async (hour_ms) => {
    // As the first release made it and filled it.
    const request = indexedDB.open('vitrine', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('events', { autoIncrement: true }).createIndex('ts', 'ts');
    await new Promise((resolve) => (request.onsuccess = resolve));
    const old = request.result;
    // And as it makes way: a tab that still runs the first release has it open.
    old.onversionchange = () => old.close();
    const now = Date.now();
    const store = old.transaction('events', 'readwrite').objectStore('events');
    store.add({ item: 'coat', type: 'view', ts: now - 5 * hour_ms });
    store.add({ item: 'coat', type: 'dwell', ts: now - 5 * hour_ms + 1, dwell_ms: 7000 });
    store.add({ item: 'hat', type: 'purchase', ts: now - hour_ms, qty: 2 });
    await new Promise((resolve) => (store.transaction.oncomplete = resolve));
    const history = await import('/vitrine/history.js');
    await history.persist();
    await history.append([{ id: 'new', item: 'bag', type: 'view', ts: now }]);
    const events = await history.all();
    const [{ version }] = await indexedDB.databases();
    return { version, events, isPersistent: history.isPersistent() };
  }, HOUR_MS);
  assert.equal(found.version, 2);
  assert.ok(found.isPersistent);
  assert.deepEqual(found.events.map(({ item, type, n, qty, dwell_ms }) => [item, type, n, qty ?? dwell_ms]), [
    ['coat', 'view', 1, undefined], ['coat', 'dwell', 2, 7000], ['hat', 'purchase', 3, 2], ['bag', 'view', 4, undefined],
  ]);
  const [a, b, c, d] = found.events.map(({ session }) => session);
  assert.ok(a === b && b !== c && c !== d);
  assert.equal(new Set(found.events.map(({ id }) => id)).size, 4);
});

test('two tabs that write at once lose nothing, number without gaps and share a session', async () => {
  const { context, page } = await open();
  const other = await context.newPage();
  const write = async (tab) => {
    const history = await import('/vitrine/history.js');
    await history.persist();
    const view = (number) => ({ id: `${tab}-${number}`, item: tab, type: 'view', ts: Date.now() });
    await Promise.all(Array.from({ length: 60 }, (_, number) => history.append([view(number)])));
    return history.all();
  };
  for (const each of [page, other]) await each.goto(`${site.url}/pages/recorder.html`);
  await Promise.all([page.evaluate(write, 'left'), other.evaluate(write, 'right')]);
  const events = await page.evaluate(async () => (await import('/vitrine/history.js')).all());
  assert.deepEqual(events.map(({ n }) => n), Array.from({ length: 120 }, (_, place) => place + 1));
  assert.equal(new Set(events.map(({ id }) => id)).size, 120);
  assert.equal(new Set(events.map(({ session }) => session)).size, 1);
  for (const tab of ['left', 'right']) {
    const mine = events.filter(({ item }) => item === tab).map(({ id }) => id);
    assert.deepEqual(mine, Array.from({ length: 60 }, (_, number) => `${tab}-${number}`), 'each in its own order');
  }
});
