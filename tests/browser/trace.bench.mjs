// What does the kit cost a page? A product page with and without it, traced on a processor slowed down four times.
//
//   node trace.bench.mjs      on the package of the last demo and the kit in web/dist (`cargo xtask kit`)
//
// A task counts as the kit's if any script of the kit ran in it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, serve } from './helper.mjs';

const RUNS = 5;
const SLOWED = 4;
const LONG_MS = 50;
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const model = join(REPOSITORY, 'runs/demo/package');
const dist = join(REPOSITORY, 'web/dist');
for (const [path, remedy] of [[join(model, 'manifest.json'), 'cargo xtask demo --no-serve'], [join(dist, 'integrity.json'), 'cargo xtask kit']]) {
  if (!existsSync(path)) throw new Error(`${path} is missing\nhint: ${remedy}`);
}

const cards = Array.from({ length: 24 }, (_, index) => `<li data-vitrine-item="coat-${String(index + 1).padStart(2, '0')}"><a href="#"><span class="picture"></span>Coat ${index + 1}</a></li>`).join('');
const page = (head) => Buffer.from(`<!doctype html><html lang="en"><meta charset="utf-8"><title>A coat</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">${head}
<main data-vitrine-page="coat-01"><div class="hero"></div><h1>A coat for the days that ask for one</h1><p>Cut long and worn open.</p>
<vitrine-recs package="/vitrine/model/" placement="related" seed="coat-01" limit="6" heading="You may also like" reasons><ul class="row">${cards.slice(0, 600)}</ul></vitrine-recs>
<ul class="grid" data-vitrine-list="everything">${cards}</ul></main>`);
const site = await serve({
  '/with': page('<script type="module" src="/vitrine/recorder.js"></script><script type="module" src="/vitrine/vitrine.js"></script>'),
  '/without': page(''),
  '/page.css': Buffer.from('main{max-width:60rem;margin:auto;font:16px/1.5 Georgia,serif}.hero{height:24rem;background:linear-gradient(#cba,#876)}ul{list-style:none;padding:0;display:grid;grid-template-columns:repeat(6,1fr);gap:1rem}.picture{display:block;aspect-ratio:3/4;background:#ddd}'),
  '/vitrine/': dist,
  '/vitrine/model/': model,
});
const browser = await launch();
try {
  const measured = { with: [], without: [] };
  // In turn, so that whatever else the machine does falls on both.
  for (let run = 0; run <= RUNS; run += 1) {
    for (const name of ['without', 'with']) {
      const result = await measure(`${site.url}/${name}`, name === 'with');
      if (run > 0) measured[name].push(result); // the first finds caches cold
    }
  }
  for (const name of ['without', 'with']) {
    const of = (key) => measured[name].map((each) => each[key]);
    console.log(
      `${name} the kit: largest contentful paint ${median(of('lcp_ms')).toFixed(0)} ms (${spread(of('lcp_ms'))}), layout shift ${Math.max(...of('cls')).toFixed(4)}, ` +
      `longest task ${median(of('longest_ms')).toFixed(0)} ms`,
    );
  }
  const tasks = measured.with.flatMap(({ kit_ms }) => kit_ms);
  const long = tasks.filter((each) => each > LONG_MS);
  console.log(`tasks with scripts of the kit: ${(tasks.length / RUNS).toFixed(0)} a page, longest of each page ${measured.with.map(({ kit_ms }) => Math.max(...kit_ms).toFixed(0)).join(', ')} ms, ${long.length} above ${LONG_MS} ms`);
  console.log(`first answer after ${median(measured.with.map(({ answer_ms }) => answer_ms)).toFixed(0)} ms (CPU slowed ${SLOWED} times, page and worker)`);
} finally {
  await browser.close();
  await site.close();
}

async function measure(url, isWith) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    window.measured = { cls: 0, lcp_ms: 0 };
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.measured.cls += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.measured.lcp_ms = entry.startTime;
    }).observe({ type: 'largest-contentful-paint', buffered: true });
    document.addEventListener('vitrine-answer', ({ detail }) => {
      if (detail.tier > 1) window.measured.answer_ms ??= performance.now();
    });
  });
  const session = await context.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWED });
  await browser.startTracing(page, { categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'toplevel'] });
  await page.goto(url);
  const isDone = () => page.evaluate((isWith) => !isWith || window.measured.answer_ms > 0, isWith);
  for (const until = Date.now() + 60_000; !(await isDone()) && Date.now() < until; ) await page.waitForTimeout(100);
  await page.waitForTimeout(500);
  const { traceEvents } = JSON.parse(String(await browser.stopTracing()));
  const measured = await page.evaluate(() => window.measured);
  await context.close();
  return { ...measured, ...tasks(traceEvents) };
}

/** Of the main thread of the page: all tasks, and those in which the kit ran, in milliseconds. */
function tasks(events) {
  const isMain = new Set(events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
  const onMain = events.filter(({ pid, tid, ph }) => ph === 'X' && isMain.has(`${pid} ${tid}`));
  const whole = onMain.filter(({ name }) => name === 'RunTask' || name === 'ThreadControllerImpl::RunTask');
  const kit = onMain.filter(({ args }) => JSON.stringify(args?.data ?? {}).includes('/vitrine/'));
  const ofKit = whole.filter((task) => kit.some(({ pid, tid, ts }) => pid === task.pid && tid === task.tid && ts >= task.ts && ts <= task.ts + task.dur));
  const ms = ({ dur }) => dur / 1000;
  return { longest_ms: Math.max(0, ...whole.map(ms)), kit_ms: [0, ...ofKit.map(ms)] };
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function spread(values) {
  return `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
}
