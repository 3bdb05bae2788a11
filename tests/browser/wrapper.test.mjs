// Do the wrappers hand on what a framework gives them? What both share, without a framework.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attributesOf } from '../../web/js/wrapper.js';
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
