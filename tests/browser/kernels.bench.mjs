// How fast are products with packed weights in a browser, beside burn's own with floats? Chromium, one thread.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, openPage, serve } from './helper.mjs';

const RUNS = 11;
const SHAPES = [[64, 64], [176, 64], [256, 256], [768, 256], [256, 768], [1024, 1024], [10_000, 128], [100_000, 128]];
const BATCHES = [1, 8, 128];
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

const site = await serve({ '/': join(REPOSITORY, 'tests/browser/pages'), '/bench/': join(REPOSITORY, 'web/dist/bench'), '/vitrine/': join(REPOSITORY, 'web/dist') });
const browser = await launch();
try {
  const { page } = await openPage(browser);
  await page.goto(`${site.url}/bench.html`);
  const isRelaxed = await page.evaluate(async () => {
    const [{ default: init }, { multipliesBytes }] = await Promise.all([import('/bench/bench.js'), import('/vitrine/bytes.js')]);
    const isRelaxed = multipliesBytes();
    await init({ module_or_path: `/bench/bench${isRelaxed ? '_relaxed' : ''}_bg.wasm` });
    return isRelaxed;
  });
  console.log(`products of bytes: ${isRelaxed ? 'yes' : 'no'}`);
  console.log('billions of products a second, medians of 11 runs | f32 (burn on Flex) | q8 | q4');
  for (const [rows, columns] of SHAPES) {
    for (const batch of BATCHES) {
      if (rows * batch > 2_000_000) continue;
      const rates = await page.evaluate(async ([rows, columns, batch, runs]) => {
        const { Product } = await import('/bench/bench.js');
        const kinds = [32, 8, 4].map((bits) => new Product(rows, columns, batch, bits));
        const times = Math.max(1, Math.round(4e7 / (rows * columns * batch)));
        const rates = kinds.map(() => []);
        for (const product of kinds) await product.run(times);
        for (let run = 0; run < runs; run += 1) {
          for (const [kind, product] of kinds.entries()) {
            const began = performance.now();
            await product.run(times);
            rates[kind].push((rows * columns * batch * times) / (performance.now() - began) / 1e6);
          }
        }
        for (const product of kinds) product.free();
        return rates.map((of) => of.toSorted((a, b) => a - b)[(runs - 1) / 2]);
      }, [rows, columns, batch, RUNS]);
      const ratio = (rate) => `${rate.toFixed(1)} (${(rate / rates[0]).toFixed(1)}×)`;
      console.log(`${rows} × ${columns}, batch ${batch} | ${rates[0].toFixed(1)} | ${ratio(rates[1])} | ${ratio(rates[2])}`);
    }
  }
} finally {
  await browser.close();
  await site.close();
}
