// Is what the markup says recorded when it is really looked at, and only then?
//
// The clock of these pages stands still until the test moves it on: no machine is too slow for them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from './helper.mjs';
import { events, inShop, observe } from './mount.mjs';
import { ADDRESS, MINUTE_MS, start, state } from './recorder-page.mjs';

const { site, open: visit } = inShop();

/** A page whose markup is watched, by a visitor whose time is ours. */
async function look(markup, { consent } = {}) {
  const visitor = await visit({ viewport: { width: 800, height: 600 } });
  await visitor.page.clock.install({ time: 1_767_225_600_000 });
  // Once and for all: without it, the clock goes on by itself.
  await visitor.page.clock.pauseAt(1_767_225_601_000);
  await visitor.context.addInitScript(() => {
    let isHidden = false;
    const { get } = Object.getOwnPropertyDescriptor(Document.prototype, 'hidden');
    Object.defineProperty(Document.prototype, 'hidden', { get() { return isHidden || get.call(this); } });
    window.hide = (value) => {
      isHidden = value;
      document.dispatchEvent(new Event('visibilitychange'));
    };
  });
  await open(visitor.page, markup, consent);
  return visitor;
}

/** The policy of the page forbids styles in markup: heights are set by script. */
const fill = (page, markup) => page.evaluate((html) => {
  document.body.innerHTML = html;
  document.body.style.margin = '0';
  for (const each of document.querySelectorAll('[data-height]')) each.style.cssText = `margin:0; padding:0; height:${each.dataset.height}px`;
}, markup);

async function open(page, markup, consent) {
  await page.goto(site.url + ADDRESS);
  await fill(page, markup);
  await start(page, { consent });
  // Watching comes in a file of its own, which is there once it has been asked for and what waited for it has had its turn.
  await page.evaluate(async () => {
    await import('/vitrine/watching.js');
    await (await import('/vitrine/recorder.js')).recorder.events();
  });
}

const move = (page) => page.evaluate(() => document.dispatchEvent(new Event('pointermove')));
const short = (kept) => kept.map(({ item, type }) => `${item} ${type}`);
const withEvent = (page, wanted) => eventually(() => events(page), (kept) => short(kept).includes(wanted), wanted);

test('a page about an item is a view; dwell is the time between the visitor\'s movements, and a page left open is not looked at', async () => {
  const { page } = await look('<main data-vitrine-page="coat" data-vitrine-variant="ink-m" data-height="2400">');
  const [view] = await withEvent(page, 'coat view');
  assert.deepEqual([view.variant, view.src], ['ink-m', 'watch']);
  for (let second = 0; second < 10; second += 1) {
    await page.clock.runFor(1000);
    await move(page);
  }
  // An hour without a movement counts as half a minute.
  await page.clock.runFor(60 * MINUTE_MS);
  await page.evaluate(() => scrollTo(0, 600));
  await page.evaluate(() => document.dispatchEvent(new Event('scroll')));
  await page.evaluate(() => window.hide(true));
  const dwell = (await withEvent(page, 'coat dwell')).find(({ type }) => type === 'dwell');
  assert.ok(dwell.dwell_ms >= 40_000 && dwell.dwell_ms <= 41_500, `${dwell.dwell_ms}`);
  assert.equal(dwell.depth, 0.5);
});

test('hidden time is no dwell; a visit that goes on is one event that grows', async () => {
  const { page } = await look('<main data-vitrine-page="coat">');
  await withEvent(page, 'coat view');
  await page.clock.runFor(4000);
  await page.evaluate(() => window.hide(true));
  const [, first] = await withEvent(page, 'coat dwell');
  await page.clock.runFor(10 * MINUTE_MS);
  await page.evaluate(() => window.hide(false));
  await page.clock.runFor(5000);
  await page.evaluate(() => window.hide(true));
  const kept = await eventually(() => events(page), (all) => all.at(-1).dwell_ms > 8000, 'the longer visit');
  assert.deepEqual(short(kept), ['coat view', 'coat dwell']);
  assert.equal(kept[1].id, first.id);
  assert.ok(first.dwell_ms >= 4000 && first.dwell_ms < 5000 && kept[1].dwell_ms >= 9000 && kept[1].dwell_ms < 10_000, `${first.dwell_ms}, ${kept[1].dwell_ms}`);
});

test('a page that was opened in the background is a view only when it is looked at', async () => {
  const { page } = await look('');
  await page.evaluate(() => {
    window.hide(true);
    document.body.innerHTML = '<main data-vitrine-page="coat">';
  });
  await page.clock.runFor(5000);
  assert.deepEqual(await events(page), []);
  await page.evaluate(() => window.hide(false));
  await withEvent(page, 'coat view');
});

