// Does the recorder keep what the visitor did, only where it may, and as long as it may, in all tabs?

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from './helper.mjs';
import { events, inShop, observe } from './mount.mjs';
import { ADDRESS, MINUTE_MS, start, state } from './recorder-page.mjs';

const { site, open } = inShop();

/** A visitor's page, with what the shop's own scripts did before ours. */
async function visit(prepare, argument) {
  const visitor = await open();
  if (prepare) await visitor.context.addInitScript(prepare, argument);
  await visitor.page.goto(site.url + ADDRESS);
  return visitor;
}

const NOTHING = { isPersistent: false, databases: [], words: {} };

// Consent

test('before consent nothing is written; with it the memory is stored, and the next page has it; withdrawn, all is erased', async () => {
  const { page } = await visit();
  await start(page);
  await observe(page, { item: 'coat', type: 'view' });
  assert.deepEqual(await state(page), { consent: 'unknown', ...NOTHING });
  assert.deepEqual((await events(page)).map(({ item }) => item), ['coat']);
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.setConsent(true));
  assert.deepEqual(await state(page), { consent: 'granted', isPersistent: true, databases: ['vitrine'], words: { 'vitrine-consent': 'granted' } });
  await page.reload();
  assert.deepEqual((await events(page)).map(({ item }) => item), ['coat']);
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.setConsent(false));
  assert.deepEqual(await events(page), []);
  // The refusal is all that is left: without it, the next page would have to ask again, or not know.
  assert.deepEqual(await state(page), { ...NOTHING, consent: 'denied', words: { 'vitrine-consent': 'denied' } });
});

test('who refused here stays refused on later pages, whatever adaptors and the shop say', async () => {
  const { page } = await visit();
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.setConsent(false));
  for (const consent of ['none', true]) {
    await page.reload();
    await start(page, { consent });
    await observe(page, { item: 'coat', type: 'view' });
    assert.deepEqual(await state(page), { ...NOTHING, consent: 'denied', words: { 'vitrine-consent': 'denied' } });
  }
});

test('a refusal erases in all tabs, and what another tab was about to write does not come back', async () => {
  const { context, page } = await visit();
  const other = await context.newPage();
  await other.goto(site.url + ADDRESS);
  for (const each of [page, other]) await start(each, { consent: 'none' });
  await observe(page, { item: 'coat', type: 'view' });
  await observe(other, { item: 'hat', type: 'view' });
  await Promise.all([
    page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.setConsent(false)),
    other.evaluate(async () => {
      const { observe: tell } = await import('/vitrine/recorder.js');
      await Promise.all(Array.from({ length: 50 }, () => tell({ item: 'bag', type: 'view' })));
    }),
  ]);
  for (const each of [page, other]) await eventually(() => state(each), ({ consent, databases }) => consent === 'denied' && databases.length === 0, 'the refusal');
  assert.deepEqual((await events(page)).map(({ item }) => item), []);
  assert.ok((await events(other)).every(({ item }) => item === 'bag'), 'what was stored is gone; what came after lives in memory');
});

test('Global Privacy Control is a refusal for every adaptor, and the visitor\'s own word beats it', async () => {
  const { page } = await visit(() => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }));
  await start(page, { consent: 'none' });
  await observe(page, { item: 'coat', type: 'view' });
  assert.deepEqual(await state(page), { ...NOTHING, consent: 'denied' });
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.setConsent(true));
  const { consent, isPersistent } = await state(page);
  assert.deepEqual({ consent, isPersistent }, { consent: 'granted', isPersistent: true });
  assert.equal((await events(page)).length, 1);
});

test('TCF: purpose 1 decides, a banner that still asks does not, and a tool may come late and change its mind', async () => {
  const { page } = await visit();
  await start(page, { consent: 'tcf' });
  await observe(page, { item: 'coat', type: 'view' });
  await page.evaluate(() => {
    window.__tcfapi = (command, version, callback) => {
      if (command !== 'addEventListener' || version !== 2) throw new Error('not the interface');
      window.say = (eventStatus, purpose1) => callback({ gdprApplies: true, eventStatus, purpose: { consents: { 1: purpose1 } } }, true);
      window.say(undefined, false);
      window.say('cmpuishown', true);
    };
  });
  await page.waitForFunction(() => window.say);
  assert.equal((await state(page)).consent, 'unknown', 'who was not asked has not refused');
  await page.evaluate(() => window.say('useractioncomplete', true));
  assert.equal((await state(page)).consent, 'granted');
  assert.ok((await state(page)).isPersistent);
  await page.evaluate(() => window.say('useractioncomplete', false));
  assert.deepEqual(await state(page), { ...NOTHING, consent: 'denied' });
  assert.deepEqual(await events(page), []);
});

