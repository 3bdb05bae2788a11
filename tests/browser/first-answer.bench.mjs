// How long does a visitor wait for the first recommendation? Chromium on the package of the last demo.
//
// Makes `runs/demo` when it is missing. Warm: the browser has been on the page before and holds a history.

import { spawn, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, openPage } from './helper.mjs';
import { engineReady } from './mount.mjs';

const RUNS = 11;
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const TRAINER = process.env.VITRINE_TRAINER;
const demo = join(REPOSITORY, 'runs/demo');

if (!existsSync(join(demo, 'package/manifest.json'))) execFileSync(TRAINER, ['demo', '--no-serve', '--out', demo], { stdio: 'inherit' });
const server = spawn(TRAINER, ['serve', join(demo, 'package'), '--port', '0', '--www', join(REPOSITORY, 'www'), '--bundle', join(REPOSITORY, 'web/dist')]);
const url = await new Promise((resolve) => server.stdout.once('data', (line) => resolve(String(line).trim())));
const browser = await launch();
try {
  const { page } = await openPage(browser);
  await page.goto(url);
  await page.evaluate(async () => {
    const { createRecommender } = await import('/vitrine/vitrine.js');
    const recommender = createRecommender({ package: new URL('/vitrine/model/', location.href) });
    await recommender.setConsent(true);
    for (const item of ['coat-01', 'coat-03', 'boot-01']) await recommender.observe({ item, type: 'wishlist_add', ts: Date.now() });
  });
  const waits = [];
  const answers = [];
  for (let run = 0; run < RUNS; run += 1) {
    await page.reload();
    // The catalogue alone answers earlier.
    await engineReady(page);
    waits.push(await page.evaluate(() => performance.now()));
    answers.push(await page.evaluate(async () => {
      const { createRecommender } = await import('/vitrine/vitrine.js');
      const recommender = createRecommender({ package: new URL('/vitrine/model/', location.href) });
      const began = performance.now();
      await recommender.recommend({ k: 8 });
      return performance.now() - began;
    }));
  }
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  const row = (name, values) => console.log(`${name}: median ${median(values).toFixed(0)} ms, ${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} ms, ${RUNS} runs`);
  row('page load to first recommendation (warm)', waits);
  row('one recommendation, 291 items, worker round trip included', answers);
} finally {
  await browser.close();
  server.kill();
}
