// What does the kit cost a page? A product page with and without it, traced on a processor slowed down four times.
//
//   node trace.bench.mjs [KIT…]      on the package of the last demo and the kit in web/dist (`cargo xtask kit`), or kits in
//                                    other folders, in turn
//
// A task counts as the kit's if any script of the kit ran in it: its scripts alone until the kit draws for the first time,
// the whole task, with layout and painting, from then on. "Blocked" sums what tasks of kit and page take above 50 ms.
// Beside the time of the clock stands that of the thread, which knows less of what else the machine does.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, serve } from './helper.mjs';

const RUNS = 10;
const SLOWED = 4;
const LONG_MS = 50;
/** What the browser calls its running of scripts. */
const RUNS_SCRIPT = new Set(['v8.compileModule', 'v8.evaluateModule', 'EventDispatch', 'FunctionCall', 'RunMicrotasks', 'FireIdleCallback', 'TimerFire', 'HandlePostMessage']);
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const model = join(REPOSITORY, 'runs/demo/package');
const kits = process.argv.length > 2 ? process.argv.slice(2).map((folder) => resolve(folder)) : [join(REPOSITORY, 'web/dist')];
for (const [path, remedy] of [[join(model, 'manifest.json'), 'cargo xtask demo --no-serve'], ...kits.map((kit) => [join(kit, 'integrity.json'), 'cargo xtask kit'])]) {
  if (!existsSync(path)) throw new Error(`${path} is missing\nhint: ${remedy}`);
}

const cards = Array.from({ length: 24 }, (_, index) => `<li data-vitrine-item="coat-${String(index + 1).padStart(2, '0')}"><a href="#"><span class="picture"></span>Coat ${index + 1}</a></li>`).join('');
const page = (folder, head = '') => Buffer.from(`<!doctype html><html lang="en"><meta charset="utf-8"><title>A coat</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">${head}
<main data-vitrine-page="coat-01"><div class="hero"></div><h1>A coat for the days that ask for one</h1><p>Cut long and worn open.</p>
<vitrine-recs package="${folder}model/" placement="related" seed="coat-01" limit="6" heading="You may also like" reasons><ul class="row">${cards.slice(0, 600)}</ul></vitrine-recs>
<ul class="grid" data-vitrine-list="everything">${cards}</ul></main>`);
const scripts = (folder) => ['recorder', 'vitrine'].map((name) => `<script type="module" src="${folder}${name}.js"></script>`).join('');
const addressOf = (index) => `/${index}/vitrine/`;
const site = await serve({
  '/without': page('/'),
  ...Object.fromEntries(kits.flatMap((kit, index) => [
    [`/with-${index}`, page(addressOf(index), scripts(addressOf(index)))], [addressOf(index), kit], [`${addressOf(index)}model/`, model],
  ])),
  '/page.css': Buffer.from('main{max-width:60rem;margin:auto;font:16px/1.5 Georgia,serif}.hero{height:24rem;background:linear-gradient(#cba,#876)}ul{list-style:none;padding:0;display:grid;grid-template-columns:repeat(6,1fr);gap:1rem}.picture{display:block;aspect-ratio:3/4;background:#ddd}'),
});
const browser = await launch();
try {
  const names = ['without', ...kits.map((_, index) => `with-${index}`)];
  const measured = Object.fromEntries(names.map((name) => [name, []]));
  // In turn, so that whatever else the machine does falls on all.
  for (let run = 0; run <= RUNS; run += 1) {
    for (const name of names) {
      const result = await measure(`${site.url}/${name}`, name !== 'without');
      if (run > 0) measured[name].push(result); // the first finds caches cold
    }
  }
  for (const [index, name] of names.entries()) {
    const of = (key) => measured[name].map((each) => each[key]);
    console.log(
      `${index === 0 ? 'without a kit' : `with ${kits[index - 1]}`}: largest contentful paint ${median(of('lcp_ms')).toFixed(0)} ms (${spread(of('lcp_ms'))}), ` +
      `layout shift ${Math.max(...of('cls')).toFixed(4)}, longest task ${median(of('longest_ms')).toFixed(0)} ms, blocked for ${median(of('blocking_ms')).toFixed(0)} ms (${spread(of('blocking_ms'))})`,
    );
    if (index === 0) continue;
    const all = of('kit').flat();
    for (const [key, what] of [['task', 'tasks of the kit'], ['scripts', 'its scripts in a task, with what they make the browser lay out']]) {
      const longest = of('kit').map((each) => Math.max(...each.map((task) => task[key].clock_ms)));
      const busiest = of('kit').map((each) => Math.max(...each.map((task) => task[key].thread_ms)));
      const long = (clock) => (all.filter((task) => task[key][clock] > LONG_MS).length / RUNS).toFixed(1);
      console.log(`  ${what}: longest of each page ${longest.map((ms) => ms.toFixed(0)).join(', ')} ms, median ${median(longest).toFixed(0)}; of thread time ${median(busiest).toFixed(0)} ms (${spread(busiest)})`);
      console.log(`    above ${LONG_MS} ms: ${long('clock_ms')} of ${(all.length / RUNS).toFixed(0)} a page, by thread time ${long('thread_ms')}`);
    }
    console.log(`  first answer of the model after ${median(of('answer_ms')).toFixed(0)} ms (CPU slowed ${SLOWED} times, page and worker)`);
  }
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
      if (detail.tier < 2 || window.measured.answer_ms) return;
      window.measured.answer_ms = performance.now();
      console.log('answered');
    });
  });
  const session = await context.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWED });
  await browser.startTracing(page, { categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'toplevel'] });
  // Asking the page again and again would be work in the page.
  const answered = isWith && page.waitForEvent('console', { predicate: (message) => message.text() === 'answered', timeout: 60_000 });
  await page.goto(url);
  await answered;
  await page.waitForTimeout(500);
  const { traceEvents } = JSON.parse(String(await browser.stopTracing()));
  const measured = await page.evaluate(() => window.measured);
  await context.close();
  return { ...measured, ...tasks(traceEvents) };
}