test('who is reported to refuse without having granted before keeps this page\'s events in memory', async () => {
  const { page } = await visit();
  await start(page);
  await observe(page, { item: 'coat', type: 'view' });
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.start({ consent: (report) => report(false) }));
  assert.deepEqual(await state(page), { ...NOTHING, consent: 'denied' });
  assert.equal((await events(page)).length, 1);
});

test('Google Consent Mode: a default for some countries denies, what lay there before is read, an update decides', async () => {
  const { page } = await visit(() => {
    window.dataLayer = [];
    window.gtag = function () { window.dataLayer.push(arguments); };
    window.gtag('consent', 'default', { personalization_storage: 'denied', region: ['DE'] });
    window.gtag('consent', 'default', { personalization_storage: 'granted', ad_storage: 'granted' });
  });
  await start(page, { consent: 'google' });
  assert.equal((await state(page)).consent, 'unknown');
  await page.evaluate(() => window.gtag('consent', 'update', { ad_storage: 'granted' }));
  assert.equal((await state(page)).consent, 'unknown', 'advertising is another matter');
  await page.evaluate(() => window.gtag('consent', 'update', { personalization_storage: 'granted' }));
  assert.equal((await state(page)).consent, 'granted');
  assert.equal(await page.evaluate(() => window.dataLayer.length), 4, 'the shop\'s own pushes arrive');
});

/** What a shop with Google Consent Mode says on every page: the defaults, and the visitor's answer where there is one. */
const consentMode = (words) => {
  window.dataLayer = [];
  window.gtag = function () { window.dataLayer.push(arguments); };
  for (const [when, storage] of words) window.gtag('consent', when, { personalization_storage: storage });
};

test('Google Consent Mode: the history outlives the denied default of each page, and a refusal erases it', async () => {
  const { page } = await visit(consentMode, [['default', 'denied'], ['update', 'granted']]);
  await start(page, { consent: 'google' });
  await observe(page, { item: 'coat', type: 'view' });
  await page.reload();
  await start(page, { consent: 'google' });
  assert.deepEqual((await events(page)).map(({ item }) => item), ['coat']);
  await page.evaluate(() => window.gtag('consent', 'update', { personalization_storage: 'denied' }));
  assert.deepEqual(await state(page), { ...NOTHING, consent: 'denied' });
  assert.deepEqual(await events(page), []);
});

test('Google Consent Mode: defaults that grant are enough, where none denies', async () => {
  for (const [words, consent] of [[['granted', 'granted'], 'granted'], [['granted', 'denied'], 'unknown'], [['denied', 'granted'], 'unknown']]) {
    const { page } = await visit(consentMode, words.map((word) => ['default', word]));
    await start(page, { consent: 'google' });
    assert.equal((await state(page)).consent, consent, words.join());
  }
});

test('an adaptor is started once for a page: what it said first is not told again by rows that come later', async () => {
  const { page } = await visit(consentMode, [['default', 'denied'], ['update', 'denied']]);
  await start(page, { consent: 'google' });
  assert.equal((await state(page)).consent, 'denied');
  await page.evaluate(() => window.gtag('consent', 'update', { personalization_storage: 'granted' }));
  await observe(page, { item: 'coat', type: 'view' });
  const push = await page.evaluateHandle(() => window.dataLayer.push);
  await start(page, { consent: 'google' });
  assert.ok(await page.evaluate((before) => window.dataLayer.push === before, push), 'nothing listens twice');
  assert.equal((await state(page)).consent, 'granted');
  assert.deepEqual((await events(page)).map(({ item }) => item), ['coat']);
});

