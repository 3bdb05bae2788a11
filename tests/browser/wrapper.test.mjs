// Do the wrappers hand on what a framework gives them? What both share, without a framework.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attributesOf, begin } from '../../web/js/wrapper.js';
import { eventually } from './helper.mjs';
import { inShop, observe } from './mount.mjs';

const { visit } = inShop({ beginAt: '/pages/shop.html' });

test('a shop that asks for consent itself says yes or no', () => {
  assert.deepEqual([true, false, 'tcf', undefined].map((consent) => attributesOf({ consent }).consent), ['granted', 'denied', 'tcf', undefined]);
});

test('what only passed by is nothing to go by, as in the element', async () => {
  await visit.page.evaluate(async () => {
    const { follow } = await import('/vitrine/wrapper.js');
    window.told = [];
    follow({ package: '/vitrine/model/', k: 3 }, ({ recommendations, info }) => window.told.push({ count: recommendations.length, tier: info?.tier }));
  });
  const told = () => visit.page.evaluate(() => window.told);
  await eventually(told, (answers) => answers.at(-1)?.tier === 2, 'the engine');
  const before = (await told()).length;
  await observe(visit.page, { item: 'bag-ink', type: 'impression' });
  await eventually(told, ({ length }) => length > before, 'the next answer');
  assert.ok((await told()).every(({ count }) => count === 0));
  await observe(visit.page, { item: 'bag-ink', type: 'view' });
  await eventually(told, (answers) => answers.at(-1).count === 3, 'recommendations');
});

test('a list that a shop changes in place reaches the element, and the same again does not', () => {
  const set = [];
  const element = { setAttribute() {}, removeAttribute() {}, getAttribute: () => null, set exclude(ids) { set.push([...ids]); } };
  const inCart = ['coat-07'];
  begin(element, { exclude: inCart });
  inCart.push('bag-02');
  begin(element, { exclude: inCart });
  begin(element, { exclude: [...inCart] });
  assert.deepEqual(set, [['coat-07'], ['coat-07', 'bag-02']]);
});

test('where there is no end of events the list follows all the same', async () => {
  const count = await visit.page.evaluate(async () => {
    const { follow } = await import('/vitrine/wrapper.js');
    const { observe } = await import('/vitrine/recorder.js');
    let answers = 0;
    follow({ package: '/vitrine/model/', k: 3 }, ({ recommendations }) => (answers += Number(recommendations.length > 0)));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    for (let turn = 0; turn < 60; turn += 1) {
      observe({ item: 'bag-ink', type: 'zoom', zoom: 2 });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return answers;
  });
  assert.ok(count >= 1 && count <= 8, `${count} answers within three seconds`);
});