test('without loading a page: another item is another visit, and none is the end of it', async () => {
  const { page } = await look('<main data-vitrine-page="coat">');
  await withEvent(page, 'coat view');
  await page.clock.runFor(3000);
  await page.evaluate(() => (document.querySelector('main').dataset.vitrinePage = 'hat'));
  await eventually(() => page.clock.runFor(150).then(() => events(page)), (kept) => short(kept).includes('hat view'), 'the hat');
  await page.clock.runFor(2000);
  await page.evaluate(() => document.querySelector('main').remove());
  const kept = await eventually(() => page.clock.runFor(150).then(() => events(page)), (all) => short(all).includes('hat dwell'), 'the end');
  assert.deepEqual(short(kept), ['coat view', 'coat dwell', 'hat view', 'hat dwell']);
});

test('what a page could not store any more when it was left is there on the next', async () => {
  const { page } = await look('<main data-vitrine-page="coat">', { consent: 'none' });
  await withEvent(page, 'coat view');
  await page.clock.runFor(7000);
  await open(page, '', 'none');
  const kept = await withEvent(page, 'coat dwell');
  assert.deepEqual(short(kept), ['coat view', 'coat dwell']);
  assert.deepEqual((await state(page)).words, {}, 'it waits nowhere else');
});

test('an item that is viewed again in another session is revisited, in the same session it is not', async () => {
  const markup = '<main data-vitrine-page="coat">';
  const { page } = await look(markup, { consent: 'none' });
  await withEvent(page, 'coat view');
  await open(page, markup, 'none');
  await eventually(() => events(page), (kept) => short(kept).filter((each) => each === 'coat view').length === 2);
  assert.ok(!short(await events(page)).includes('coat revisit'));
  await page.clock.runFor(40 * MINUTE_MS);
  await open(page, markup, 'none');
  await withEvent(page, 'coat revisit');
});

test('who comes back to an open page after a session has ended comes anew', async () => {
  const { page } = await look('<main data-vitrine-page="coat">');
  await withEvent(page, 'coat view');
  await page.evaluate(() => window.hide(true));
  await page.clock.runFor(31 * MINUTE_MS);
  await page.evaluate(() => window.hide(false));
  await withEvent(page, 'coat revisit');
});

test('buttons say which event a click is, of the card or the page around them; a mistake there is told as an error', async () => {
  const { page, problems } = await look(`
    <main data-vitrine-page="coat"><button id="zoom" data-vitrine-event="zoom"><b>+</b></button>
    <div data-vitrine-item="hat"><button id="cart" data-vitrine-event="cart_add">Add</button></div>
    <button id="wrong" data-vitrine-event="crat_add">Add</button></main>`);
  await withEvent(page, 'coat view');
  await page.evaluate(async () => {
    window.errors = [];
    (await import('/vitrine/recorder.js')).recorder.addEventListener('error', ({ detail }) => window.errors.push(detail.code));
    for (const id of ['zoom', 'cart', 'wrong']) document.getElementById(id).click();
    document.querySelector('b').click();
  });
  await eventually(() => page.evaluate(() => window.errors), ({ length }) => length > 0, 'the error');
  assert.deepEqual(short(await events(page)), ['coat view', 'coat zoom', 'hat cart_add', 'coat zoom']);
  assert.deepEqual(await page.evaluate(() => window.errors), ['bad_request']);
  assert.deepEqual(problems, []);
});

test('looking closer with two fingers is a zoom, once for each visit', async () => {
  const { page } = await look('<main data-vitrine-page="coat">');
  await withEvent(page, 'coat view');
  const client = await page.context().newCDPSession(page);
  for (const pageScaleFactor of [1.1, 2, 2.5]) {
    await client.send('Emulation.setPageScaleFactor', { pageScaleFactor });
    await eventually(() => page.evaluate(() => visualViewport.scale), (scale) => Math.abs(scale - pageScaleFactor) < 0.01, 'the scale');
  }
  await withEvent(page, 'coat zoom');
  const zooms = (await events(page)).filter(({ type }) => type === 'zoom').map(({ zoom }) => zoom);
  assert.ok(zooms.length === 1 && zooms[0] > 1.3, `${zooms}`);
});

const CARDS = `
  <ul data-vitrine-list="sale" data-height="1600">
    <li data-vitrine-item="a" data-height="200"><a href="#a">a</a> <i>text</i></li>
    <li data-vitrine-item="b" data-height="200"><a href="#b">b</a></li>
    <li data-vitrine-item="half" data-height="1000"><a href="#c">c</a></li>
    <li data-vitrine-item="below" data-height="200">d</li>
  </ul>`;

const impressions = (kept) => kept.filter(({ type }) => type === 'impression').map(({ item }) => item);

test('an impression is a card that was wholly on the screen for a second, once, with its place', async () => {
  const { page } = await look(CARDS);
  const seen = await eventually(() => page.clock.runFor(300).then(() => events(page)), (kept) => impressions(kept).length >= 2, 'impressions');
  assert.deepEqual(impressions(seen), ['a', 'b']);
  assert.deepEqual(seen.map(({ list, pos }) => [list, pos]), [['sale', 0], ['sale', 1]]);
  await page.evaluate(() => scrollTo(0, 10_000));
  const more = await eventually(() => page.clock.runFor(300).then(() => events(page)), (kept) => impressions(kept).includes('below'), 'the last card');
  // The tall one fills the screen now, as much as it ever can.
  assert.deepEqual(impressions(more).sort(), ['a', 'b', 'below', 'half']);
  await page.evaluate(() => scrollTo(0, 0));
  await page.clock.runFor(5000);
  assert.equal(impressions(await events(page)).length, 4, 'each once');
});

