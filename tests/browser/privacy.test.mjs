// Does `<vitrine-privacy>` tell the truth, and do what it says? With the mock engine.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ago, deeds, duration, interest, sayer, WORDS } from '../../web/js/privacy-words.js';
import { eventually } from './helper.mjs';
import { axe, engineAnswered, events, inShop, mount, observe } from './mount.mjs';

const AXE = await axe();
const DAY_MS = 24 * 60 * 60 * 1000;

const { site, visit, open: visitAs } = inShop({ beginAt: '/pages/shop.html' });

const panel = () => visit.page.locator('vitrine-privacy');
const text = () => panel().evaluate((element) => element.shadowRoot.querySelector('section').innerText);
const says = (words) => eventually(text, (all) => (words instanceof RegExp ? words.test(all) : all.includes(words)));
const button = (name) => panel().getByRole('button', { name, exact: true });
const isOn = (name) => panel().getByRole('switch', { name }).isChecked();
const focused = () => panel().evaluate(({ shadowRoot }) => shadowRoot.activeElement?.getAttribute('aria-label') ?? shadowRoot.activeElement?.innerText);

/** Puts the panel on the page, with a list above it where one is asked for. */
async function open({ list = {}, attributes = {} } = {}) {
  if (list) await mount(visit.page, list);
  await visit.page.evaluate(async (given) => {
    await import('/vitrine/privacy.js');
    const element = document.createElement('vitrine-privacy');
    for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
    document.querySelector('main').append(element);
  }, attributes);
}

/** What the browser keeps, read past the kit. */
function stored() {
  return visit.page.evaluate(async () => {
    const names = (await indexedDB.databases()).map(({ name }) => name);
    if (!names.includes('vitrine')) return [];
    const database = await new Promise((resolve) => { indexedDB.open('vitrine').onsuccess = ({ target }) => resolve(target.result); });
    const [store] = database.objectStoreNames;
    const all = store && await new Promise((resolve) => { database.transaction(store).objectStore(store).getAll().onsuccess = ({ target }) => resolve(target.result); });
    database.close();
    return all ?? [];
  });
}

test('vitrine.js loads the panel when a page has the tag, and not otherwise', async () => {
  await mount(visit.page);
  await visit.page.waitForTimeout(300);
  const loaded = () => visit.requests.some((request) => request.url().endsWith('/privacy.js'));
  assert.equal(loaded(), false);
  await visit.page.route('**/pages/panel.html', (route) => route.fulfill({
    contentType: 'text/html', body: '<!doctype html><title>p</title><script type="module" src="/vitrine/vitrine.js"></script><vitrine-privacy></vitrine-privacy>',
  }));
  await visit.page.goto(`${site.url}/pages/panel.html`);
  await visit.page.waitForFunction(() => customElements.get('vitrine-privacy'));
  await says('What this shop remembers');
});

test('it says in words what was done with each item, when, and what it counts for', async () => {
  const now = Date.now();
  for (const event of [
    { item: 'bag-ink', type: 'view', ts: now - DAY_MS - 9000 }, { item: 'bag-ink', type: 'view', ts: now - DAY_MS - 8000 },
    { item: 'bag-ink', type: 'dwell', dwell_ms: 64_000, ts: now - DAY_MS - 7000 }, { item: 'bag-ink', type: 'cart_add', ts: now - DAY_MS - 6000 },
    { item: 'hat-ink', type: 'dismiss', ts: now - 1000 }, { item: 'gone', type: 'view', ts: now - 500 },
  ]) await observe(visit.page, event);
  await open();
  await says('strong interest');
  const notes = await panel().locator('.notes li').evaluateAll((rows) => rows.map((row) => row.innerText.split('\n').map((line) => line.trim()).filter(Boolean)));
  assert.deepEqual(notes.map((lines) => lines.filter((line) => line !== 'g').join(' | ').replace(/(\d+ seconds? ago|now)/, 'NOW')), [
    'gone | NOW | Viewed | Forget',
    'Ink fedora | NOW | Sent away | not for you | Forget',
    'Ink handbag | yesterday | Added to cart · Viewed 2 times · Looked at for 1 min 4 sec | strong interest | Forget',
  ]);
  await says(/Kept\s+6 notes\s+on 3 items, since/);
  await says(/Where\s+This page only/);
});

test('a picture that does not come leaves the letter that an item without one has', async () => {
  await visit.page.route('**/images/hat-ink.svg', (route) => route.abort());
  for (const item of ['hat-ink', 'bag-ink']) await observe(visit.page, { item, type: 'view' });
  await open();
  await panel().locator('[data-item="bag-ink"] img').waitFor();
  const picture = panel().locator('[data-item="hat-ink"] .picture');
  await eventually(() => picture.evaluate(({ localName, textContent }) => [localName, textContent].join()), (found) => found === 'span,I', 'the letter');
});

