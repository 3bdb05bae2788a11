// Is what the build writes what the package promises? Names, sizes, hashes, and what it refuses.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build, ENTRIES, SOURCE, table } from './build.mjs';
import * as wrapper from '../js/wrapper.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const run = promisify(execFile);

let folder;
let out;
let sizes;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-kit-'));
  out = join(folder, 'dist');
  sizes = await build({ out });
});
after(() => rm(folder, { recursive: true }));

/** A copy of the sources in which some are changed. */
async function changed(changes) {
  const source = await mkdtemp(join(folder, 'source-'));
  await cp(SOURCE, source, { recursive: true });
  for (const [name, change] of Object.entries(changes)) {
    if (change === null) await rm(join(source, name));
    else await writeFile(join(source, name), change(await readFile(join(source, name), 'utf8').catch(() => '')));
  }
  return { source, out: `${source}-dist` };
}

test('the package is these files and no others', async () => {
  const names = (await readdir(out)).filter((name) => !name.endsWith('.map')).sort();
  assert.deepEqual(names, [
    'LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'catalogue-ids.js', 'custom-elements.json', 'debug.js', 'integrity.json', 'integrity.mjs',
    'older-navigation.js', 'package.json', 'privacy.js', 'react.d.ts', 'react.js', 'recorder.js', 'sources.js', 'take-away.js',
    'template.js', 'vitrine.d.ts', 'vitrine.js', 'vue.d.ts', 'vue.js', 'watching.js', 'worker.js',
  ]);
});

test('recorder, widget and worker are as small as promised', async () => {
  console.log(table(sizes));
  for (const [name, limit] of [['recorder.js', 4_000], ['vitrine.js', 10_000], ['worker.js', 15_000]]) {
    const bytes = gzipSync(await readFile(join(out, name)), { level: 9 }).length;
    assert.ok(bytes <= limit, `${name} has ${bytes} bytes of gzip, ${limit} are promised`);
    assert.equal(sizes.find((each) => each.name === name).gzip_bytes, bytes);
  }
});

test('a build above a limit fails and says which file', async () => {
  // Random letters, which no compression makes smaller.
  const weight = Array.from({ length: 400 }, (_, index) => createHash('sha512').update(String(index)).digest('hex')).join('');
  const { source, out: heavy } = await changed({ 'recorder.js': (code) => `${code}\nexport const weight = '${weight}';` });
  const { large } = await build({ source, out: heavy }).then((all) => ({ large: all.filter(({ gzip_bytes, limit_bytes }) => gzip_bytes > limit_bytes) }));
  assert.deepEqual(large.map(({ name }) => name), ['recorder.js']);
  assert.match(table(large), /recorder\.js .* too large/);
});

test('hashes are those of the files, by another program\'s reckoning', async () => {
  const hashes = JSON.parse(await readFile(join(out, 'integrity.json'), 'utf8'));
  assert.deepEqual(Object.keys(hashes), Object.keys(ENTRIES).sort());
  for (const [name, hash] of Object.entries(hashes)) {
    const { stdout } = await run('openssl', ['dgst', '-sha384', '-binary', join(out, name)], { encoding: 'buffer' });
    assert.equal(hash, `sha384-${stdout.toString('base64')}`);
  }
});

test('the same sources make the same files, wherever they are built, and no path of this machine is in them', async () => {
  const other = join(folder, 'somewhere/else');
  await build({ out: other });
  for (const name of await readdir(out)) {
    const bytes = await readFile(join(out, name));
    assert.ok(bytes.equals(await readFile(join(other, name))), `${name} differs`);
    const text = bytes.toString('utf8');
    for (const path of [join(HERE, '../..'), folder, tmpdir()]) assert.ok(!text.includes(path), `${name} holds ${path}`);
  }
});

test('the build that `cargo xtask wasm` names is in the worker', async () => {
  const named = join(folder, 'named');
  await mkdir(named);
  await writeFile(join(named, 'build.js'), "export const BUILD = '0123456789abcdef';\n");
  await build({ out: named });
  assert.match(await readFile(join(named, 'worker.js'), 'utf8'), /0123456789abcdef/);
  assert.match(await readFile(join(out, 'worker.js'), 'utf8'), /unbuilt/);
});