test('less than a second, or in a hidden tab, is not seen; and seen anew it needs its second again', async () => {
  const { page } = await look(CARDS);
  await page.clock.runFor(500);
  await page.evaluate(() => window.hide(true));
  await page.clock.runFor(5000);
  assert.deepEqual(impressions(await events(page)), []);
  await page.evaluate(() => window.hide(false));
  await page.clock.runFor(500);
  assert.deepEqual(impressions(await events(page)), []);
  await eventually(() => page.clock.runFor(300).then(() => events(page)), (kept) => impressions(kept).length === 2, 'impressions');
});

test('cards that come later are seen, too, and so is another item in the same card', async () => {
  const { page } = await look('');
  await fill(page, CARDS);
  await eventually(() => page.clock.runFor(300).then(() => events(page)), (kept) => impressions(kept).length === 2, 'impressions');
  await page.evaluate(() => (document.querySelector('li').dataset.vitrineItem = 'z'));
  await eventually(() => page.clock.runFor(300).then(() => events(page)), (kept) => impressions(kept).includes('z'), 'the other item');
});

test('a click on a card\'s link is a click with its place, in a new tab, too; beside the link it is none', async () => {
  const { page } = await look(CARDS);
  await page.evaluate(() => {
    document.querySelector('i').click();
    document.querySelector('[href="#b"]').click();
    document.querySelector('[href="#a"]').dispatchEvent(new MouseEvent('auxclick', { button: 1, bubbles: true }));
    document.querySelector('[href="#a"]').dispatchEvent(new MouseEvent('auxclick', { button: 2, bubbles: true }));
  });
  const clicks = (await withEvent(page, 'a click')).filter(({ type }) => type === 'click');
  assert.deepEqual(clicks.map(({ item, list, pos }) => [item, list, pos]), [['b', 'sale', 1], ['a', 'sale', 0]]);
});

test('a row tells its own clicks: the shop\'s own tiles in it count for their buttons alone', async () => {
  const { page } = await look(`
    <vitrine-recs><div slot="item-own"><article data-vitrine-item="own" data-height="100">
      <a href="/pages/own.html">own</a> <button data-vitrine-event="cart_add">Add</button></article></div></vitrine-recs>
    <article data-vitrine-item="card" data-height="100"><a href="/pages/card.html">card</a></article>`);
  await page.evaluate(() => addEventListener('click', (event) => event.preventDefault()));
  await eventually(() => page.clock.runFor(300).then(() => events(page)), (kept) => impressions(kept).includes('card'), 'the card');
  await page.evaluate(() => {
    for (const each of document.querySelectorAll('a, button')) each.click();
  });
  assert.deepEqual(short(await withEvent(page, 'card click')), ['card impression', 'own cart_add', 'card click']);
});

test('another page of an application shows anew what stays on the screen', async () => {
  const { page } = await look(CARDS);
  await eventually(() => page.clock.runFor(300).then(() => events(page)), (kept) => impressions(kept).length === 2, 'impressions');
  await page.evaluate(() => {
    history.pushState({}, '', '/pages/other.html');
    document.body.append('another page');
  });
  const seen = await eventually(() => page.clock.runFor(300).then(() => events(page)), (kept) => impressions(kept).length === 4, 'impressions');
  assert.deepEqual(impressions(seen), ['a', 'b', 'a', 'b']);
});

test('where a source says what the page is about, dwell is of that item until the address changes', async () => {
  const { page } = await look('<p>no markup</p>');
  await observe(page, { item: 'coat', type: 'view', src: 'ga4' });
  await page.clock.runFor(6000);
  await page.evaluate(() => {
    history.pushState({}, '', '/pages/other.html');
    document.body.innerHTML = '<p>a list</p>';
  });
  const kept = await eventually(() => page.clock.runFor(150).then(() => events(page)), (all) => short(all).includes('coat dwell'), 'the end');
  assert.ok(kept[1].dwell_ms >= 6000 && kept[1].dwell_ms < 8000, `${kept[1].dwell_ms}`);
  await page.clock.runFor(9000);
  await page.evaluate(() => window.hide(true));
  assert.equal((await events(page)).length, 2);
});

test('nothing leaves: the only requests are the recorder\'s own files, without parameters', async () => {
  const { page, requests } = await look('<main data-vitrine-page="coat">' + CARDS, { consent: 'none' });
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.start({ sources: ['ga4', 'segment', 'shopify'] }));
  await eventually(() => page.clock.runFor(300).then(() => events(page)), (kept) => impressions(kept).length > 0, 'impressions');
  for (const request of requests) {
    const url = new URL(request.url());
    assert.ok(url.protocol === 'data:' || (url.origin === site.url && /^\/(vitrine|pages)\//.test(url.pathname)), url.href);
    assert.deepEqual([request.method(), url.search, request.postData()], ['GET', '', null]);
  }
});
