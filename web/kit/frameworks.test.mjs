// Do the wrappers keep what React and Vue promise? Rendered on a server, taken over by the real packages in Chromium.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { MOCK_BUNDLES, answered, launch, openPage, seen, serve } from '../../tests/browser/helper.mjs';
import { make } from '../../tests/browser/mock/make.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));

const REACT = {
  server: `import { renderToString } from 'react-dom/server'; import { createElement } from 'react'; import { App } from './apps/react.mjs';
    export const render = async () => renderToString(createElement(App));`,
  client: `import { hydrateRoot } from 'react-dom/client'; import { createElement } from 'react'; import { App } from './apps/react.mjs';
    globalThis.told = []; hydrateRoot(document.getElementById('app'), createElement(App), { onRecoverableError: (error) => console.error(error.message) });`,
};
const VUE = {
  server: `import { renderToString } from 'vue/server-renderer'; import { app } from './apps/vue.mjs'; export const render = () => renderToString(app());`,
  client: `import { app } from './apps/vue.mjs'; globalThis.told = []; app().mount('#app');`,
};
const FRAMEWORKS = {
  'React 19': { ...REACT, alias: {} },
  'React 18': { ...REACT, alias: { react: 'react-18', 'react-dom': 'react-dom-18' } },
  'Vue 3': { ...VUE, alias: {} },
};

let folder;
let browser;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-'));
  await make(folder);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

/** The development builds, because they are the ones that warn. */
async function bundle(contents, alias, options) {
  const { outputFiles } = await esbuild.build({
    stdin: { contents, resolveDir: HERE }, absWorkingDir: HERE, nodePaths: [join(HERE, 'node_modules')], alias, bundle: true, write: false,
    define: { 'process.env.NODE_ENV': '"development"', __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'true' },
    logLevel: 'error', ...options,
  });
  return outputFiles[0].contents;
}

for (const [name, { server, client, alias }] of Object.entries(FRAMEWORKS)) {
  describe(name, () => {
    let site;
    let visit;
    let markup;
    const warnings = [];
    before(async () => {
      const file = join(folder, `${name}.cjs`);
      await writeFile(file, await bundle(server, alias, { platform: 'node', format: 'cjs' }));
      const complaints = [];
      const { error, warn } = console;
      console.error = console.warn = (...words) => complaints.push(words.join(' '));
      try {
        markup = await createRequire(import.meta.url)(file).render();
      } finally {
        Object.assign(console, { error, warn });
      }
      assert.deepEqual(complaints, [], 'the server complains of nothing');
      const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">
        <div id="app">${markup}</div><script type="module" src="/vitrine/vitrine.js"></script><script type="module" src="/app.js"></script>`;
      site = await serve({
        '/': Buffer.from(page),
        '/app.js': Buffer.from(await bundle(client, alias, { format: 'esm' })),
        '/vitrine/': join(HERE, '../js'),
        ...MOCK_BUNDLES,
        '/vitrine/model/': join(folder, 'shop'),
        '/images/': join(folder, 'images'),
      });
      visit = await openPage(browser);
      visit.page.on('console', (message) => {
        if (message.type() === 'warning' || message.type() === 'error') warnings.push(message.text());
      });
      await visit.page.goto(site.url);
    });
    after(async () => {
      await visit?.context.close();
      await site?.close();
    });

    test('the server writes the shop\'s own list into the tag, attributes by their names in HTML, and no property', () => {
      const [tag] = markup.match(/<vitrine-recs[^>]*>/);
      for (const attribute of ['limit="4"', 'item-url="/item/{id}"', 'placement="home"', 'seed="hat-ink"', ' live', 'class="row"', 'data-test="yes"']) {
        assert.ok(tag.includes(attribute), `${attribute} is missing in ${tag}`);
      }
      assert.ok(!/ (package|catalog)=/.test(markup), 'nothing begins before the framework has taken over');
      for (const word of ['exclude', 'transform', 'lazy', 'object Object', 'vitrine-ready', 'onVitrine']) assert.ok(!tag.includes(word), `${word} in ${tag}`);
      assert.match(markup, /<ul><li>One<\/li><li>Two<\/li><\/ul>/);
    });

    test('it takes the server\'s markup over without a warning, though the element was there first', async () => {
      await seen(visit.page, 'vitrine-ready');
      const ids = await answered(visit.page);
      assert.equal(ids.length, 4);
      assert.deepEqual(warnings, []);
      assert.deepEqual(visit.problems, []);
      assert.deepEqual(await visit.page.evaluate(() => window.violations), []);
      assert.equal(await visit.page.locator('vitrine-recs li', { hasText: 'One' }).count(), 1, 'the list of the shop is still in the page');
    });

    // Vue puts the content of any <template> of the server's in the place of the template itself.
    test('a template of the shop\'s own is filled beside what the framework keeps', { skip: name.startsWith('Vue') }, async () => {
      await visit.page.waitForFunction(() => document.querySelectorAll('#tiles > [slot] b').length === 2);
      assert.match(await visit.page.locator('#tiles > [slot] b').first().textContent(), /handbag/);
    });

    test('properties arrive as properties, also when they change', async () => {
      const own = visit.page.locator('vitrine-recs').getByRole('link', { name: /Camel fedora \*/ });
      assert.equal(await own.count(), 1);
      await visit.page.click('#away');
      await answered(visit.page, (ids) => !ids.includes('hat-camel'));
      assert.deepEqual(await visit.page.evaluate(() => document.querySelector('vitrine-recs').exclude), ['hat-camel']);
    });

    test('events reach the handlers once, and a ref is the element', async () => {
      await visit.page.evaluate(() => document.addEventListener('click', (event) => event.composedPath().some((node) => node.localName === 'a') && event.preventDefault(), true));
      await visit.page.locator('vitrine-recs').getByRole('link', { name: /Grey fedora/ }).click();
      await visit.page.click('#ask');
      const told = await visit.page.evaluate(() => globalThis.told);
      // Ready is told once for each tier.
      assert.deepEqual(told.filter(([type]) => type !== 'vitrine-ready'), [['vitrine-click', 'hat-grey'], ['ref', 'vitrine-recs']]);
      assert.ok(told.length >= 3 && told.length <= 4, JSON.stringify(told));
    });

    test('a list that the page draws itself follows the history', async () => {
      const own = () => visit.page.evaluate(() => [...document.querySelectorAll('#own li')].map((entry) => entry.dataset.item));
      await visit.page.waitForFunction(() => document.querySelectorAll('#own li').length === 3);
      assert.ok((await own())[0].startsWith('hat-'));
      assert.equal(await visit.page.textContent('#engine'), 'tier 2');
      await visit.page.click('#buy');
      await visit.page.waitForFunction(() => document.querySelector('#own li')?.dataset.item.startsWith('coat-'));
      assert.equal(visit.page.workers().length, 1, 'element and list share one worker');
    });

    test('it goes without a trace', async () => {
      await visit.page.click('#remove');
      await visit.page.waitForFunction(() => !document.querySelector('vitrine-recs'));
      assert.deepEqual(warnings, []);
      assert.deepEqual(visit.problems, []);
    });
  });
}
