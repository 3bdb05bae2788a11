// What every browser test needs: a site on this machine, a browser, and a record of what went out.

import { createServer } from 'node:http';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { make } from './mock/make.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const REPOSITORY = join(HERE, '../..');

/** What the shop is expected to work under, and what `www/index.html` itself asks for. */
export const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'";

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.json': 'application/json',
  '.svg': 'image/svg+xml', '.wasm': 'application/wasm',
};

/** An empty module: the mock bundle fetches it as the real one fetches its code. */
const EMPTY_WASM = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
/** Bundles of the mock engine, whichever a browser asks for. */
export const MOCK_BUNDLES = {
  '/vitrine/cpu/web.js': join(HERE, 'mock/web.js'),
  '/vitrine/cpu/web_bg.wasm': EMPTY_WASM,
  '/vitrine/cpu/web_relaxed_bg.wasm': EMPTY_WASM,
  '/vitrine/gpu/web.js': join(HERE, 'mock/web.js'),
  '/vitrine/gpu/web_bg.wasm': EMPTY_WASM,
};

/**
 * Serves folders, the longest matching prefix first. Unknown paths are 404.
 *
 * @param {Record<string, string | Buffer>} roots  address prefix -> folder, file or content
 * @param {{policy?: string}} [options]
 */
export async function serve(roots, { policy = POLICY } = {}) {
  const prefixes = Object.keys(roots).sort((a, b) => b.length - a.length);
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://site').pathname));
    const prefix = prefixes.find((each) => path.startsWith(each));
    const headers = { 'content-security-policy': policy, 'cache-control': 'no-store' };
    try {
      const root = roots[prefix];
      const rest = path.slice(prefix.length);
      const body = Buffer.isBuffer(root) ? root : await readFile(rest || extname(root) ? join(root, rest) : join(root, 'index.html'));
      response.writeHead(200, { ...headers, 'content-type': TYPES[extname(path) || '.html'] ?? 'application/octet-stream' });
      response.end(body);
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((resolve) => server.close(resolve)) };
}

/**
 * The storefront with the mock engine.
 *
 * @param {{package?: string, policy?: string}} [options]  which of the mock packages of `make.mjs` lies at
 *   `/vitrine/model/` (all lie at `/packages/`), and what the pages may do
 */
export async function serveShop({ package: name = 'shop', policy } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-'));
  await make(folder);
  const site = await serve({
    '/': join(REPOSITORY, 'www'),
    '/images/': join(REPOSITORY, 'www/images'),
    '/vitrine/': join(REPOSITORY, 'web/js'),
    ...MOCK_BUNDLES,
    '/vitrine/model/': join(folder, name),
    '/packages/': folder,
    ...Object.fromEntries((await pictures(folder)).map((file) => [`/images/${file}`, join(folder, 'images', file)])),
    '/pages/': join(HERE, 'pages'),
    // Addresses of pictures are relative to the page.
    '/pages/images/': join(folder, 'images'),
  }, { policy });
  return {
    url: site.url,
    async close() {
      await site.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function pictures(folder) {
  return readdir(join(folder, 'images'));
}

/** @param {{gpu?: boolean}} [options] */
export function launch({ gpu = false } = {}) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless=new', '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
      ...(gpu ? ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'] : []),
    ],
  });
}

/** The page's browser says that it multiplies bytes, or that it does not, whatever it does. */
export const sayBytes = (page, isSo) => page.route('**/bytes.js', (route) => route.fulfill({
  contentType: 'text/javascript', body: `export const multipliesBytes = () => ${isSo};`,
}));

/**
 * A page that remembers what it asked for, what it complained about, and which Vitrine events it saw.
 *
 * @param {import('playwright-core').Browser | import('playwright-core').BrowserContext} browser
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function openPage(browser, options) {
  const context = 'newContext' in browser ? await browser.newContext(options) : browser;
  const requests = [];
  context.on('request', (request) => requests.push(request));
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.addInitScript(() => {
    window.seen = [];
    window.violations = [];
    for (const type of ['vitrine-ready', 'vitrine-impression', 'vitrine-click', 'vitrine-error']) {
      document.addEventListener(type, (event) => window.seen.push({ type, detail: event.detail, composed: event.composed }));
    }
    document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  return { context, page, requests, problems };
}

/** Waits until a Vitrine event of this type was seen, and returns the first. */
export async function seen(page, type) {
  const handle = await page.waitForFunction((wanted) => window.seen.find((event) => event.type === wanted), type);
  return handle.jsonValue();
}

/** The ids that `<vitrine-recs>` shows, or null while the shop's own list stands. */
export function shown(page, selector = 'vitrine-recs') {
  return page.evaluate((query) => {
    const recs = document.querySelector(query);
    if (recs.dataset.state !== 'answer') return null;
    return [...recs.shadowRoot.querySelectorAll('li')].map((entry) => entry.dataset.item);
  }, selector);
}

/** Waits until the element shows an answer that satisfies `test` (a function of the ids). */
export async function answered(page, test = () => true, selector = 'vitrine-recs') {
  const until = Date.now() + 10_000;
  // A page that draws itself may not have drawn it yet.
  await page.locator(selector).first().waitFor({ state: 'attached' });
  for (;;) {
    const ids = await shown(page, selector);
    if (ids && test(ids)) return ids;
    if (Date.now() > until) throw new Error(`the row never came; last seen: ${JSON.stringify(ids)}`);
    await page.waitForTimeout(50);
  }
}

/**
 * Waits until an answer of the page, a promise perhaps, is what is wanted: on a busy machine everything takes its time.
 *
 * @template T
 * @param {() => Promise<T> | T} ask
 * @param {(answer: T) => boolean} test
 * @param {string} [what]  is waited for
 */
export async function eventually(ask, test, what = 'it') {
  const until = Date.now() + 20_000;
  for (;;) {
    const answer = await ask();
    if (test(answer)) return answer;
    if (Date.now() > until) throw new Error(`${what} never came to that; last seen: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
