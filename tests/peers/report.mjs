// One page that holds everything: plots, tables, how it was measured, raw numbers. No script, no request.
//
// usage, to draw it again: node report.mjs RESULTS.json OUT.html

import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { errors, NAMES, panels, time, times, TOLERANCE } from './figures.mjs';

const escape = (text) => String(text).replace(/[&<>"]/g, (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[letter]);
const megabytes = (bytes) => (bytes ? `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 1)} MB` : '–');

const STYLE = `
:root { color-scheme: light dark; --back: #fbfaf8; --card: #fff; --ink: #1d2126; --soft: #5c6670; --line: #e2dfd9; --ours: #0b6e63; --other: #a9b0b7; --range: #1d2126; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --card: #1c2024; --ink: #e9ebed; --soft: #a0a9b2; --line: #2f353b; --ours: #3fc1ae; --other: #66707a; --range: #e9ebed; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .25rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .25rem 0 .75rem; max-width: 44rem; }
.soft, .note, th { color: var(--soft); }
.note { font-size: .85rem; margin: 0 0 .5rem; }
section.panel { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.1rem .6rem; margin: .9rem 0; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th { font-weight: 500; font-size: .8rem; text-align: left; }
th, td { padding: .35rem .6rem .35rem 0; vertical-align: middle; }
td { border-top: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-right: 0; padding-left: .6rem; }
.range { color: var(--soft); font-size: .82rem; }
.plots td:first-child { width: 15rem; }
.plots .number { width: 5rem; }
.plots .range { width: 9.5rem; }
.plots .wordy { width: 14.5rem; }
.plots td:nth-child(2) { min-width: 6rem; }
.ours { font-weight: 600; }
.ours .range { font-weight: 400; }
.summary td:first-child, .summary th { white-space: nowrap; }
svg { display: block; width: 100%; height: 1.1rem; }
.bar { fill: var(--other); }
.ours .bar { fill: var(--ours); }
.whisker { stroke: var(--range); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.failure { color: #b3261e; }
details { margin-top: 1rem; }
pre { overflow-x: auto; font-size: .75rem; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: .5rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  main { padding-top: 1.5rem; }
  .plots thead { display: none; }
  .plots tr { display: grid; grid-template-columns: 1fr auto; border-top: 1px solid var(--line); padding: .4rem 0; }
  .plots td { border: 0; padding: .1rem 0; width: auto !important; }
  .plots td:nth-child(2) { grid-column: 1 / 3; grid-row: 2; }
  .plots .range { grid-row: 3; grid-column: 1; text-align: left; }
  .plots .ratio { grid-row: 3; grid-column: 2; }
  .wide { overflow-x: auto; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
}
@media print { section.panel { break-inside: avoid; } }
`;

/** A bar from zero, with the range of all runs across it. */
function bar(value, largest, [min, max] = [value, value]) {
  const at = (x) => ((x / largest) * 100).toFixed(2);
  const whisker = max > min ? `<path class="whisker" d="M${at(min)} 10H${at(max)}M${at(min)} 6V14M${at(max)} 6V14"/>` : '';
  return `<svg viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true"><rect class="bar" y="3" height="14" width="${at(value)}" rx=".4"/>${whisker}</svg>`;
}

const isOurs = (name) => name.startsWith('Vitrine');

function plot({ title, note, rows }) {
  const largest = Math.max(...rows.map(({ max }) => max));
  const line = ({ name, median, min, max, note: how }) => `<tr${isOurs(name) ? ' class="ours"' : ''}>
<td>${escape(name)}${how && `<br><span class="range">${escape(how)}</span>`}</td><td>${bar(median, largest, [min, max])}</td>
<td class="number">${time(median)}</td><td class="number range">${time(min)} – ${time(max)}</td><td class="number ratio">${times(median / rows[0].median)}</td></tr>`;
  return `<section class="panel"><h3>${escape(title)}</h3><p class="note">${escape(note)}</p>
<table class="plots"><thead><tr><th>runtime</th><th></th><th class="number">median</th><th class="number">least – most</th><th class="number">× Vitrine</th></tr></thead>
<tbody>${rows.map(line).join('')}</tbody></table></section>`;
}

function plotValues(title, note, rows, say) {
  const largest = Math.max(...rows.map(({ value }) => value));
  const line = ({ name, value, more = '' }) => `<tr${isOurs(name) ? ' class="ours"' : ''}><td>${escape(name)}</td><td>${bar(value, largest)}</td>
<td class="number">${say(value)}</td>${more && `<td class="number range wordy">${more}</td>`}</tr>`;
  return `<section class="panel"><h3>${escape(title)}</h3><p class="note">${escape(note)}</p>
<table class="plots"><tbody>${rows.map(line).join('')}</tbody></table></section>`;
}

/** The figures that most readers want, a line a runtime. */
function summary(all, { bytes, sections }) {
  if (!sections.text?.cold) return '';
  const cell = (id, runtime) => {
    const rows = all.find((panel) => panel.id === id).rows;
    const row = rows.find(({ name }) => name === NAMES[runtime]);
    return `<td class="number">${time(row.median)}</td><td class="number range">${times(row.median / rows[0].median)}</td>`;
  };
  const line = (runtime) => `<tr${runtime === 'vitrine' ? ' class="ours"' : ''}><td>${NAMES[runtime]}</td>${cell('cold', runtime)}${cell('warm', runtime)}
<td class="number">${megabytes(bytes.text?.[runtime]?.brotli)}</td><td class="number">${sections.text.error[runtime].toFixed(3)}</td></tr>`;
  return `<section class="panel"><div class="wide"><table class="summary"><thead><tr><th>Score 20 titles, on the CPU</th><th class="number" colspan="2">nothing read before</th>
<th class="number" colspan="2">history read before</th><th class="number">code, brotli</th><th class="number">error</th></tr></thead>
<tbody>${Object.keys(NAMES).map(line).join('')}</tbody></table></div></section>`;
}

function downloads({ bytes, models, sections }) {
  const parts = [];
  const where = { text: 'on the CPU', gpu: 'on WebGPU' };
  for (const [section, sums] of Object.entries(bytes)) {
    const rows = Object.keys(NAMES).filter((runtime) => sums[runtime]).map((runtime) => ({
      name: NAMES[runtime].replace(/ .*/, ''), value: sums[runtime].brotli, more: `gzip ${megabytes(sums[runtime].gzip)}, as it is ${megabytes(sums[runtime].raw)}`,
    }));
    parts.push(plotValues(`Code that a visitor fetches, ${where[section]}`, 'Brotli 11: what the page asked for, and the modules that a shop loads around our bundle.', rows, megabytes));
  }
  if (sections.text?.memory) {
    const rows = Object.keys(NAMES).filter((runtime) => sections.text.memory[runtime]).map((runtime) => ({
      name: NAMES[runtime], value: sections.text.memory[runtime], more: `model file ${megabytes(models[runtime])}`,
    }));
    parts.push(plotValues('WebAssembly memory after the runs', 'Text model on the CPU, with the history’s cache; what lies in JavaScript’s own memory is not counted.', rows, megabytes));
  }
  return parts.join('');
}

const METHOD = [
  ['Weights', 'One model with random weights, exported by the repository’s own commands: to a Vitrine package (q8), to Hugging Face’s format, from that to ONNX (onnxruntime’s dynamic int8 quantisation) and to GGUF (Q8_0). Time does not depend on what the weights say.'],
  ['Runs', '11 runs after 10 to warm up (WebGPU: one), runs of all runtimes in turn in one page, so that a busy moment hits all; medians. One thread each. Visitors alternate where nothing may be cached.'],
  ['Vitrine', 'The bundle is asked as the worker asks it: events in, scores out. Reading the events is in its times.'],
  ['onnxruntime-web, by hand', 'What its users would have to build: a prefix cache as inputs and outputs of the graph, all candidates in one block-masked call, only the asked rows meet the vocabulary. Its inputs are ready before the clock starts. Cold is the better of one call and two.'],
  ['transformers.js', 'As its documentation leads one to use it: AutoModelForCausalLM.from_pretrained, q8 (its default on the CPU; f32 on WebGPU), a padded batch of 20 whole sequences, log-softmax in the page. It has no call that scores continuations of a shared prefix. The graph is that of the hub’s Llama models: on the CPU with onnxruntime’s fused attention, on WebGPU in plain operators, because the fused one gives wrong numbers on SwiftShader from 32 tokens on.'],
  ['wllama', 'Version 3 has completions only: no logits, no prompt log-probabilities, no cache to handle. Each title is generated under a grammar that allows nothing else, and the log-probability of each token is reported; the prompt’s cache is kept, so the history is read once. One pass for each token.'],
  ['Exactness', `Sums of log-probabilities of 20 titles against the same model in f32; every runtime must stay within ${TOLERANCE}.`],
];

export function html(results) {
  const { machine, versions, sections } = results;
  const all = panels(results);
  const group = (title, note, ids) => {
    const some = all.filter(({ id }) => ids.some((each) => id.startsWith(each)));
    return some.length > 0 ? `<h2>${title}</h2><p class="soft">${note}</p>${some.map(plot).join('')}` : '';
  };
  const failures = Object.entries(sections).filter(([, { failure }]) => failure);
  const wrong = errors(results).map(({ name, error }) => ({ name, value: error }));
  const facts = [
    ['Machine', `${machine.processor}, ${machine.cores} cores, ${machine.system}`], ['Browser', `${machine.browser ?? ''}, headless`],
    ['Load before and after', `${machine.load.toFixed(2)}, ${machine.load_after.toFixed(2)}`], ['Date', machine.date], ['Command', machine.command],
    ...Object.entries(versions).map(([name, version]) => [name, version]),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Vitrine beside its peers</title><style>${STYLE}</style></head><body><main>
<h1>Vitrine beside its peers</h1>
<p class="soft">The same weights, the same scoring job, one page, one thread. Measured ${machine.date.slice(0, 10)} on ${escape(machine.processor)}.</p>
${failures.map(([name, { failure }]) => `<p class="failure">${escape(name)} failed: ${escape(failure.split('\n')[0])}</p>`).join('')}
${summary(all, results)}
<p class="note">Medians of ${sections.text?.cold?.vitrine.length ?? 11} runs. In the plots a bar begins at zero, and the line across shows the fastest and the slowest run. “×” is how many times as long as Vitrine.</p>
${group('A model of titles, on the CPU', '5.8 million parameters: 256 wide, 6 layers, 8 heads, 4 key-value heads, 4,096 tokens.', ['cold', 'warm', 'append'])}
${group('A compact model of items, on the CPU', '128 wide, 2 layers. onnxruntime-web is the only peer that can run it.', ['compact'])}
${group('A whole catalogue of titles', 'The same model of titles.', ['catalogue'])}
${group('On WebGPU', '0.94 million parameters: 128 wide, 4 layers. No GPU here: SwiftShader computes on this machine’s CPU, so that the figures compare programs, not devices.', ['gpu'])}
<h2>How right</h2>
${wrong.length > 0 ? plotValues('Largest error of a title’s summed log-probability', `Against f32; allowed are ${TOLERANCE}.`, wrong, (value) => (value < 0.0005 ? '< 0.0005' : value.toFixed(3))) : ''}
<h2>What it costs a visitor</h2>
${downloads(results)}
<h2>How it was measured</h2>
<dl>${METHOD.map(([name, text]) => `<dt>${escape(name)}</dt><dd>${escape(text)}</dd>`).join('')}</dl>
<h2>Machine and versions</h2>
<dl>${facts.map(([name, text]) => `<dt>${escape(name)}</dt><dd>${escape(text)}</dd>`).join('')}</dl>
<details><summary>Raw numbers</summary><pre>${escape(JSON.stringify(results))}</pre></details>
</main></body></html>
`;
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(argv[3], html(JSON.parse(readFileSync(argv[2], 'utf8'))));
