// How does the npm package come to be? The plain modules of web/js, minified into a few files with fixed names.
//
//   node build.mjs OUT     writes the package into OUT, beside the folders cpu/ and gpu/; `cargo xtask kit` does it in web/dist
//
// A module that keeps something for the whole page (the recorder, the recommenders) must be in one file only: files
// refer to each other where the sources do, and the build refuses to repeat what is not known to be repeatable.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';

const HERE = dirname(fileURLToPath(import.meta.url));
const REPOSITORY = join(HERE, '../..');
export const SOURCE = join(REPOSITORY, 'web/js');

/** Each file that is served under a name of its own, and how large it may be (bytes of gzip -9). */
export const ENTRIES = {
  'recorder.js': 4_000,
  'vitrine.js': 10_000,
  'worker.js': 15_000,
  'take-away.js': Infinity,
  'watching.js': Infinity,
  'sources.js': Infinity,
  'catalogue-ids.js': Infinity,
  'template.js': Infinity,
  'older-navigation.js': Infinity,
  'privacy.js': Infinity,
  'debug.js': Infinity,
  'react.js': Infinity,
  'vue.js': Infinity,
};

/** What bundlers read and minify themselves; the comments by which they leave an address alone must arrive there. */
const FOR_BUNDLERS = ['react.js', 'vue.js'];

/** Modules without any state, which more than one file may hold. Everything else is in one file, or the build fails. */
const REPEATABLE = new Set(['dom.js', 'event.js', 'format.js', 'id.js', 'keep.js', 'page-queue.js', 'protocol.js', 'requests.js', 'wrapper.js']);

/** Modules that keep something for the whole page, and the file that exports what others need of them. */
const HOMES = { 'recommender.js': 'vitrine.js' };

const COPIES = ['vitrine.d.ts', 'react.d.ts', 'vue.d.ts', 'custom-elements.json', 'package.json'];

/**
 * @param {{source?: string, out: string}} options
 * @returns {Promise<{name: string, minified_bytes: number, gzip_bytes: number, limit_bytes: number}[]>}  sizes of the entries
 */
export async function build({ source = SOURCE, out }) {
  for (const name of [...Object.keys(ENTRIES), ...COPIES]) {
    if (!existsSync(join(source, name))) throw new Error(`${name} is missing in the sources`);
  }
  await mkdir(out, { recursive: true });
  /** Which files hold a module. @type {Map<string, string[]>} */
  const holders = new Map();
  const sizes = [];
  for (const [name, limit_bytes] of Object.entries(ENTRIES)) {
    const { code, map, modules } = await bundle(source, name, out);
    for (const each of modules) holders.set(each, [...(holders.get(each) ?? []), name]);
    await writeFile(join(out, name), code);
    await writeFile(join(out, `${name}.map`), map);
    sizes.push({ name, minified_bytes: code.length, gzip_bytes: gzipSync(code, { level: 9 }).length, limit_bytes });
  }
  refuseRepetition(holders);
  for (const name of COPIES) await copyFile(join(source, name), join(out, name));
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) await copyFile(join(REPOSITORY, name), join(out, name));
  await copyFile(join(HERE, 'integrity.mjs'), join(out, 'integrity.mjs'));
  // Links into the repository lead nowhere from inside a package.
  const guide = await readFile(join(REPOSITORY, 'docs/EMBED.md'), 'utf8');
  await writeFile(join(out, 'README.md'), guide.replace(/\[([^\]]+)\]\((?!#|https?:)[^)]+\)/g, '$1'));
  await removeSources(source, out);
  await refuseDeadAddresses(out);
  await writeFile(join(out, 'integrity.json'), `${JSON.stringify(await integrity(out), null, 2)}\n`);
  return sizes;
}

/**
 * One file: its own modules inside, the other files by their names.
 *
 * @param {string} source
 * @param {string} name
 * @param {string} out
 */
async function bundle(source, name, out) {
  const files = {
    name: 'files',
    setup(/** @type {esbuild.PluginBuild} */ { onResolve, onLoad }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir, kind }) => {
        if (kind === 'entry-point') return undefined;
        const module = relative(source, resolve(resolveDir, path));
        const file = module in ENTRIES ? module : HOMES[module];
        return file && file !== name ? { path: `./${file}`, external: true } : undefined;
      });
      // What the page brings along, and what only the worker knows the address of.
      onResolve({ filter: /^[^.]/ }, ({ path, kind }) => (kind === 'entry-point' ? undefined : { path, external: true }));
      onLoad({ filter: /\.js$/ }, async ({ path }) => {
        // Which build this is, is written beside the bundles by `cargo xtask wasm`.
        const written = join(out, 'build.js');
        if (relative(source, path) === 'build.js' && existsSync(written)) return { contents: await readFile(written, 'utf8') };
        const contents = await readFile(path, 'utf8');
        if (contents.includes('import.meta') && dirname(path) !== source) {
          throw new Error(`${relative(source, path)} uses import.meta, which means another folder once it is built`);
        }
        return { contents: await withSmallStyles(contents) };
      });
    },
  };
  const result = await esbuild.build({
    entryPoints: [join(source, name)], outdir: out, absWorkingDir: source, write: false, bundle: true, metafile: true,
    minify: !FOR_BUNDLERS.includes(name), format: 'esm', target: 'es2022', charset: 'utf8', legalComments: 'none', sourcemap: 'external',
    plugins: [files], logLevel: 'silent',
  });
  const output = (/** @type {string} */ end) => result.outputFiles.find(({ path }) => path.endsWith(end));
  const map = JSON.parse(output('.map').text);
  // Relative to wherever the package was built; a map says where a module lies in the sources.
  map.sources = map.sources.map((/** @type {string} */ each) => `vitrine/${relative(source, resolve(out, each))}`);
  const [, { inputs }] = Object.entries(result.metafile.outputs).find(([path]) => path.endsWith('.js'));
  const modules = Object.keys(inputs).filter((each) => inputs[each].bytesInOutput > 0);
  return { code: output('.js').contents, map: JSON.stringify(map), modules };
}