/** Of the main thread of the page, in milliseconds: its longest task, and how long the kit kept it at each. */
function tasks(events) {
  const isMain = new Set(events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
  // Other pages of the browser (the one it starts with) are none of ours.
  const ours = events.find(({ name, args }) => name === 'ResourceSendRequest' && args.data.url.endsWith('/page.css'))?.pid;
  const onMain = events.filter(({ pid, tid, ph }) => ph === 'X' && pid === ours && isMain.has(`${pid} ${tid}`)).sort((one, other) => one.ts - other.ts || other.dur - one.dur);
  const whole = outermost(onMain.filter(({ name }) => name === 'RunTask' || name === 'ThreadControllerImpl::RunTask'));
  // Until it says that it is ready, the kit draws nothing: what is read, laid out and painted is the page.
  const ready = onMain.find(({ name, args }) => name === 'EventDispatch' && args?.data?.type === 'vitrine-ready');
  const kit = [];
  for (const task of whole) {
    const inside = onMain.filter((event) => event !== task && within(event, task));
    // The page has neither modules nor timers of its own. What goes on after a timer is not told to be anybody's.
    const isKit = ({ name, args }) => name === 'v8.evaluateModule' || name === 'TimerFire' || JSON.stringify(args?.data ?? {}).includes('/vitrine/');
    if (!inside.some(isKit)) continue;
    const slices = outermost(inside.filter((event) => RUNS_SCRIPT.has(event.name) && inside.some((each) => within(each, event) && isKit(each))));
    const timesOf = (events) => ({ clock_ms: sum(events, 'dur') / 1000, thread_ms: sum(events, 'tdur') / 1000 });
    const scripts = timesOf(slices);
    kit.push({ scripts, task: task.ts < (ready?.ts ?? Infinity) ? scripts : timesOf([task]) });
  }
  const ms = (dur) => dur / 1000;
  const blocking_ms = whole.reduce((all, { dur }) => all + Math.max(0, ms(dur) - LONG_MS), 0);
  return { longest_ms: Math.max(0, ...whole.map(({ dur }) => ms(dur))), blocking_ms, kit };
}

function sum(events, key) {
  return events.reduce((all, event) => all + (event[key] ?? 0), 0);
}

function within(event, { pid, tid, ts, dur }) {
  return event.pid === pid && event.tid === tid && event.ts >= ts && event.ts + event.dur <= ts + dur + 1;
}

/** Of sorted events, those in no other. */
function outermost(events) {
  const outer = [];
  for (const event of events) if (!outer.some((other) => within(event, other))) outer.push(event);
  return outer;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function spread(values) {
  return `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
}
