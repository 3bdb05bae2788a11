// What is recommended without a model? Every property of the ranking, with expectations worked out by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContentRules } from '../../web/js/content-rules.js';

const NOW_MS = Date.UTC(2026, 0, 31);
const DAY_MS = 24 * 60 * 60 * 1000;

const item = (id, fields = {}) => ({ id, title: `The ${id}`, ...fields });
const viewed = (id, fields = {}) => ({ item: id, type: 'view', ts: NOW_MS, ...fields });

/** The list as [id, score to six digits]. */
function ranked(items, events, options = {}) {
  const rows = new ContentRules(items).recommend(events, { k: 10, now_ms: NOW_MS, ...options });
  return rows.map((row) => [row.item, Number(row.score.toFixed(6))]);
}
const ids = (...words) => ranked(...words).map(([id]) => id);
const scoreOf = (id, ...words) => ranked(...words).find(([each]) => each === id)?.[1];

// Two women's coats and a dress, a man's coat and hat.
const WARDROBE = [
  item('coat', { category: ['Women', 'Coats'] }), item('parka', { category: ['Women', 'Coats'] }),
  item('dress', { category: ['Women', 'Dresses'] }), item('duffle', { category: ['Men', 'Coats'] }), item('hat', { category: ['Men', 'Hats'] }),
];

test('each step of the category path counts, by how rare it is; what shares nothing is left out', () => {
  // Women: 3 of 5, Women > Coats: 2 of 5, half of 0.5 each; a view is 0.1. Coats for men are something else.
  // parka 0.1 (0.25 · 0.4 + 0.25 · 0.6), dress 0.1 · 0.25 · 0.4
  assert.deepEqual(ranked(WARDROBE, [viewed('coat')]), [['parka', 0.025], ['dress', 0.01]]);
});

test('brand and attributes count, an attribute for its share of all that the item has', () => {
  const branded = [item('a', { brand: 'X' }), item('b', { brand: 'X' }), item('c', { brand: 'Y' }), item('d')];
  assert.deepEqual(ranked(branded, [viewed('a')]), [['b', 0.01]]); // 0.1 · 0.2 · 2/4
  const attributed = [
    item('a', { attrs: { colour: 'red', size: 'M' } }), item('b', { attrs: { colour: 'red', size: 'L' } }),
    item('c', { attrs: { colour: 'red', size: 'M' } }), item('d', { attrs: { colour: 'M', size: 'red' } }),
  ];
  // red: 3 of 4, M: 2 of 4; c 0.1 (0.1 · 1/4 + 0.1 · 2/4), b 0.1 · 0.1 · 1/4
  assert.deepEqual(ranked(attributed, [viewed('a')]), [['c', 0.0075], ['b', 0.0025]]);
});

test('the nearer price goes first among what is alike, in one currency; a price alone is no ground', () => {
  const priced = (id, category, price, currency = 'EUR') => item(id, { category: [category], price, currency });
  const shelf = [priced('a', 'K', 10000), priced('b', 'K', 20000), priced('c', 'K', 14142), priced('d', 'K', 10000, 'USD'), priced('e', 'L', 10000)];
  // K: 4 of 5, so 0.1 · 0.5 · 0.2; √2 times the price is half near: 0.1 · 0.1 · 0.5
  assert.deepEqual(ranked(shelf, [viewed('a')]).map(([id, score]) => [id, Number(score.toFixed(4))]), [['c', 0.015], ['b', 0.01], ['d', 0.01]]);
  // What was wrong with an item that was sent away was not its price.
  const away = [{ item: 'e', type: 'dismiss', ts: NOW_MS }, viewed('a')];
  assert.equal(scoreOf('c', shelf, away).toFixed(4), '0.0150');
});

test('the stronger signal weighs more', () => {
  const events = [{ item: 'hat', type: 'purchase', ts: NOW_MS }, viewed('dress')];
  assert.deepEqual(ids(WARDROBE, events), ['duffle', 'coat', 'parka']);
});

test('negative events push away what is alike, more than a view draws near', () => {
  for (const bad of [{ type: 'dismiss' }, { type: 'return' }, { type: 'rate', rating: 1 }, { type: 'cart_remove' }, { type: 'dwell', dwell_ms: 900 }]) {
    const events = [{ item: 'coat', ts: NOW_MS, ...bad }];
    assert.deepEqual(ids(WARDROBE, events), [], `${bad.type} alone recommends nothing`);
    assert.ok(scoreOf('parka', WARDROBE, events, { candidates: ['parka'] }) < 0, bad.type);
  }
  const both = [viewed('hat'), { item: 'coat', type: 'dismiss', ts: NOW_MS }];
  assert.deepEqual(ids(WARDROBE, both), ['duffle']);
  // The dress is a woman's, as the coat: 0.1 · 0.25 · 0.4 for it cannot make up for the dismissal.
  assert.deepEqual(ids(WARDROBE, [viewed('parka'), { item: 'coat', type: 'dismiss', ts: NOW_MS }]), []);
});