test('the switch stores what was held and erases what was stored; nothing was stored before', async () => {
  await open();
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await says('1 note');
  assert.equal(await isOn('Keep notes between visits'), false);
  assert.deepEqual(await stored(), []);
  await panel().getByRole('switch', { name: 'Keep notes between visits' }).focus();
  await visit.page.keyboard.press('Space');
  await says(/Where\s+This browser/);
  assert.equal((await stored()).length, 1);
  await visit.page.reload();
  await open();
  await says('1 note');
  assert.equal(await isOn('Keep notes between visits'), true);
  await visit.page.keyboard.press('Tab');
  await panel().getByRole('switch', { name: 'Keep notes between visits' }).click();
  await says(/Kept\s+Nothing/);
  assert.deepEqual(await stored(), []);
  assert.equal(await isOn('Keep notes between visits'), false);
});

test('a browser that asks to be left alone is, until the visitor says otherwise here', async () => {
  await visit.page.addInitScript(() => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }));
  await visit.page.reload();
  await open({ list: { consent: 'none' } });
  await says('That counts as a no');
  assert.equal(await isOn('Keep notes between visits'), false);
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  assert.deepEqual(await stored(), []);
  await panel().getByRole('switch', { name: 'Keep notes between visits' }).click();
  await says(/Where\s+This browser/);
  assert.equal((await stored()).length, 1);
});

test('while paused nothing is noted; what is there stays', async () => {
  await open();
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await says('1 note');
  await panel().getByRole('switch', { name: 'Pause' }).click();
  await says('Paused: nothing new is noted');
  await observe(visit.page, { item: 'hat-ink', type: 'view' });
  assert.deepEqual((await events(visit.page)).map(({ item }) => item), ['bag-ink']);
  await panel().getByRole('switch', { name: 'Pause' }).click();
  await says('While paused');
  await observe(visit.page, { item: 'hat-ink', type: 'view' });
  await says('2 notes');
});

test('one item is forgotten, said so, and the keyboard goes on to the next', async () => {
  for (const item of ['bag-ink', 'hat-ink', 'coat-ink']) await observe(visit.page, { item, type: 'view' });
  await open();
  await says('Ink fedora');
  await button('Forget Ink fedora').focus();
  await visit.page.keyboard.press('Enter');
  await says('Ink fedora is forgotten.');
  assert.deepEqual((await events(visit.page)).map(({ item }) => item), ['bag-ink', 'coat-ink']);
  assert.equal(await panel().locator('.notes li').count(), 2);
  assert.match(await focused(), /^Forget /);
  for (let left = 2; left > 0; left -= 1) {
    await visit.page.keyboard.press('Enter');
    await eventually(() => panel().locator('.notes li').count(), (count) => count === left - 1);
  }
  // Never lost on the way: the keyboard alone was enough.
  await eventually(focused, (name) => name === 'Your notes');
  await says('There are none.');
});

test('everything is erased after one question, which can be taken back', async () => {
  await open({ list: { consent: 'none' } });
  for (const item of ['bag-ink', 'hat-ink']) await observe(visit.page, { item, type: 'view' });
  await says('2 notes');
  await button('Erase everything').click();
  await says('Erase all 2 notes? They cannot be brought back.');
  assert.equal(await focused(), 'Keep');
  await visit.page.keyboard.press('Escape');
  assert.equal(await focused(), 'Erase everything');
  assert.equal((await stored()).length, 2);
  await button('Erase everything').click();
  await button('Erase').click();
  await says('Erased. No note is left.');
  assert.deepEqual(await stored(), []);
  assert.equal(await focused(), 'What this shop remembers');
  await visit.page.waitForFunction(() => document.querySelector('vitrine-recs').dataset.state === 'fallback');
});

test('a copy holds every note as it is kept', async () => {
  await observe(visit.page, { item: 'bag-ink', type: 'purchase', qty: 2, price: 168000, currency: 'EUR', email: 'a@b.example' });
  await open({ attributes: { 'file-name': 'my-notes.json' } });
  await says('1 note');
  const [download] = await Promise.all([visit.page.waitForEvent('download'), button('Save a copy').click()]);
  assert.equal(download.suggestedFilename(), 'my-notes.json');
  const copy = JSON.parse(await readFile(await download.path(), 'utf8'));
  assert.equal(copy.format, 'vitrine-history');
  assert.deepEqual(copy.events, await events(visit.page));
  assert.ok(!JSON.stringify(copy).includes('@'));
  await says('The copy is among your downloads.');
});

