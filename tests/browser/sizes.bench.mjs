// How does the whole kit answer as models grow? Packages of random weights in Chromium, through the public API.
//
//   node sizes.bench.mjs FOLDER NAME…     FOLDER/NAME/package
//
// The clock stands in the page: what is timed is what a shop's script waits for, the way to the worker and back included.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, openPage } from './helper.mjs';

const RUNS = 11;
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const [folder, ...names] = process.argv.slice(2);

const browser = await launch();
try {
  for (const name of names) console.log(`${name}: ${words(await measure(join(folder, name, 'package')))}`);
} finally {
  await browser.close();
}

async function measure(folder) {
  const server = spawn(process.env.VITRINE_TRAINER, [
    'serve', folder, '--port', '0', '--www', join(REPOSITORY, 'tests/browser/pages'), '--bundle', join(REPOSITORY, 'web/dist'),
  ]);
  try {
    const url = await new Promise((resolve) => server.stdout.once('data', (line) => resolve(String(line).trim())));
    const { context, page } = await openPage(browser);
    await page.goto(`${url}/bench.html`);
    const measured = await page.evaluate(inPage, RUNS);
    await context.close();
    return measured;
  } finally {
    server.kill();
  }
}

/** Runs in the page. */
async function inPage(runs) {
  const { createRecommender } = await import('/vitrine/vitrine.js');
  const began = performance.now();
  const recommender = createRecommender({ package: new URL('/vitrine/model/', location.href), device: 'cpu' });
  const engine = new Promise((resolve) => {
    const look = ({ detail }) => detail.tier > 1 && resolve(detail);
    recommender.addEventListener('engine', look);
    recommender.open().then((info) => look({ detail: info }));
  });
  const info = await engine;
  const open_ms = performance.now() - began;
  const now = Date.now();
  // One fewer than the model reads: the last event is the one that is timed.
  const met = Array.from({ length: info.context - runs - 1 }, (_, at) => ({ item: `i${at * 7}`, type: 'wishlist_add', ts: now - 3_600_000 + at * 1000 }));
  for (const event of met) await recommender.observe(event);
  const timed = async (options) => {
    const start = performance.now();
    await recommender.recommend({ k: 10, ...options });
    return performance.now() - start;
  };
  const first = await timed();
  const more = [];
  for (let run = 0; run < runs; run += 1) {
    await recommender.observe({ item: `i${1000 + run}`, type: 'wishlist_add', ts: now - 1_000_000 + run * 1000 });
    more.push(await timed());
  }
  const candidates = Array.from({ length: 20 }, (_, at) => `i${at * 3}`);
  const twenty = [];
  for (let run = 0; run < runs; run += 1) twenty.push(await timed({ candidates }));
  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
  const { memory_bytes, relaxed_simd } = await recommender.diagnostics();
  return { info, open_ms, first, more: median(more), twenty: median(twenty), memory: memory_bytes.cpu, relaxed_simd };
}

function words({ info, open_ms, first, more, twenty, memory, relaxed_simd }) {
  const ms = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  return (
    `${(info.parameters / 1e6).toFixed(1)} million parameters, ${info.items} items: open ${ms(open_ms)}, first ten best ${ms(first)}, ` +
    `one more event and ten best ${ms(more)}, 20 candidates of a known history ${ms(twenty)}, memory ${(memory / 1e6).toFixed(0)} MB, ${relaxed_simd ? 'relaxed SIMD' : 'SIMD128'}`
  );
}