test('an interaction counts half after eight newer ones, and half after a month', () => {
  const others = Array.from({ length: 8 }, (_, index) => item(`other-${index}`, { category: [`Other ${index}`] }));
  const items = [...WARDROBE, ...others];
  const fresh = scoreOf('parka', items, [viewed('coat')]);
  const rounded = (score) => Number(score.toFixed(6));
  assert.equal(scoreOf('parka', items, [viewed('coat'), ...others.map(({ id }) => viewed(id))]), rounded(fresh / 2));
  assert.equal(scoreOf('parka', items, [viewed('coat', { ts: NOW_MS - 30 * DAY_MS })]), rounded(fresh / 2));
});

test('the order of events is that of the log, whatever the clock said', () => {
  const forward = [viewed('hat'), viewed('dress')];
  const back = [viewed('hat', { ts: NOW_MS + 400 * DAY_MS }), viewed('dress')];
  assert.deepEqual(ranked(WARDROBE, back), ranked(WARDROBE, forward), 'a time to come is now');
  assert.deepEqual(new ContentRules(WARDROBE).interactions(back).map((row) => row.item), ['hat', 'dress']);
});

test('the seed leads, is not shown, and is enough by itself', () => {
  assert.deepEqual(ids(WARDROBE, [], { seed: 'hat' }), ['duffle']);
  const bought = [{ item: 'dress', type: 'wishlist_add', ts: NOW_MS }];
  assert.deepEqual(ids(WARDROBE, bought, { seed: 'hat' }), ['duffle', 'coat', 'parka']);
  assert.deepEqual(ids(WARDROBE, [], { seed: 'no such item' }), []);
});

test('what is excluded, sold out or met already is not shown; candidates are all ranked', () => {
  const items = WARDROBE.map((each) => (each.id === 'dress' ? { ...each, available: false } : each));
  assert.deepEqual(ids(items, [viewed('coat')]), ['parka']);
  assert.deepEqual(ids(WARDROBE, [viewed('coat')], { exclude: ['parka'] }), ['dress']);
  assert.deepEqual(ids(WARDROBE, [viewed('coat'), viewed('parka')]), ['dress']);
  assert.deepEqual(ids(items, [viewed('coat')], { candidates: ['hat', 'coat', 'parka', 'dress', 'unknown'] }), ['coat', 'parka', 'hat']);
  const disliked = [viewed('parka'), { item: 'coat', type: 'dismiss', ts: NOW_MS }];
  assert.deepEqual(ids(WARDROBE, disliked, { candidates: ['coat', 'hat'] }), ['hat'], 'not even asked for');
  // However long ago: what is read of a history is less than what is known of it.
  const many = Array.from({ length: 100 }, (_, index) => item(`other-${index}`));
  const long = [{ item: 'dress', type: 'return', ts: NOW_MS }, ...many.map(({ id }) => viewed(id)), viewed('coat')];
  assert.deepEqual(ids([...WARDROBE, ...many], long), ['parka']);
  assert.deepEqual(ids(WARDROBE, [viewed('coat')], { k: 1 }), ['parka']);
});

test('ten sizes of one shoe are one recommendation, and none beside the shoe itself', () => {
  const size = (id, group) => item(id, { group, category: ['Shoes'] });
  const shoes = [size('oxford-40', 'oxford'), size('oxford-41', 'oxford'), size('derby-40', 'derby'), size('derby-41', 'derby'), item('hat', { category: ['Hats'] })];
  assert.deepEqual(ids(shoes, [], { seed: 'oxford-40' }), ['derby-40']);
  assert.deepEqual(ids(shoes, [viewed('oxford-40')]), ['oxford-41', 'derby-40']);
});

test('ties go to the earlier item, and the same question has the same answer', () => {
  const events = [viewed('hat'), { item: 'dress', type: 'cart_add', ts: NOW_MS }];
  const once = ranked(WARDROBE, events);
  assert.deepEqual(once.map(([id]) => id), ['coat', 'parka', 'duffle']);
  assert.deepEqual(ranked(WARDROBE, events), once);
  const turned = [...WARDROBE].reverse();
  assert.deepEqual(ids(turned, events), ['parka', 'coat', 'duffle']);
});

