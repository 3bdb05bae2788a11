// What do the raw numbers say? Panels of rows, one a runtime, ours first: for the table and for the report.

import { median } from './job.mjs';

export const NAMES = {
  vitrine: 'Vitrine q8', onnxruntime: 'onnxruntime-web q8, by hand', transformers: 'transformers.js q8', wllama: 'wllama Q8_0',
};
const EXPORTED_NAMES = { vitrine: 'Vitrine q8', onnxruntime_exported: 'onnxruntime-web f32, as exported' };
const GPU_NAMES = {
  vitrine: 'Vitrine q8', onnxruntime: 'onnxruntime-web f32, by hand', onnxruntime_blocks: 'onnxruntime-web q8 in blocks, by hand',
  onnxruntime_mixed: 'onnxruntime-web q8, by hand, products on the CPU', transformers: 'transformers.js f32',
};

/** Largest error of a title's summed log-probability that eight bits may make. */
export const TOLERANCE = 0.15;

const row = (name, times, note = '') => ({ name, median: median(times), min: Math.min(...times), max: Math.max(...times), runs: times.length, note });

/** Rows of what was measured, and for those that cannot keep a history what they took without. */
const rows = (names, times, otherwise = {}) => Object.keys(names).flatMap((runtime) => {
  if (times[runtime]) return [row(names[runtime], times[runtime])];
  return otherwise[runtime] ? [row(names[runtime], otherwise[runtime], 'reads it again: the cold call')] : [];
});

/** Their best way of answering a cold question is the better of one call for all and two. */
function coldRows({ cold, warm }) {
  const all = rows(NAMES, cold);
  const [history, candidates] = [row('', cold.history), row('', warm.onnxruntime)];
  const one = all.find(({ name }) => name === NAMES.onnxruntime);
  if (history.median + candidates.median < one.median) {
    for (const kind of ['median', 'min', 'max']) one[kind] = history[kind] + candidates[kind];
    one.note = 'in two calls';
  }
  return all;
}

/**
 * @returns {{id: string, title: string, note: string, rows: {name: string, median: number, min: number, max: number, runs: number, note: string}[]}[]}
 */
export function panels({ sections }) {
  const list = [];
  const add = (id, title, note, panelRows) => list.push({ id, title, note, rows: panelRows });
  const { text, gpu } = sections;
  if (text?.cold) {
    add('cold', 'Score 20 titles, nothing read before', `A history of ${text.prefix} tokens, then 20 titles of 4 to 10 tokens.`, coldRows(text));
    add('warm', 'Score 20 titles, the history read before', 'The common case in a shop: the visitor looks on.', rows(NAMES, text.warm, { transformers: text.cold.transformers }));
    add('append', 'Read one more event', `${text.appended} tokens behind a history that was read.`, rows(NAMES, text.append));
  }
  for (const [section, items] of [['compact10k', '10,000'], ['compact100k', '100,000']]) {
    const compact = sections[section];
    if (!compact?.append) continue;
    add(section, `Ten best of ${items} items, one more event`, 'Exactly, all items; a top-k in their graph.', rows(NAMES, compact.append));
    add(`${section}-exported`, `Ten best of ${items} items, one more event, beside a plain export`, 'Without a cache it reads all 49 events.', rows(EXPORTED_NAMES, compact.exported));
    add(`${section}-anew`, `Ten best of ${items} items, history read anew`, '49 events.', rows(NAMES, compact.anew));
  }
  const [few, many] = [sections.catalogue1k, sections.catalogue100k];
  if (few?.vitrine && many?.vitrine) {
    add('catalogue', 'Ten best of a whole catalogue of titles, one more event', 'A beam along the trie of all titles; the others have no such call.',
      [row('Vitrine q8, 1,000 titles', few.vitrine), row('Vitrine q8, 100,000 titles', many.vitrine)]);
  }
  if (gpu?.cold) {
    add('gpu-cold', 'WebGPU: score 20 titles, nothing read before', `A history of ${gpu.prefix} tokens; SwiftShader, which computes on the CPU.`, rows(GPU_NAMES, gpu.cold));
    add('gpu-warm', 'WebGPU: score 20 titles, the history read before', '', rows(GPU_NAMES, gpu.warm, { transformers: gpu.cold.transformers }));
  }
  return list;
}

/** Errors of summed log-probabilities by what made them. */
export function errors({ sections }) {
  const of = (names, section, where) => Object.entries(section?.error ?? {}).map(([runtime, error]) => ({ name: `${names[runtime]}${where}`, error }));
  return [...of(NAMES, sections.text, ''), ...of(GPU_NAMES, sections.gpu, ' (WebGPU)')];
}

export function time(milliseconds) {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${milliseconds.toFixed(milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0)} ms`;
}

export const times = (ratio) => `${ratio.toFixed(ratio < 10 ? 2 : ratio < 100 ? 1 : 0)} ×`;
