// How much faster than its peers, in one page on the same weights? Headless Chromium, one thread each.
//
// usage: node peers.bench.mjs FOLDER [--only NAME,…] [--bundles DIST]
//
// FOLDER holds what `cargo xtask peers` made: a model a folder, with package, hf, onnx, transformers and q8_0.gguf.
// results.json and report.html are written there. Names: text, compact10k, compact100k, catalogue1k, catalogue100k, gpu.

import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, platform, release } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launch, openPage, serve } from '../browser/helper.mjs';
import { bytes, modelBytes } from './bytes.mjs';
import { errors, TOLERANCE } from './figures.mjs';
import { markdown } from './markdown.mjs';
import { html } from './report.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const { positionals: [folder], values: { only, bundles } } = parseArgs({
  allowPositionals: true, options: { only: { type: 'string' }, bundles: { type: 'string', default: join(HERE, '../../web/dist') } },
});
const FOLDER = resolve(folder);
/** A page that hangs ends with its browser; the slowest takes some ten. */
const LIMIT_MINUTES = 40;
const PACKAGES = join(HERE, 'node_modules');

/** Where the page finds what, and which runtime it belongs to. */
const ROOTS = {
  '/vitrine/': [resolve(bundles), 'vitrine'],
  '/ort/': [join(PACKAGES, 'onnxruntime-web/dist'), 'onnxruntime'],
  '/transformers/': [join(PACKAGES, '@huggingface/transformers'), 'transformers'],
  '/transformers-ort/': [join(PACKAGES, '@huggingface/transformers/node_modules/onnxruntime-web/dist'), 'transformers'],
  '/wllama/': [join(PACKAGES, '@wllama/wllama'), 'wllama'],
};

/** Each in a page of its own. */
const SECTIONS = {
  text: { kind: 'text', model: 't5' },
  compact10k: { kind: 'compact', model: 'c10k' },
  compact100k: { kind: 'compact', model: 'c100k' },
  catalogue1k: { kind: 'catalogue', model: 't5-1k' },
  catalogue100k: { kind: 'catalogue', model: 't5-100k' },
  gpu: { kind: 'gpu', model: 't1', gpu: true },
};

const site = await serve({
  '/': join(HERE, '../browser/pages'), '/peers/': HERE, '/models/': FOLDER,
  ...Object.fromEntries(Object.entries(ROOTS).map(([prefix, [root]]) => [prefix, root])),
});

/** Files of this machine that the page asked for, by runtime. */
function asked(requests) {
  const files = {};
  for (const path of new Set(requests.map((request) => new URL(request.url()).pathname))) {
    const prefix = Object.keys(ROOTS).find((each) => path.startsWith(each));
    if (prefix) (files[ROOTS[prefix][1]] ??= []).push(join(ROOTS[prefix][0], path.slice(prefix.length)));
  }
  return files;
}

/** wllama's memory lies in its worker. */
async function workerMemory(page) {
  const sizes = await Promise.all(page.workers().map((worker) => worker.evaluate('globalThis.heldBytes?.() ?? 0')));
  return Math.max(0, ...sizes);
}

async function measure({ kind, model, gpu = false }) {
  const browser = await launch({ gpu });
  const limit = setTimeout(() => browser.close(), LIMIT_MINUTES * 60_000);
  try {
    // Two of the others start workers from blobs, which a page's policy would have to allow.
    const { page, requests, problems } = await openPage(browser, { bypassCSP: true });
    page.setDefaultTimeout(0);
    await page.goto(`${site.url}/bench.html`);
    const result = await page.evaluate(async ([kind, base]) => (await import('/peers/page.mjs'))[kind](base), [kind, `/models/${model}`]);
    const wllama = await workerMemory(page);
    if (wllama > 0) result.memory.wllama = wllama;
    const left = requests.map((request) => request.url()).filter((url) => !url.startsWith(site.url) && !url.startsWith('blob:') && !url.startsWith('data:'));
    if (left.length > 0) throw new Error(`the page asked for ${left[0]}`);
    return { ...result, problems, files: asked(requests), browser: browser.version() };
  } finally {
    clearTimeout(limit);
    await browser.close();
  }
}

async function versions() {
  const of = async (name) => JSON.parse(await readFile(join(PACKAGES, name, 'package.json'), 'utf8')).version;
  return {
    onnxruntime: await of('onnxruntime-web'), transformers: await of('@huggingface/transformers'), wllama: await of('@wllama/wllama'),
    'onnxruntime in transformers': await of('@huggingface/transformers/node_modules/onnxruntime-web'),
    vitrine: JSON.parse(await readFile(join(bundles, 'package.json'), 'utf8')).version,
  };
}

await mkdir(FOLDER, { recursive: true });
const results = {
  machine: {
    processor: cpus()[0].model, cores: cpus().length, system: `${platform()} ${release()}`, node: process.version,
    date: new Date().toISOString(), command: 'cargo xtask peers', load: loadavg()[0],
  },
  versions: await versions(), sections: {}, bytes: {}, models: await modelBytes(join(FOLDER, SECTIONS.text.model)),
};
const failed = [];
try {
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (only && !only.split(',').includes(name)) continue;
    console.error(`${name} …`);
    try {
      const { files, browser, ...measured } = await measure(section);
      results.machine.browser = `Chromium ${browser}`;
      results.sections[name] = measured;
      if (name === 'text' || name === 'gpu') {
        // The page talks to our bundle itself; a shop also loads the modules around it.
        const modules = (await readdir(bundles)).filter((file) => file.endsWith('.js')).map((file) => join(resolve(bundles), file));
        files.vitrine = [...new Set([...files.vitrine, ...modules])];
        results.bytes[name] = await bytes(files, join(FOLDER, 'bytes.json'));
      }
    } catch (error) {
      failed.push(name);
      results.sections[name] = { failure: error.message };
      console.error(`${name} failed: ${error.stack}`);
    }
  }
} finally {
  await site.close();
}
for (const { name, error } of errors(results)) if (!(error <= TOLERANCE)) failed.push(`${name}: wrong by ${error}`);
results.machine.load_after = loadavg()[0];
console.log(markdown(results));
await writeFile(join(FOLDER, 'results.json'), JSON.stringify(results, null, 1));
await writeFile(join(FOLDER, 'report.html'), html(results));
console.log(`\n${join(FOLDER, 'report.html')}`);
if (failed.length > 0) {
  console.error(`\nfailed: ${failed.join('; ')}`);
  process.exitCode = 1;
}
