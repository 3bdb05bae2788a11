// The same figures for a terminal and for docs/RESULTS.md.

import { errors, NAMES, panels, time, times } from './figures.mjs';

export function markdown(results) {
  const lines = [];
  for (const { title, note, rows } of panels(results)) {
    lines.push(`**${title}.** ${note}`, '', '| runtime | median | min to max | to ours |', '|---|---|---|---|');
    for (const { name, median, min, max, note: how } of rows) {
      lines.push(`| ${name}${how && ` (${how})`} | ${time(median)} | ${time(min)} to ${time(max)} | ${times(median / rows[0].median)} |`);
    }
    lines.push('');
  }
  const megabytes = (bytes) => (bytes ? `${(bytes / 1e6).toFixed(2)} MB` : '–');
  const { text } = results.bytes;
  if (text) {
    lines.push('| runtime | brotli | gzip | as it is | model | wasm memory |', '|---|---|---|---|---|---|');
    for (const [runtime, sum] of Object.entries(text)) {
      lines.push(`| ${NAMES[runtime]} | ${megabytes(sum.brotli)} | ${megabytes(sum.gzip)} | ${megabytes(sum.raw)} | ${megabytes(results.models[runtime])} | ${megabytes(results.sections.text.memory[runtime])} |`);
    }
    lines.push('');
  }
  if (errors(results).length > 0) {
    lines.push(`Largest error of a title's summed log-probability against f32: ${errors(results).map(({ name, error }) => `${name} ${error.toFixed(3)}`).join(', ')}.`);
  }
  return lines.join('\n');
}