test('plain sources that lay there before are taken away, the wasm beside them stays', async () => {
  const dist = join(folder, 'copied');
  await cp(SOURCE, dist, { recursive: true });
  await mkdir(join(dist, 'cpu'));
  await writeFile(join(dist, 'cpu/web.js'), 'export default 1;');
  await build({ out: dist });
  const names = await readdir(dist, { recursive: true });
  assert.ok(names.includes('cpu/web.js'));
  assert.ok(names.includes('build.js'));
  assert.ok(!names.includes('recommender.js'));
  assert.ok(!names.includes('sources'));
  assert.ok('cpu/web.js' in JSON.parse(await readFile(join(dist, 'integrity.json'), 'utf8')));
});

test('what is missing, repeated or leads nowhere is refused by name', async () => {
  await assert.rejects(build(await changed({ 'privacy.js': null })), /privacy\.js is missing/);
  // The page would have two of what must be one.
  const repeated = await changed({
    'counter.js': () => 'export let count = 0; export const more = () => (count += 1);',
    'privacy.js': (code) => `${code}\nimport { more } from './counter.js'; globalThis.more1 = more;`,
    'debug.js': (code) => `${code}\nimport { more } from './counter.js'; globalThis.more2 = more;`,
  });
  await assert.rejects(build(repeated), /counter\.js is in privacy\.js and debug\.js/);
  const dead = await changed({ 'debug.js': (code) => `${code}\nexport const address = new URL('./nowhere.js', import.meta.url).href;` });
  await assert.rejects(build(dead), /debug\.js asks for nowhere\.js/);
  const moved = await changed({ 'sources/ga4.js': (code) => `${code}\nexport const here = import.meta.url;` });
  await assert.rejects(build(moved), /sources\/ga4\.js uses import\.meta/);
});

test('npm takes the whole package, and every name that package.json exports is a file', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json'], { cwd: out });
  const files = JSON.parse(stdout)[0].files.map(({ path }) => path);
  for (const name of await readdir(out)) assert.ok(files.includes(name), `${name} is not packed`);
  const { exports } = JSON.parse(await readFile(join(out, 'package.json'), 'utf8'));
  const targets = Object.values(exports).flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)));
  for (const target of targets) assert.ok(files.includes(target.slice(2)), `${target} is no file`);
});

test('bundlers leave the kit\'s address alone: their comments are still there', async () => {
  for (const name of ['react.js', 'vue.js']) {
    const code = await readFile(join(out, name), 'utf8');
    assert.match(code, /webpackIgnore: true/);
    assert.match(code, /@vite-ignore/);
  }
  assert.match(await readFile(join(out, 'react.js'), 'utf8'), /^"use client";/);
  // Bundlers know a worker by exactly these words.
  assert.match(await readFile(join(out, 'vitrine.js'), 'utf8'), /new Worker\(new URL\("\.\/worker\.js",import\.meta\.url\),\{type:"module"\}\)/);
});

test('the wrappers know every attribute, property and event of the element', async () => {
  const { modules } = JSON.parse(await readFile(join(out, 'custom-elements.json'), 'utf8'));
  const element = modules.flatMap(({ declarations = [] }) => declarations).find(({ tagName }) => tagName === 'vitrine-recs');
  for (const { name } of element.attributes) {
    if (['package', 'catalog'].includes(name) || name.startsWith('data-')) continue;
    const camel = name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
    assert.deepEqual(wrapper.attributesOf({ [camel]: true }), { [name]: name === 'consent' ? 'granted' : '' }, `${name} is not known`);
  }
  assert.deepEqual(Object.values(wrapper.EVENTS).sort(), element.events.map(({ name }) => name).sort());
  const writable = element.members.filter(({ kind, readonly, privacy }) => kind === 'field' && !readonly && (privacy ?? 'public') === 'public');
  assert.deepEqual([...wrapper.PROPERTIES].sort(), writable.map(({ name }) => name).sort());
});

test('types are right for a TypeScript shop, and wrong use is an error', async () => {
  await cp(join(HERE, 'apps/types.tsx'), join(out, 'types.tsx'));
  try {
    const tsc = join(HERE, 'node_modules/typescript/bin/tsc');
    const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--jsx', 'react-jsx', '--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2022'];
    const modules = ['react', 'react/*', 'vue', 'csstype', '@vue/*'];
    const config = {
      compilerOptions: { types: [], paths: Object.fromEntries(modules.map((name) => [name, [join(HERE, 'node_modules', name.startsWith('react') ? `@types/${name}` : name)]])) },
      files: ['types.tsx'],
    };
    await writeFile(join(out, 'tsconfig.json'), JSON.stringify(config));
    await run(process.execPath, [tsc, '--project', out, ...flags]).catch(({ stdout }) => assert.fail(stdout));
  } finally {
    await rm(join(out, 'types.tsx'));
    await rm(join(out, 'tsconfig.json'), { force: true });
  }
});