test('a shop that asks itself may take a yes back: all is erased, in other tabs, too', async () => {
  for (const [yes, no] of [[true, false], ['granted', 'denied']]) {
    const { context, page } = await visit();
    const other = await context.newPage();
    await other.goto(site.url + ADDRESS);
    for (const each of [page, other]) await start(each, { consent: yes });
    await observe(page, { item: 'coat', type: 'view' });
    await start(page, { consent: no });
    for (const each of [page, other]) await eventually(() => state(each), ({ consent, databases }) => consent === 'denied' && databases.length === 0, 'the refusal');
    assert.deepEqual(await events(page), []);
    await start(page, { consent: yes });
    assert.ok((await state(page)).isPersistent, 'and give it again');
  }
});

test('Shopify: preferences decide, loaded if need be, and again when the banner is answered', async () => {
  const { page } = await visit(() => {
    window.allowed = false;
    window.Shopify = {
      loadFeatures([{ name }], callback) {
        if (name !== 'consent-tracking-api') throw new Error(name);
        window.Shopify.customerPrivacy = { preferencesProcessingAllowed: () => window.allowed };
        callback();
      },
    };
  });
  await start(page, { consent: 'shopify' });
  assert.equal((await state(page)).consent, 'denied');
  await page.evaluate(() => {
    window.allowed = true;
    document.dispatchEvent(new CustomEvent('visitorConsentCollected'));
  });
  assert.equal((await state(page)).consent, 'granted');
});

test('a shop\'s own callback reports; a name that is no adaptor is refused by name', async () => {
  const { page } = await visit();
  const refused = await page.evaluate(async () => {
    const { recorder } = await import('/vitrine/recorder.js');
    recorder.start({ consent: (report) => (window.report = report) });
    try {
      recorder.start({ consent: 'tfc' });
    } catch ({ code, message }) {
      return { code, message };
    }
  });
  assert.equal(refused.code, 'bad_request');
  assert.match(refused.message, /tfc.*tcf/);
  assert.equal((await state(page)).consent, 'unknown');
  await page.evaluate(() => window.report(true));
  assert.equal((await state(page)).consent, 'granted');
});

// Events

test('an event keeps its known fields only, addresses of people are dropped, and an impossible one is refused by name', async () => {
  const { page } = await visit();
  const ts = Date.now() - MINUTE_MS;
  const told = {
    item: 'coat', type: 'purchase', ts, qty: 2.4, price: 12999, currency: 'EUR', email: 'a@b.example', name: 'A', query: 'for my wife',
    variant: 'ann@shop.example', list: '/search?q=ann+smith', rec_id: 'r1',
  };
  await observe(page, told);
  const [{ id, session, ...kept }] = await events(page);
  assert.deepEqual(kept, {
    v: 1, item: 'coat', type: 'purchase', ts, qty: 2, price: 12999, currency: 'EUR', list: '/search', rec_id: 'r1', src: 'page', n: 1,
  });
  assert.equal(session, id);
  const wrong = [
    null, { type: 'view' }, { item: '', type: 'view' }, { item: 7, type: 'view' }, { item: 'a', type: 'veiw' }, { item: 'a', type: 'view', ts: 0.5 },
    { item: 'a', type: 'dwell', dwell_ms: -1 }, { item: 'a', type: 'rate', rating: 6 }, { item: 'a', type: 'rate' }, { item: 'a', type: 'zoom', zoom: NaN }, { item: 'a', type: 'zoom', zoom: 'much' },
  ];
  const codes = await page.evaluate(async (all) => {
    const { observe: tell } = await import('/vitrine/recorder.js');
    return Promise.all(all.map((each) => tell(each).then(() => 'accepted', ({ code }) => code)));
  }, wrong);
  assert.deepEqual(codes, wrong.map(() => 'bad_request'));
});

