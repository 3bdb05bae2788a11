// How much faster than onnxruntime-web, in one page on the same weights? Headless Chromium, one thread each.
//
// usage: node peers.bench.mjs FOLDER   (what `cargo xtask bench` made: t5, c10k and c100k, each with package, hf and onnx)

import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, openPage, serve } from '../browser/helper.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const FOLDER = resolve(process.argv[2]);

const site = await serve({
  '/': join(HERE, '../browser/pages'), '/peers/': HERE, '/ort/': join(HERE, 'node_modules/onnxruntime-web/dist'),
  '/vitrine/': join(HERE, '../../web/dist'), '/models/': FOLDER,
});
const browser = await launch();
const milliseconds = (value) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;
const row = (name, { ours, theirs }) => console.log(`| ${name} | ${milliseconds(ours)} | ${milliseconds(theirs)} | ${(theirs / ours).toFixed(2)} |`);
try {
  const run = async (kind, model) => {
    const { page, context } = await openPage(browser);
    page.setDefaultTimeout(0);
    await page.goto(`${site.url}/bench.html`);
    const result = await page.evaluate(async ([kind, base]) => (await import('/peers/page.mjs'))[kind](base), [kind, `/models/${model}`]);
    await context.close();
    return result;
  };
  console.log('| job | Vitrine q8 | onnxruntime-web q8 | ratio |\n|---|---|---|---|');
  const text = await run('text', 't5');
  row(`text, 20 titles after ${text.prefix} tokens, cold`, text.cold);
  row('text, the same with the history read', text.warm);
  row(`text, one more event (${text.appended} tokens)`, text.append);
  for (const [model, items] of [['c10k', '10,000'], ['c100k', '100,000']]) {
    const compact = await run('compact', model);
    row(`compact, ten best of ${items} items, one more event`, compact.append);
    row(`compact, ten best of ${items} items, history read anew`, compact.anew);
  }
  const [few, many] = [await run('catalogue', 't5-1k'), await run('catalogue', 't5-100k')];
  console.log(`\ntext, one more event and the ten best of 1,000 titles ${milliseconds(few)}, of 100,000 titles ${milliseconds(many)}: ${(many / few).toFixed(2)} times`);
  console.log(`\nlargest error of a title's summed log-probability against f32: Vitrine ${text.error.ours.toFixed(3)}, onnxruntime ${text.error.theirs.toFixed(3)}`);
} finally {
  await browser.close();
  await site.close();
}
