// Does the browser read a text as the trainer does? Against the tokenizers package (tests/golden/tokenizer.py).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { tokenizer } from '../../web/js/tokenizer.js';

const { tokenizer: description, cases } = JSON.parse(readFileSync(new URL('../fixtures/tokenizer.json', import.meta.url), 'utf8'));

test('texts are cut into the tokens of the tokenizers package', () => {
  const encode = tokenizer(JSON.stringify(description));
  assert.ok(cases.length > 300);
  for (const { text, tokens } of cases) assert.deepEqual([...encode(text)], tokens, JSON.stringify(text));
});

test('merges may be written as pairs or as words', () => {
  const merges = description.model.merges.map((pair) => [pair].flat().join(' '));
  const encode = tokenizer(JSON.stringify({ ...description, model: { ...description.model, merges } }));
  for (const { text, tokens } of cases.slice(0, 40)) assert.deepEqual([...encode(text)], tokens);
});

test('a tokenizer of another kind is refused, and so is what is none', () => {
  const other = (fields) => () => tokenizer(JSON.stringify({ ...description, ...fields }));
  assert.throws(other({ model: { type: 'Unigram' } }), { code: 'bad_request' });
  assert.throws(other({ normalizer: null }), { code: 'bad_request' });
  assert.throws(other({ pre_tokenizer: { type: 'Metaspace' } }), { code: 'bad_request' });
  assert.throws(() => tokenizer('{}'), { code: 'bad_request' });
});
