// Takes pictures of the storefront at three widths, light and dark, for a person to look at.
//
//   node look.mjs [FOLDER] [WORD]     only the pictures whose name holds WORD

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { answered, launch, openPage, serveShop } from './helper.mjs';

const folder = process.argv[2] ?? 'screenshots';
const wanted = process.argv[3] ?? '';
await mkdir(folder, { recursive: true });

const SIZES = { narrow: [320, 700], phone: [390, 844], tablet: [820, 1180], desktop: [1440, 900] };

/** What a visitor does, picture by picture. `shoot` takes one of the window, or of the whole page. */
const VISITS = {
  async shop(page, url, shoot) {
    const go = (hash) => page.goto(`${url}/${hash}`);
    await go('');
    await page.waitForSelector('#collection .tile');
    await shoot('01-home-asked');
    await page.getByRole('button', { name: 'Only for this visit' }).click();
    await go('#/item/jacket-navy');
    await page.waitForSelector('.item');
    await page.waitForTimeout(800);
    await go('#/item/jacket-olive');
    await answered(page, undefined, '.item-view vitrine-recs');
    await shoot('02-item');
    await shoot('03-item-whole', true);
    await page.getByRole('button', { name: 'Add to bag' }).click();
    await go('#/item/knit-ivory');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('button', { name: 'Add to bag' }).click();
    await go('#/bag');
    await answered(page, undefined, '.bag-view vitrine-recs');
    await shoot('04-bag', true);
    await go('#/checkout');
    await page.waitForSelector('form');
    await shoot('05-checkout', true);
    await page.getByRole('button', { name: 'Place the order' }).click();
    await page.locator('summary', { hasText: 'Send back' }).first().click();
    await shoot('06-orders', true);
    await go('#/saved');
    await shoot('07-saved');
    await go('#/category/Clothing');
    await shoot('08-category');
    await go('#/');
    await answered(page, undefined, '#home-recs');
    await shoot('09-home-whole', true);
    await page.locator('#home-recs').scrollIntoViewIfNeeded();
    await shoot('10-row');
    await page.getByRole('button', { name: 'What this house knows' }).first().click();
    await shoot('11-knows');
    await page.getByRole('dialog', { name: 'What this house knows' }).evaluate((drawer) => drawer.scrollTo(0, 700));
    await shoot('12-knows-below');
    await page.keyboard.press('Escape');
    if (!(await page.locator('#glass').isVisible())) {
      await page.getByRole('button', { name: 'Behind the glass' }).first().click();
      await page.waitForSelector('vitrine-debug');
      await page.locator('#home-recs').evaluate((row) => row.scrollIntoView());
      await shoot('13-glass');
    } else {
      await page.locator('#glass').getByRole('button', { name: 'Close' }).click();
      await shoot('13-glass-closed');
    }
  },
  async films(page, url, shoot) {
    const go = (hash) => page.goto(`${url}/${hash}`);
    await go('#/item/3');
    await page.locator('.stars input').nth(4).check({ force: true });
    await shoot('1-item');
    await go('#/item/8');
    await page.locator('.stars input').nth(1).check({ force: true });
    await go('#/');
    await answered(page, undefined, '#home-recs');
    await shoot('2-home');
    await shoot('3-home-whole', true);
  },
};

const browser = await launch();
for (const [name, visit] of Object.entries(VISITS)) {
  const site = await serveShop({ package: name });
  for (const [size, [width, height]] of Object.entries(SIZES)) {
    for (const colorScheme of ['light', 'dark']) {
      const title = `${name}-${size}-${colorScheme}`;
      if (!title.includes(wanted)) continue;
      const { context, page, problems } = await openPage(browser, { viewport: { width, height }, colorScheme, hasTouch: width < 600 });
      await visit(page, site.url, async (view, fullPage = false) => {
        await page.waitForTimeout(700);
        await page.screenshot({ path: join(folder, `${title}-${view}.png`), fullPage });
      });
      if (problems.length > 0) console.log(title, problems);
      await context.close();
    }
  }
  await site.close();
}
await browser.close();