test('it says why each list shows what it shows, and a reason leads to its note', async () => {
  await observe(visit.page, { item: 'bag-ink', type: 'cart_add' });
  await open({ list: { limit: '6' } });
  await engineAnswered(visit.page);
  await says(/Because Ink handbag is in your cart\s+Cognac handbag/);
  await button('Because Ink handbag is in your cart').click();
  await eventually(focused, (name) => name === 'Forget Ink handbag');
  assert.equal(await panel().locator('[data-named]').count(), 1);
});

test('long lists of notes are shown in part first; the rest is a button away', async () => {
  const items = ['coat-camel', 'jacket-navy', 'dress-burgundy', 'knit-ivory', 'shirt-ivory', 'trousers-grey', 'skirt-rose', 'bag-cognac', 'boot-ink', 'scarf-camel'];
  for (const item of items) await observe(visit.page, { item, type: 'view' });
  await open();
  await eventually(() => panel().locator('.notes li').count(), (count) => count === 8);
  await button('Show all 10').click();
  await eventually(() => panel().locator('.notes li').count(), (count) => count === 10);
  assert.match(await focused(), /^Forget /);
});

test('nothing is sent: what it says of the network is what was seen there', async () => {
  await open();
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await engineAnswered(visit.page);
  await says(/Sent\s+Nothing\s+(at least )?\d+ files fetched, none sent/);
  await panel().locator('summary').click();
  const listed = await panel().locator('.files li span:first-child').allInnerTexts();
  const seen = new Set(visit.requests.map((request) => new URL(request.url())).filter(({ pathname }) => pathname.startsWith('/vitrine/')).map(({ pathname }) => pathname));
  assert.ok(listed.length > 10);
  for (const file of listed) assert.ok(seen.has(file), `${file} was never asked for`);
  const claimed = Number(/(\d+) files fetched/.exec(await text())[1]);
  assert.equal(claimed, listed.length);
  assert.ok(claimed <= seen.size);
  for (const request of visit.requests) assert.equal(request.method(), 'GET');
});

test('with forced colours no border runs through a word, and paths read from left to right on any page', async () => {
  await visit.page.emulateMedia({ forcedColors: 'active' });
  await visit.page.evaluate(() => { document.documentElement.dir = 'rtl'; });
  await open();
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  const forget = panel().getByRole('button', { name: /^Forget / }).first();
  // Every border has a colour then, a transparent one, too. A note may be drawn anew at any time.
  await eventually(() => forget.evaluate((node) => getComputedStyle(node).borderInlineEndWidth), (width) => width === '0px', 'a button without a border');
  await panel().locator('summary').click();
  const path = panel().locator('.files li span:first-child').first();
  await eventually(() => path.evaluate((node) => getComputedStyle(node).direction), (direction) => direction === 'ltr', 'a path from left to right');
});

test('the page may say it in its own words, by attributes and by slots', async () => {
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await open({ attributes: { 'text-heading': 'Was dieser Laden weiß', 'text-kept': '{count} Notiz|{count} Notizen', locale: 'de' } });
  await says('Was dieser Laden weiß');
  await says('1 Notiz');
  await panel().evaluate((element) => element.append(Object.assign(document.createElement('em'), { slot: 'lead', textContent: 'Nichts verlässt dieses Gerät.' })));
  assert.ok(await visit.page.getByText('Nichts verlässt dieses Gerät.').isVisible());
});

test('it works without any list, package or engine', async () => {
  await visit.page.route('**/worker.js', (route) => route.fulfill({ status: 404 }));
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await open({ list: null });
  await says('bag-ink');
  await button('Forget bag-ink').click();
  await says('bag-ink is forgotten.');
});

test('axe finds nothing, light and dark, empty and full, asking and unfolded; no policy is broken', async () => {
  for (const colorScheme of ['light', 'dark']) {
    await visit.page.emulateMedia({ colorScheme });
    await visit.page.reload();
    await visit.page.evaluate(() => document.head.append(Object.assign(document.createElement('meta'), { name: 'color-scheme', content: 'light dark' })));
    await open();
    await visit.page.evaluate(() => document.querySelector('main').prepend(Object.assign(document.createElement('h1'), { textContent: 'Privacy' })));
    await visit.page.evaluate(AXE);
    const check = async () => {
      const found = await visit.page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
      assert.deepEqual(found.violations.map(({ id, nodes }) => [id, nodes[0].html]), []);
    };
    await says('There are none.');
    await check();
    await observe(visit.page, { item: 'bag-ink', type: 'view' });
    await engineAnswered(visit.page);
    await says('Why you see what you see');
    await panel().locator('summary').click();
    await button('Erase everything').click();
    await check();
  }
  assert.deepEqual(await visit.page.evaluate(() => window.violations), []);
});

