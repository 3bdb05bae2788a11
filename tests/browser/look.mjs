// Takes pictures of the storefront at three widths, light and dark, for a person to look at.
//
//   node look.mjs [FOLDER] [WORD]     only the pictures whose name holds WORD

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { answered, launch, openPage, serveShop } from './helper.mjs';

const folder = process.argv[2] ?? 'screenshots';
const wanted = process.argv[3] ?? '';
await mkdir(folder, { recursive: true });

const WIDTHS = { phone: [390, 844], tablet: [820, 1180], desktop: [1440, 900] };
const browser = await launch();
for (const name of ['shop', 'films']) {
  const site = await serveShop({ package: name });
  for (const [size, [width, height]] of Object.entries(WIDTHS)) {
    for (const colorScheme of ['light', 'dark']) {
      if (!`${name}-${size}-${colorScheme}`.includes(wanted)) continue;
      const { context, page, problems } = await openPage(browser, { viewport: { width, height }, colorScheme });
      const shoot = async (view, fullPage = false) => {
        await page.waitForTimeout(700);
        await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}-${view}.png`), fullPage });
      };
      const first = name === 'shop' ? 'jacket-navy' : '3';
      const second = name === 'shop' ? 'knit-ivory' : '8';
      await page.goto(`${site.url}/`);
      await page.waitForSelector('#grid .tile');
      await shoot('1-home');
      await page.goto(`${site.url}/#/item/${first}`);
      await page.waitForSelector('.item');
      await shoot('2-item');
      if (name === 'shop') {
        await page.getByRole('button', { name: 'Add to bag' }).click();
        await page.goto(`${site.url}/#/item/${second}`);
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Add to bag' }).click();
        await shoot('3-cart');
        await page.getByRole('button', { name: 'Check out' }).click();
        await page.getByText('Return', { exact: true }).first().click();
        await shoot('4-orders');
      } else {
        await page.locator('.stars input').nth(4).check({ force: true });
        await page.goto(`${site.url}/#/item/${second}`);
        await page.locator('.stars input').nth(1).check({ force: true });
      }
      await page.goto(`${site.url}/#/`);
      await answered(page);
      await shoot('5-full', size !== 'phone' || name === 'shop');
      await page.click('#panel-open');
      await page.evaluate(() => document.querySelector('.row').scrollIntoView());
      await page.waitForSelector('.meters');
      await shoot('6-panel');
      if (problems.length > 0) console.log(name, size, colorScheme, problems);
      await context.close();
    }
  }
  await site.close();
}
await browser.close();
