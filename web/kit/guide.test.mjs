// Is what docs/EMBED.md says true of the code? Every name in it, every size, every link.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EVENT_TYPES } from '../js/event.js';
import { ERROR_CODES } from '../js/protocol.js';
import { SOURCES } from '../js/sources.js';
import { recorder } from '../js/recorder.js';
import { build, SOURCE } from './build.mjs';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

let guide;
let code;
before(async () => {
  guide = await readFile(join(REPOSITORY, 'docs/EMBED.md'), 'utf8');
  const names = (await readdir(SOURCE, { recursive: true })).filter((name) => name.endsWith('.js'));
  code = (await Promise.all(names.map((name) => readFile(join(SOURCE, name), 'utf8')))).join('\n');
});

/** The part below a heading of the second level. */
function section(title) {
  const [, text] = guide.match(new RegExp(`\\n## ${title}\\n([\\s\\S]*?)(?=\\n## |$)`)) ?? [];
  assert.ok(text, `there is no section ${title}`);
  return text;
}

/** What stands in backticks in the first column of the tables. */
function firstColumn(text) {
  const cells = [...text.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell]) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
}

test('every attribute, variable, part and event of the row is in its code, and none is missing from the guide', async () => {
  const { VitrineRecs } = await import('../js/recs-element.js');
  const documented = firstColumn(section('Paste'));
  const reasons = [...section('Paste').matchAll(/`(reason-\w+)`/g)].map(([, name]) => name);
  for (const name of [...documented, ...reasons]) assert.match(code, new RegExp(`'${name}'|\\.${name}\\b`), `${name} is in no code`);
  // What the row marks on itself, nobody writes.
  for (const name of VitrineRecs.observedAttributes.filter((each) => !each.startsWith('data-'))) assert.ok([...documented, ...reasons].includes(name), `${name} is not in the guide`);

  const variables = new Set([...guide.matchAll(/--vitrine-[a-z-]+/g)].map(([name]) => name));
  for (const name of variables) assert.ok(code.includes(`var(${name}`), `${name} is in no code`);
  const [, parts] = section('Style').match(/Parts: `([^`]+)`/);
  const { modules } = JSON.parse(await readFile(join(SOURCE, 'custom-elements.json'), 'utf8'));
  const row = modules.flatMap(({ declarations = [] }) => declarations).find(({ tagName }) => tagName === 'vitrine-recs');
  assert.deepEqual(parts.split(' ').sort(), row.cssParts.map(({ name }) => name).sort());
  for (const { name } of row.cssProperties) assert.ok(variables.has(name), `${name} is not in the guide`);
  for (const { name } of row.events) assert.ok(guide.includes(name), `${name} is not in the guide`);
  for (const [, name] of guide.matchAll(/\b(vitrine-(?:ready|answer|impression|click|error))\b/g)) assert.ok(code.includes(`'${name}'`), `${name} is never told`);
  for (const [, name] of guide.matchAll(/data-slot="(\w+)"/g)) assert.match(code, new RegExp(`\\b${name}\\b`));
});

test('every attribute of the shop\'s markup and of the recorder\'s tag is one that is read', () => {
  for (const [, name] of guide.matchAll(/\bdata-vitrine-([a-z]+)/g)) {
    assert.match(code, new RegExp(`data-vitrine-${name}|vitrine${name[0].toUpperCase()}${name.slice(1)}`), `data-vitrine-${name} is in no code`);
  }
  const read = /const \{ ([^}]+) \} = tag\.dataset/.exec(code)[1].split(',').map((each) => each.split(':')[0].trim());
  const used = [...guide.matchAll(/\bdata-(consent|sources|watch|events)\b/g)].map(([, name]) => name);
  assert.deepEqual([...new Set(used)].sort(), read.sort());
});

test('types, fields, sources, error codes and methods are those of the code', async () => {
  const events = section('Events');
  assert.deepEqual(events.match(/Types: `([^`]+)`/)[1].split(' ').sort(), [...EVENT_TYPES].sort());
  const fields = events.match(/Fields: `([^`]+)`/)[1].split(' ');
  const checked = await readFile(join(SOURCE, 'event.js'), 'utf8');
  for (const name of fields) assert.match(checked, new RegExp(`\\b${name}\\b`));
  assert.deepEqual(firstColumn(events).sort(), Object.keys(SOURCES).sort());
  const codes = firstColumn(section('Troubleshooting')).filter((name) => name.includes('_'));
  assert.deepEqual([...codes].sort(), [...ERROR_CODES].sort());
  const [, methods] = section('Your own code').match(/The recorder: ([^.]+)\./);
  for (const [, name] of methods.matchAll(/`(\w+)`/g)) assert.ok(name in recorder, `the recorder has no ${name}`);
  const recommender = await readFile(join(SOURCE, 'recommender.js'), 'utf8');
  for (const [, name] of section('Your own code').matchAll(/recommender\.(\w+)\(/g)) {
    assert.ok(name === 'addEventListener' || new RegExp(`^  (async )?${name}\\(`, 'm').test(recommender), `the recommender has no ${name}`);
  }
  const words = await readFile(join(SOURCE, 'privacy-words.js'), 'utf8');
  for (const [, key] of section('Privacy panel').matchAll(/text-(\w+)=/g)) assert.match(words, new RegExp(`\\b${key}:`));
});

test('sizes are those of the build, to a tenth of them', async () => {
  const out = await mkdtemp(join(tmpdir(), 'vitrine-kit-'));
  try {
    const sizes = new Map((await build({ out })).map((size) => [size.name, size]));
    const rows = [...section('Serving').matchAll(/^\| `([\w-]+\.js)` \| ([\d.]+) kB \| ([\d.]+) kB \|/gm)];
    const shown = rows.map(([, name]) => name);
    for (const name of sizes.keys()) assert.ok(shown.includes(name) || ['react.js', 'vue.js'].includes(name), `${name} is not in the guide`);
    for (const [, name, minified_kb, gzip_kb] of rows) {
      const { minified_bytes, gzip_bytes } = sizes.get(name);
      for (const [said, bytes] of [[minified_kb, minified_bytes], [gzip_kb, gzip_bytes]]) {
        const kb = bytes / 1000;
        assert.ok(Math.abs(said - kb) <= Math.max(0.1 * kb, 0.06), `${name}: ${kb} kB, the guide says ${said}`);
      }
    }
  } finally {
    await rm(out, { recursive: true });
  }
});

test('every link leads somewhere', async () => {
  const slug = (title) => title.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-');
  for (const page of ['EMBED.md', 'DATA.md']) {
    const text = (await readFile(join(REPOSITORY, 'docs', page), 'utf8')).replace(/^```[\s\S]*?^```$/gm, '');
    for (const [, target] of text.matchAll(/\]\(([^)]+)\)/g)) {
      const [file, anchor] = target.startsWith('#') ? [page, target.slice(1)] : target.split('#');
      assert.ok(existsSync(join(REPOSITORY, 'docs', file)), `${target} in ${page} is not there`);
      if (anchor === undefined) continue;
      const headings = (await readFile(join(REPOSITORY, 'docs', file), 'utf8')).matchAll(/^#+ (.+)$/gm);
      assert.ok([...headings].some(([, title]) => slug(title) === anchor), `${target} in ${page} is no heading`);
    }
  }
});