/** Style sheets are templates to JavaScript, which leaves their spaces and comments alone. */
async function withSmallStyles(/** @type {string} */ code) {
  const parts = code.split(/(?<=styleSheet\(`)([^`]*)(?=`\))/);
  for (let index = 1; index < parts.length; index += 2) {
    if (/[$\\]/.test(parts[index])) throw new Error('a style sheet is text alone, without values or escapes');
    const { code: small } = await esbuild.transform(parts[index], { loader: 'css', minify: true, charset: 'utf8' });
    parts[index] = small.trim().replace(/[`\\]/g, '\\$&');
  }
  return parts.join('');
}

/** @param {Map<string, string[]>} holders */
function refuseRepetition(holders) {
  for (const [module, names] of holders) {
    // The worker is a world of its own: what it holds is never the page's.
    const inPage = names.filter((name) => name !== 'worker.js');
    if (inPage.length < 2 || REPEATABLE.has(module)) continue;
    throw new Error(`${module} is in ${inPage.join(' and ')}: it belongs to one of them, or among the repeatable ones of build.mjs`);
  }
}

/** What was copied there as plain sources (`cargo xtask demo` needs no Node) is inside the files now. */
async function removeSources(/** @type {string} */ source, /** @type {string} */ out) {
  const kept = new Set([...Object.keys(ENTRIES), ...COPIES, 'build.js']);
  for (const name of await readdir(source, { recursive: true })) {
    if (/\.(js|ts|json)$/.test(name) && !kept.has(name)) await rm(join(out, name), { force: true });
  }
  for (const entry of await readdir(source, { withFileTypes: true })) {
    // A folder that is left empty; one that is not, or is not there, stays as it is.
    if (entry.isDirectory()) await rmdir(join(out, entry.name)).catch(() => {});
  }
}

/** A module that names another by `new URL('./x.js', import.meta.url)` finds it only if it is a file of the package. */
async function refuseDeadAddresses(/** @type {string} */ out) {
  for (const name of Object.keys(ENTRIES)) {
    const code = await readFile(join(out, name), 'utf8');
    for (const [, address] of code.matchAll(/["'`]\.\/([\w-]+\.js)["'`]/g)) {
      if (!(address in ENTRIES)) throw new Error(`${name} asks for ${address}, which is no file of the package`);
    }
  }
}

/** The hash of every file that a browser loads, as `integrity` attributes want it. */
async function integrity(/** @type {string} */ out) {
  const names = (await readdir(out, { recursive: true })).filter((name) => /\.(js|wasm)$/.test(name) && name !== 'build.js').sort();
  const hashes = names.map(async (name) => {
    const hash = createHash('sha384').update(await readFile(join(out, name))).digest('base64');
    return [name.replaceAll('\\', '/'), `sha384-${hash}`];
  });
  return Object.fromEntries(await Promise.all(hashes));
}

/** @param {{name: string, minified_bytes: number, gzip_bytes: number, limit_bytes: number}[]} sizes */
export function table(sizes) {
  const rows = sizes.map(({ name, minified_bytes, gzip_bytes, limit_bytes }) => [
    name, minified_bytes, gzip_bytes, Number.isFinite(limit_bytes) ? limit_bytes : '', gzip_bytes > limit_bytes ? 'too large' : '',
  ]);
  const all = [['file', 'minified', 'gzip -9', 'limit', ''], ...rows];
  const line = ([name, ...cells]) => String(name).padEnd(18) + cells.map((cell) => String(cell).padStart(10)).join('');
  return all.map((row) => line(row).trimEnd()).join('\n');
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const out = process.argv[2];
  if (!out) {
    console.error(`usage: node ${basename(process.argv[1])} OUT`);
    process.exit(2);
  }
  try {
    const sizes = await build({ out: resolve(out) });
    console.log(table(sizes));
    const large = sizes.filter(({ gzip_bytes, limit_bytes }) => gzip_bytes > limit_bytes);
    if (large.length > 0) {
      console.error(`error: ${large.map(({ name }) => name).join(', ')} above the limit`);
      process.exit(1);
    }
  } catch (cause) {
    console.error(`error: ${cause.message}`);
    process.exit(2);
  }
}