test('seconds, microseconds and prices in euros are refused with what is expected; what sums are wrong by is not', async () => {
  const { page } = await visit();
  const say = (event) => page.evaluate(async (given) => (await import('/vitrine/recorder.js')).observe(given).then(() => '', ({ code, message }) => `${code} ${message}`), event);
  const now_ms = Date.now();
  for (const ts of [Math.floor(now_ms / 1000), now_ms * 1000, now_ms + 2 * 24 * 60 * MINUTE_MS]) {
    assert.equal(await say({ item: 'coat', type: 'view', ts }), `bad_request ts is ${ts}, not milliseconds from 2000 to now`);
  }
  assert.equal(await say({ item: 'coat', type: 'cart_add', price: 99.9 }), 'bad_request price is 99.9, not minor units: 99.90 is 9990');
  for (const fine of [{ ts: now_ms + 60 * MINUTE_MS }, { ts: Date.UTC(2001, 0) }, { price: 19.99 * 100 }, { price: 0 }]) assert.equal(await say({ item: 'coat', type: 'cart_add', ...fine }), '');
  const prices = (await events(page)).map(({ price }) => price);
  assert.ok(prices.includes(1999), prices.join());
  // A clock that says 1970 is no mistake of the page's.
  await page.evaluate(() => { Date.now = () => 5000; });
  assert.equal(await say({ item: 'hat', type: 'view' }), '');
});

test('types of the shop\'s own are accepted once they are named, by whoever starts', async () => {
  const { page } = await visit();
  const event = { item: 'coat', type: 'consultation', rating: 9 };
  await assert.rejects(observe(page, event), /"consultation" is no event type.*events/);
  await assert.rejects(observe(page, event), (error) => !/did you mean/.test(error.message));
  const others = {
    add_to_cart: 'cart_add', remove_from_cart: 'cart_remove', AddToWishlist: 'wishlist_add', view_item: 'view', view_item_list: 'list_view',
    view_cart: 'cart_view', begin_checkout: 'checkout', 'Product Viewed': 'view', 'purchase-complete': 'purchase',
  };
  for (const [type, meant] of Object.entries(others)) await assert.rejects(observe(page, { item: 'coat', type }), new RegExp(`"${type}" is no event type; did you mean ${meant}\\?`));
  await start(page, { events: ['trunk_show'] });
  await start(page, { events: ['consultation'] });
  await observe(page, event);
  await observe(page, { item: 'coat', type: 'trunk_show' });
  assert.deepEqual((await events(page)).map(({ type, rating }) => [type, rating]), [['consultation', 9], ['trunk_show', undefined]]);
});

for (const consent of [undefined, 'none']) {
  test(`a burst of ten thousand, ${consent ? 'stored' : 'in memory'}: all are acknowledged, the newest 500 kept, in few transactions`, async () => {
    const { page } = await visit();
    await start(page, { consent, watch: false });
    const found = await page.evaluate(async () => {
      const { recorder, observe: tell } = await import('/vitrine/recorder.js');
      await recorder.events();
      let transactions = 0;
      const { transaction } = IDBDatabase.prototype;
      IDBDatabase.prototype.transaction = function (...given) {
        transactions += 1;
        return transaction.apply(this, given);
      };
      await Promise.all(Array.from({ length: 10_000 }, (_, number) => tell({ item: `${number}`, type: 'view' })));
      const few = transactions;
      const kept = await recorder.events();
      return { few, count: kept.length, first: kept[0].item, last: kept.at(-1).item };
    });
    assert.deepEqual(found, { few: consent ? 1 : 0, count: 500, first: '9500', last: '9999' });
  });
}

test('pause drops what comes; it lasts over pages only with consent', async () => {
  const { page } = await visit();
  const paused = (what) => page.evaluate(async (name) => {
    const { recorder } = await import('/vitrine/recorder.js');
    if (name) recorder[name]();
    return recorder.isPaused;
  }, what);
  await start(page);
  assert.equal(await paused('pause'), true);
  await observe(page, { item: 'coat', type: 'view' });
  assert.deepEqual(await events(page), []);
  assert.deepEqual((await state(page)).words, {});
  await page.reload();
  assert.equal(await paused(), false);
  await start(page, { consent: 'none' });
  await paused('pause');
  await page.reload();
  assert.equal(await paused(), true);
  assert.equal(await paused('resume'), false);
  await observe(page, { item: 'coat', type: 'view' });
  assert.equal((await events(page)).length, 1);
});