test('on touch screens what is pressed is 44 pixels high', async () => {
  const { page } = Object.assign(visit, await visitAs({ hasTouch: true, viewport: { width: 390, height: 800 } }));
  await page.goto(`${site.url}/pages/shop.html`);
  await observe(page, { item: 'bag-ink', type: 'view' });
  await open();
  await engineAnswered(page);
  await says('Because you viewed');
  const small = await panel().evaluate(({ shadowRoot }) => [...shadowRoot.querySelectorAll('button, summary')].filter((node) => node.offsetParent && node.offsetHeight < 44).map(({ innerText }) => innerText));
  assert.deepEqual(small, []);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
});

test('what earlier visits stored is shown and erased where nobody has said yes on this page', async () => {
  await visit.page.evaluate(async () => {
    const { recorder } = await import('/vitrine/recorder.js');
    recorder.start({ consent: true });
    await recorder.observe({ item: 'bag-ink', type: 'purchase' });
  });
  await visit.page.goto(`${site.url}/pages/shop.html`);
  await open({ list: null });
  await says('1 note from an earlier visit, not used until you say yes');
  await says('What earlier visits stored stays, unused');
  assert.equal((await stored()).length, 1);
  await button('Erase everything').click();
  await button('Erase').click();
  await says('Erased. No note is left.');
  await says('This page only');
  assert.deepEqual(await stored(), []);
});

test('a page whose language is none has the panel in that of the browser', async () => {
  for (const locale of ['en_', 'pt-PT-ao90', 'de_DE.UTF-8', 'en us']) {
    await open({ list: null, attributes: { locale } });
    await says('What this shop remembers');
    await visit.page.evaluate(() => document.querySelector('vitrine-privacy').remove());
  }
});

const say = sayer(() => null, 'en');

test('words: English is counted in English on whatever page, and a shop\'s words as its language does', () => {
  const russian = sayer((key) => (key === 'kept' ? '{count} заметка|{count} заметки|{count} заметок' : null), 'ru');
  assert.deepEqual([1, 2, 5, 21, 22].map((count) => russian('kept', { count })), ['1 заметка', '2 заметки', '5 заметок', '21 заметка', '22 заметки']);
  assert.equal(russian('click', { count: 21 }), 'Opened from a list 21 times');
  assert.equal(sayer(() => null, 'ja')('kept', { count: 1 }), '1 note');
  assert.equal(sayer(() => '{count}件', 'ja')('kept', { count: 1 }), '1件');
  assert.equal(sayer(() => 'one|many', 'ru')('kept', { count: 3 }), 'many');
});

test('words: one and many, weightiest deed first, types of the shop by their name', () => {
  assert.equal(say('kept', { count: 1 }), '1 note');
  assert.equal(say('kept', { count: 1200 }), '1,200 notes');
  assert.equal(say('forget-label', { title: '$& {title}' }), 'Forget $& {title}');
  assert.deepEqual(deeds([{ type: 'view' }, { type: 'store_visit' }, { type: 'purchase' }, { type: 'rate', rating: 2 }, { type: 'rate', rating: 4 }], say, 'en'), [
    'Bought', 'Rated 4 of 5', 'Viewed', 'store visit',
  ]);
  assert.equal(sayer((key) => (key === 'erase' ? 'Alles löschen' : null), 'de')('erase'), 'Alles löschen');
});

test('words: durations, times and interest by hand', () => {
  assert.deepEqual([400, 40_000, 60_000, 100_000, 3_600_000].map((ms) => duration(ms, 'en')), ['1 sec', '40 sec', '1 min', '1 min 40 sec', '60 min']);
  const now = Date.UTC(2026, 0, 31);
  assert.deepEqual([0, 59_000, 61_000, 7_300_000, DAY_MS, 3.5 * DAY_MS, -5000].map((past) => ago(now - past, now, 'en')), [
    'now', 'now', '1 minute ago', '2 hours ago', 'yesterday', '3 days ago', 'now',
  ]);
  assert.deepEqual([-0.8, -0.25, -0.2, 0, 0.1, 0.25, 0.59, 0.6, 1].map(interest), [
    'interest-none', 'interest-none', 'interest-open', 'interest-open', 'interest-slight', 'interest-some', 'interest-some', 'interest-strong', 'interest-strong',
  ]);
});

test('every type of event that the recorder knows has its words', async () => {
  const { EVENT_TYPES } = await import('../../web/js/event.js');
  assert.deepEqual(EVENT_TYPES.filter((type) => !Object.hasOwn(WORDS, type)), []);
});
