// Is `custom-elements.json`, which editors and catalogues of components read, true of the classes?

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { VitrineDebug } from '../../web/js/debug-element.js';
import { VitrinePrivacy } from '../../web/js/privacy-element.js';
import { WORDS } from '../../web/js/privacy-words.js';
import { VitrineRecs } from '../../web/js/recs-element.js';

const read = (name) => readFile(new URL(`../../web/js/${name}`, import.meta.url), 'utf8');
const manifest = JSON.parse(await read('custom-elements.json'));
const declarations = manifest.modules.flatMap((module) => module.declarations);
const names = (list) => list.map(({ name }) => name).sort();
const found = (text, pattern) => [...new Set([...text.matchAll(pattern)].flatMap(([, ...groups]) => groups.filter(Boolean)))].sort();

/** Class, and the files that behaviour and look are in. */
const ELEMENTS = {
  'vitrine-recs': [VitrineRecs, ['recs-element.js', 'recs-view.js', 'entries.js', 'space.js']],
  'vitrine-privacy': [VitrinePrivacy, ['privacy-element.js', 'privacy-view.js']],
  'vitrine-debug': [VitrineDebug, ['debug-element.js', 'debug-view.js']],
};

for (const [tagName, [Class, files]] of Object.entries(ELEMENTS)) {
  const element = declarations.find((declaration) => declaration.tagName === tagName);
  const source = (await Promise.all(files.map(read))).join('\n');
  const own = element.attributes.filter(({ name }) => !/^(data|text)-/.test(name));

  test(`${tagName}: attributes are those that are observed or read`, () => {
    assert.equal(element.name, Class.name);
    const observed = Class.observedAttributes ?? [];
    const asked = found(source, /(?:getAttribute|hasAttribute|given|word)\('([a-z-]+)'/g);
    assert.deepEqual(names(own).filter((name) => !observed.includes(name) && !asked.includes(name)), [], 'named and never read');
    const known = new Set(names(element.attributes));
    assert.deepEqual([...observed, ...asked].filter((name) => !known.has(name)), [], 'read and not named');
  });

  test(`${tagName}: properties and methods are those of the class`, () => {
    const members = Object.getOwnPropertyNames(Class.prototype).filter((name) => !/^(constructor|.*Callback)$/.test(name));
    const fields = found(source, /^ {2}([a-z]\w+) = /gm);
    assert.deepEqual(names(element.members), [...members, ...fields].sort());
    for (const { kind, name, readonly } of element.members) {
      const descriptor = Object.getOwnPropertyDescriptor(Class.prototype, name);
      if (kind === 'method') assert.equal(typeof descriptor.value, 'function');
      else if (descriptor) assert.equal(Boolean(readonly), descriptor.set === undefined, name);
    }
  });

  test(`${tagName}: events are those that are fired`, () => {
    assert.deepEqual(names(element.events), found(source, /#fire\('(\w+)'/g).map((type) => `vitrine-${type}`));
  });

  test(`${tagName}: parts are those of the markup`, () => {
    const parts = found(source, /part: '([\w ]+)'|piece\([^']*'\w+', '([\w ]+)'|opens \? 'button' : 'span', '(\w+)'/g).flatMap((part) => part.split(' '));
    assert.deepEqual(names(element.cssParts), [...new Set(parts)].sort());
  });

  test(`${tagName}: variables are those of the style sheet`, () => {
    assert.deepEqual(names(element.cssProperties), found(source, /(--vitrine-[a-z-]+)/g));
  });
}

test('every text of the privacy panel is an attribute, and every fixed one a slot', async () => {
  const element = declarations.find(({ tagName }) => tagName === 'vitrine-privacy');
  assert.deepEqual(names(element.attributes.filter(({ name }) => name.startsWith('text-'))), Object.keys(WORDS).map((key) => `text-${key}`).sort());
  const view = await read('privacy-view.js');
  const slots = [...found(view, /text\(say, '([a-z-]+)'\)/g), ...found(view, /(?:section|fact|choice)\((?:say, )?'([a-z-]+)'/g)];
  assert.deepEqual(names(element.slots), ['', ...new Set(slots)].sort());
});

test('modules lead from the tag to the class', () => {
  assert.equal(manifest.schemaVersion, '1.0.0');
  for (const [tagName, [Class]] of Object.entries(ELEMENTS)) {
    const definition = manifest.modules.flatMap((module) => module.exports).find(({ kind, name }) => kind === 'custom-element-definition' && name === tagName);
    const module = manifest.modules.find(({ path }) => path === definition.declaration.module);
    assert.ok(module.exports.some(({ name, kind }) => kind === 'js' && name === Class.name));
  }
});