test('what is told while something else is being stored is stored, too', async () => {
  const { page } = await visit();
  await start(page, { consent: 'none', watch: false });
  const kept = await page.evaluate(async () => {
    const { recorder, observe: tell } = await import('/vitrine/recorder.js');
    const { put } = IDBObjectStore.prototype;
    let second;
    IDBObjectStore.prototype.put = function (...given) {
      second ??= tell({ item: 'hat', type: 'view' });
      return put.apply(this, given);
    };
    await tell({ item: 'coat', type: 'view' });
    await second;
    return (await recorder.events()).map(({ item }) => item);
  });
  assert.deepEqual(kept, ['coat', 'hat']);
});

test('one item is forgotten, everything is exported, everything is erased', async () => {
  const { page } = await visit();
  await start(page, { consent: 'none', watch: false });
  for (const item of ['coat', 'hat', 'coat']) await observe(page, { item, type: 'view' });
  const found = await page.evaluate(async () => {
    const { recorder } = await import('/vitrine/recorder.js');
    const kinds = [];
    recorder.addEventListener('change', ({ detail }) => kinds.push(detail.kind));
    await recorder.forget('coat');
    const exported = await recorder.export();
    await recorder.erase();
    return { kinds, exported, left: await recorder.events() };
  });
  assert.deepEqual(found.kinds, ['forgot', 'erased']);
  const { exported_ms, ...exported } = found.exported;
  assert.ok(Math.abs(exported_ms - Date.now()) < 10 * MINUTE_MS);
  assert.deepEqual([exported.format, exported.version, exported.events.map(({ item }) => item)], ['vitrine-history', 1, ['hat']]);
  assert.deepEqual(found.left, []);
});

test('what is forgotten does not come back from what a page left behind', async () => {
  const { page } = await visit();
  await start(page, { consent: 'none', watch: false });
  await eventually(() => state(page), ({ isPersistent }) => isPersistent);
  // Another tab was closed.
  await page.evaluate(() => {
    const left = ['coat', 'hat'].map((item) => ({ v: 1, id: item, item, type: 'dwell', ts: Date.now(), dwell_ms: 9000 }));
    localStorage['vitrine-late'] = JSON.stringify(left);
  });
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.forget('coat'));
  await page.reload();
  await start(page, { consent: 'none', watch: false });
  assert.deepEqual((await events(page)).map(({ item }) => item), ['hat']);
});

test('other tabs hear what was added, forgotten, paused and erased', async () => {
  const { context, page } = await visit();
  const other = await context.newPage();
  await other.goto(site.url + ADDRESS);
  for (const each of [page, other]) await start(each, { consent: 'none', watch: false });
  for (const each of [page, other]) await eventually(() => state(each), ({ isPersistent }) => isPersistent);
  await other.evaluate(async () => {
    const { recorder } = await import('/vitrine/recorder.js');
    window.kinds = [];
    recorder.addEventListener('change', ({ detail }) => window.kinds.push(detail.kind));
  });
  await observe(page, { item: 'coat', type: 'view' });
  await page.evaluate(async () => {
    const { recorder } = await import('/vitrine/recorder.js');
    await recorder.forget('coat');
    recorder.pause();
    await recorder.erase();
  });
  // In any order: to forget, the other tab waits for its turn with the database; to erase, it does not.
  const heard = await eventually(() => other.evaluate(() => window.kinds), ({ length }) => length >= 4, 'all that was done');
  assert.deepEqual(heard.sort(), ['added', 'erased', 'forgot', 'paused']);
  assert.ok(await other.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.isPaused));
});

test('an erasure in one tab empties the memory of another that has no consent', async () => {
  const { context, page } = await visit();
  const other = await context.newPage();
  await other.goto(site.url + ADDRESS);
  await observe(other, { item: 'coat', type: 'view' });
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.erase());
  await eventually(() => events(other), (kept) => kept.length === 0, 'the empty memory');
});

test('storage that is refused is told once as an error, and memory serves', async () => {
  const { page } = await visit(() => {
    IDBFactory.prototype.open = () => { throw new DOMException('denied', 'SecurityError'); };
    window.errors = [];
  });
  const found = await page.evaluate(async () => {
    const { recorder, observe: tell } = await import('/vitrine/recorder.js');
    recorder.addEventListener('error', ({ detail }) => window.errors.push(detail.code));
    recorder.start({ consent: 'none', watch: false });
    await tell({ item: 'coat', type: 'view' });
    await tell({ item: 'hat', type: 'view' });
    return { errors: window.errors, isPersistent: await recorder.isPersistent(), items: (await recorder.events()).map(({ item }) => item) };
  });
  assert.deepEqual(found, { errors: ['storage_unavailable'], isPersistent: false, items: ['coat', 'hat'] });
});