test('what the events of an item add up to, newest last', () => {
  const cases = [
    [[['click'], ['view']], 0.1],
    [[['view'], ['zoom'], ['variant'], ['share']], 0.3], // 0.1 and at most 0.2 of attention
    [[['view'], ['revisit'], ['revisit'], ['revisit']], 0.4],
    [[['view'], ['dwell', { dwell_ms: 90_000 }]], 0.4],
    [[['dwell', { dwell_ms: Math.sqrt(15_000 * 90_000) }]], 0.25], // half way on the logarithmic scale
    [[['view'], ['dwell', { dwell_ms: 2_999 }]], -0.1],
    [[['view'], ['dwell', { dwell_ms: 2_999 }], ['zoom']], 0.2], // who zooms does not bounce
    [[['cart_add'], ['purchase'], ['zoom']], 1],
    [[['cart_add'], ['cart_remove']], -0.3],
    [[['purchase'], ['cart_remove']], 1],
    [[['wishlist_add'], ['cart_add'], ['wishlist_remove']], 0.7],
    [[['dismiss'], ['view']], -0.8],
    [[['dismiss'], ['purchase']], 1],
    [[['purchase'], ['return', { reason: 'dislike' }]], -0.9],
    [[['purchase'], ['return', { reason: 'constructor' }]], -0.6],
    [[['purchase'], ['order_cancel']], 0.3],
    [[['rate', { rating: 4 }], ['dismiss']], 0.5],
    [[['rate', { rating: 5 }], ['rate', { rating: 2 }]], -0.5],
  ];
  for (const [events, expected] of cases) {
    const rows = new ContentRules([item('a')]).interactions(events.map(([type, fields], n) => ({ item: 'a', type, ts: NOW_MS + n, ...fields })));
    assert.equal(rows.length, 1, JSON.stringify(events));
    assert.ok(Math.abs(rows[0].intensity - expected) < 1e-9, `${JSON.stringify(events)}: ${rows[0].intensity}`);
  }
  const neutral = ['impression', 'search', 'compare', 'of the shop', 'constructor'].map((type) => viewed('a', { type }));
  assert.deepEqual(new ContentRules([item('a')]).interactions([...neutral, viewed('unknown')]), []);
  const again = [viewed('hat'), viewed('dress'), viewed('hat', { ts: NOW_MS + 5 })];
  assert.deepEqual(new ContentRules(WARDROBE).interactions(again).map((row) => [row.item, row.time_ms]), [['dress', NOW_MS], ['hat', NOW_MS + 5]]);
});

test('a reason names what was done with the item that speaks most for a row, if much is shared', () => {
  const reasons = (events, options, neverNamed) =>
    new ContentRules(BOUTIQUE, neverNamed).recommend(events, { k: 10, now_ms: NOW_MS, ...options }).map((row) => row.reason);
  // Two coats of ten items share 0.5 · 0.8, two of one brand 0.2 · 0.8.
  const BOUTIQUE = [
    item('coat', { category: ['Coats'], brand: 'X' }), item('parka', { category: ['Coats'] }), item('bag', { category: ['Bags'], brand: 'X' }),
    ...Array.from({ length: 7 }, (_, index) => item(`other-${index}`, { category: [`Other ${index}`] })),
  ];
  const kinds = { view: 'viewed', wishlist_add: 'saved', cart_add: 'cart', purchase: 'bought' };
  for (const [type, kind] of Object.entries(kinds)) {
    const [parka, bag] = reasons([viewed('coat', { type })]);
    assert.deepEqual(parka, { kind, item: 'coat', title: 'The coat' });
    assert.equal(bag, undefined, 'a brand is too little');
  }
  assert.equal(reasons([viewed('coat', { type: 'rate', rating: 5 })])[0].kind, 'liked');
  assert.equal(reasons([], { seed: 'coat' })[0].kind, 'viewed');
  // Positive by the rules, and still nothing to remind anybody of.
  assert.deepEqual(reasons([viewed('coat', { type: 'order_cancel' })]), [undefined, undefined]);
  const wrong = [viewed('coat', { type: 'purchase' }), viewed('coat', { type: 'return' })];
  assert.deepEqual(reasons(wrong, { candidates: ['parka'] }), [undefined]);
  assert.deepEqual(reasons(wrong, { seed: 'coat' }), [undefined, undefined], 'not on its own page either');
  assert.equal(reasons([viewed('coat', { type: 'dwell', dwell_ms: 900 })], { seed: 'coat' })[0].kind, 'viewed');
  assert.deepEqual(reasons([viewed('coat', { type: 'rate', rating: 1 })], { seed: 'coat' }), [undefined, undefined]);
  assert.deepEqual(reasons([viewed('coat')], {}, ['Coats']), [undefined, undefined], 'what the shop keeps to itself');
  // Much alike without a category: the one that is met may not be named, nor may the one that is shown.
  const alike = { brand: 'X', attrs: { colour: 'red' } };
  const quiet = [item('a', { ...alike, category: ['Health'] }), item('b', alike), ...Array.from({ length: 8 }, (_, index) => item(`c${index}`))];
  const said = (id) => new ContentRules(quiet, ['Health']).recommend([viewed(id)], { k: 1, now_ms: NOW_MS })[0].reason;
  assert.deepEqual([said('a'), said('b')], [undefined, undefined]);
  assert.equal(new ContentRules(quiet).recommend([viewed('a')], { k: 1, now_ms: NOW_MS })[0].reason.item, 'a');
});
