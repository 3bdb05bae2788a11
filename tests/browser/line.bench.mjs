// How long does a visitor with a slow line wait for the engine? The demo shop in Chromium, through a proxy that is slow.
//
//   node line.bench.mjs ROUND_TRIP_MS MEGABIT_PER_SECOND BUNDLE…     BUNDLE: folders like `web/dist`, in turn
//
// Bytes wait for their turn on one line, and text is compressed, as a shop's server would; `runs/demo` is that of the last
// demo. The time is the worker's own, from `open` to an engine that answers.

import { spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { launch, openPage } from './helper.mjs';
import { engineReady } from './mount.mjs';

const RUNS = 5;
/** As much is sent in one go. */
const PIECE_BYTES = 8192;
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const [roundTrip_ms, megabits, ...bundles] = process.argv.slice(2);
const bytesPerMs = (Number(megabits) * 1e6) / 8 / 1000;

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
/** @type {Map<string, Buffer>} */
const compressed = new Map();
/** When the line has sent all that it was given. */
let free_ms = 0;

function smaller(body, key) {
  if (!compressed.has(key)) compressed.set(key, brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
  return compressed.get(key);
}

/** Hands a request on to the trainer's server, and its answer back, as slowly as the line is. */
async function pass(port, asked, response, bundle) {
  await sleep(Number(roundTrip_ms));
  const { url, method, headers } = asked;
  const answer = await new Promise((resolve, reject) => request({ port, path: url, method, headers }, resolve).on('error', reject).end());
  const { 'content-length': length, ...kept } = answer.headers;
  let body = Buffer.concat(await answer.toArray());
  const isText = /javascript|json|wasm|html|css|svg/.test(kept['content-type'] ?? '');
  if (isText) body = smaller(body, `${bundle} ${url}`);
  response.writeHead(answer.statusCode, { ...kept, ...(isText && { 'content-encoding': 'br' }) });
  for (let at = 0; at < body.length; at += PIECE_BYTES) {
    const piece = body.subarray(at, at + PIECE_BYTES);
    free_ms = Math.max(free_ms, performance.now()) + piece.length / bytesPerMs;
    await sleep(free_ms - performance.now());
    response.write(piece);
  }
  response.end();
}

async function measure(browser, bundle) {
  const server = spawn(process.env.VITRINE_TRAINER, [
    'serve', join(REPOSITORY, 'runs/demo/package'), '--port', '0', '--www', join(REPOSITORY, 'www'), '--bundle', bundle,
  ]);
  const { port } = new URL(await new Promise((resolve) => server.stdout.once('data', (line) => resolve(String(line).trim()))));
  const proxy = createServer((asked, response) => pass(port, asked, response, bundle).catch(() => response.destroy()));
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { context, page } = await openPage(browser);
  try {
    await page.goto(`http://127.0.0.1:${proxy.address().port}/`);
    await engineReady(page);
    const { took_ms } = await page.evaluate(() => document.querySelector('vitrine-recs').recommender.diagnostics());
    return took_ms.engine;
  } finally {
    await context.close();
    proxy.close();
    server.kill();
  }
}

const browser = await launch();
try {
  const waits = bundles.map(() => []);
  for (let run = 0; run < RUNS; run += 1) {
    for (const [at, bundle] of bundles.entries()) waits[at].push(await measure(browser, bundle));
  }
  for (const [at, bundle] of bundles.entries()) {
    const sorted = waits[at].toSorted((a, b) => a - b).map((ms) => ms.toFixed(0));
    console.log(`${bundle}: ${sorted[RUNS >> 1]} ms until the engine is there (${sorted.join(', ')})`);
  }
} finally {
  await browser.close();
}