test('without BroadcastChannel or localStorage the recorder records', async () => {
  const { page, problems } = await visit(() => {
    Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); } });
    delete window.BroadcastChannel;
  });
  await start(page, { consent: 'none' });
  await observe(page, { item: 'coat', type: 'view' });
  assert.equal((await events(page)).length, 1);
  assert.deepEqual(problems, []);
});

test('ids that events use become the catalogue\'s, before and after it is known; those it lacks are counted', async () => {
  const { page } = await visit();
  await start(page, { watch: false });
  await observe(page, { item: 'SKU-7', type: 'view' });
  await observe(page, { item: 'gone', type: 'view' });
  const found = await page.evaluate(async () => {
    const { recorder, observe: tell } = await import('/vitrine/recorder.js');
    await recorder.know([{ id: 'coat', sku: 'sku-7', url: '/products/ink-coat?a=1' }, { id: 'hat', sku: 'sku-8' }]);
    await tell({ item: 'ink-coat', type: 'cart_add' });
    await tell({ item: 'hat', type: 'view' });
    await tell({ item: 'gone', type: 'click' });
    return { kept: (await recorder.events()).map(({ item, variant }) => [item, variant]), unmatched: [...recorder.unmatched] };
  });
  assert.deepEqual(found, {
    kept: [['coat', 'SKU-7'], ['gone', undefined], ['coat', 'ink-coat'], ['hat', undefined], ['gone', undefined]], unmatched: [['gone', 2]],
  });
});

test('a tag starts it by itself, and a mistake there breaks nothing', async () => {
  const { page } = await visit(() => (window.dataLayer = [{ event: 'view_item', ecommerce: { items: [{ item_id: 'coat' }] } }]));
  const place = (page_, attributes) => page_.evaluate((given) => {
    const tag = Object.assign(document.createElement('script'), { type: 'module', src: '/vitrine/recorder.js' });
    Object.assign(tag.dataset, given);
    document.head.append(tag);
  }, attributes);
  await place(page, { consent: 'none', sources: 'ga4', events: 'fitting_room', watch: 'false' });
  const kept = await eventually(() => events(page), ({ length }) => length > 0, 'the event of the data layer');
  assert.deepEqual(kept.map(({ item, type, src }) => [item, type, src]), [['coat', 'view', 'ga4']]);
  assert.ok((await state(page)).isPersistent);
  await observe(page, { item: 'coat', type: 'fitting_room' });
  const { page: wrong } = await visit();
  await place(wrong, { consent: 'tfc' });
  await observe(wrong, { item: 'coat', type: 'view' });
  assert.deepEqual(await state(wrong), { consent: 'unknown', ...NOTHING });
});

test('a page that is being prerendered records nothing until it is shown', async () => {
  const { page } = await visit(() => Object.defineProperty(document, 'prerendering', { value: true, configurable: true }));
  await page.evaluate(async () => {
    const { recorder, observe: tell } = await import('/vitrine/recorder.js');
    document.querySelector('main').dataset.vitrinePage = 'coat';
    window.told = [];
    recorder.addEventListener('event', ({ detail }) => window.told.push(detail.type));
    recorder.start({ consent: 'none' });
    tell({ item: 'hat', type: 'click' });
  });
  // A turn of everything that could have gone on.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 50)));
  assert.deepEqual(await page.evaluate(async () => [window.told, (await indexedDB.databases()).length]), [[], 0]);
  await page.evaluate(() => {
    Object.defineProperty(document, 'prerendering', { value: false });
    document.dispatchEvent(new Event('prerenderingchange'));
  });
  await eventually(() => page.evaluate(() => window.told), (told) => told.includes('click') && told.includes('view'));
});

test('what an earlier page stored is told, forgotten and erased, also where nobody has said yes on this one', async () => {
  const { context, page } = await visit();
  await start(page, { consent: true, watch: false });
  for (const item of ['coat', 'hat']) await observe(page, { item, type: 'view' });
  await page.goto(`${site.url}${ADDRESS}?later`);
  await start(page, { watch: false });
  await observe(page, { item: 'bag', type: 'view' });
  const told = () => page.evaluate(async () => {
    const { recorder } = await import('/vitrine/recorder.js');
    const items = (all) => all.map(({ item }) => item).join(' ');
    return [recorder.consent, items(await recorder.events()), items((await recorder.export()).events)];
  });
  assert.deepEqual(await told(), ['unknown', 'bag', 'coat hat bag']);
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.forget('coat'));
  assert.deepEqual(await told(), ['unknown', 'bag', 'hat bag']);
  // A tab with consent goes on; one without erases for it, too.
  const other = await context.newPage();
  await other.goto(site.url + ADDRESS);
  await start(other, { consent: true, watch: false });
  assert.deepEqual((await events(other)).map(({ item }) => item), ['hat']);
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.erase());
  assert.deepEqual(await told(), ['unknown', '', '']);
  await eventually(() => events(other), (all) => all.length === 0, 'the other tab');
  await observe(other, { item: 'ring', type: 'view' });
  await other.reload();
  await start(other, { consent: true, watch: false });
  assert.deepEqual((await events(other)).map(({ item }) => item), ['ring']);
});

test('a database of a later kit is erased like any other', async () => {
  const { page } = await visit();
  await page.evaluate(() => new Promise((resolve) => {
    const opening = indexedDB.open('vitrine', 99);
    opening.onupgradeneeded = () => opening.result.createObjectStore('events', { keyPath: 'n' }).put({ n: 1, item: 'coat', type: 'view' });
    opening.onsuccess = () => resolve(opening.result.close());
  }));
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.erase());
  assert.deepEqual(await page.evaluate(() => indexedDB.databases()), []);
});

test('looking for what is kept leaves nothing behind', async () => {
  const { page } = await visit();
  await start(page);
  await observe(page, { item: 'coat', type: 'view' });
  const exported = await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.export());
  assert.deepEqual([exported.events.length, exported.consent, exported.bucket], [1, undefined, undefined]);
  await page.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.forget('hat'));
  assert.deepEqual(await state(page), { consent: 'unknown', ...NOTHING });
});

test('what was only in memory is gone when the page is left, also for who comes back to it', async () => {
  const { page } = await visit();
  await start(page, { watch: false });
  await observe(page, { item: 'coat', type: 'view' });
  for (const kind of ['pagehide', 'pageshow']) await page.evaluate((name) => dispatchEvent(new PageTransitionEvent(name, { persisted: true })), kind);
  assert.deepEqual(await events(page), []);
  await observe(page, { item: 'hat', type: 'view' });
  assert.deepEqual((await events(page)).map(({ item }) => item), ['hat']);
});

test('who paused on another page finds this one paused, too', async () => {
  const { context, page } = await visit();
  await start(page, { consent: true, watch: false });
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
  const other = await context.newPage();
  await other.goto(site.url + ADDRESS);
  await start(other, { consent: true, watch: false });
  await other.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.pause());
  // What one tab writes into localStorage is not in another at once.
  await eventually(() => page.evaluate(() => localStorage['vitrine-paused']), (word) => word !== undefined, 'the word');
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  await observe(page, { item: 'hat', type: 'view' });
  assert.deepEqual(await events(page), []);
});

test('a page that comes back from the back-forward cache hears again, and has learnt what it missed', async () => {
  const { context, page } = await visit();
  const other = await context.newPage();
  await other.goto(site.url + ADDRESS);
  for (const each of [page, other]) await start(each, { consent: 'none', watch: false });
  await observe(page, { item: 'coat', type: 'view' });
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
  await other.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.setConsent(false));
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  assert.deepEqual(await state(page), { ...NOTHING, consent: 'denied', words: { 'vitrine-consent': 'denied' } });
  assert.deepEqual(await events(page), []);
  await other.evaluate(async () => (await import('/vitrine/recorder.js')).recorder.setConsent(true));
  await eventually(() => state(page), ({ consent }) => consent === 'granted', 'the grant');
});
