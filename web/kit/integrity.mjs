#!/usr/bin/env node
// What does a page that checks its scripts have to say? Tags and header for this build, ready to be copied.
//
//   node integrity.mjs [BASE]      BASE: where the package is served, /vitrine/ when left out
//
// An import map with `integrity` covers every module that the page loads, those that are loaded later included; it is an
// inline script, so that the policy must name its hash. Browsers that do not know it yet check the tags alone.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What the page itself loads; what the worker loads is outside any import map. */
const OF_THE_PAGE = [
  'recorder.js', 'vitrine.js', 'watching.js', 'take-away.js', 'sources.js', 'catalogue-ids.js', 'template.js', 'older-navigation.js', 'privacy.js', 'debug.js',
];
/** What is loaded at once, in the order in which it is needed. */
const AT_ONCE = ['recorder.js', 'vitrine.js'];

/**
 * @param {Record<string, string>} hashes  `integrity.json`
 * @param {string} [base]
 * @returns {{head: string, policy: string}}  `head` goes into <head>, before any other module
 */
export function checked(hashes, base = '/vitrine/') {
  const folder = base.endsWith('/') ? base : `${base}/`;
  const map = JSON.stringify({ integrity: Object.fromEntries(OF_THE_PAGE.map((name) => [folder + name, hashes[name]])) });
  const mapHash = createHash('sha384').update(map).digest('base64');
  const tag = (/** @type {string} */ start, /** @type {string} */ name, end = '') =>
    `<${start}="${folder}${name}" integrity="${hashes[name]}">${end}`;
  const head = [
    `<script type="importmap">${map}</script>`,
    ...AT_ONCE.map((name) => tag('link rel="modulepreload" href', name)),
    ...AT_ONCE.map((name) => tag('script type="module" src', name, '</script>')),
  ].join('\n');
  const policy = [
    "default-src 'none'", `script-src 'self' 'wasm-unsafe-eval' 'sha384-${mapHash}'`, "worker-src 'self'", "connect-src 'self'", "img-src 'self'",
    "style-src 'self'",
  ].join('; ');
  return { head, policy };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const hashes = JSON.parse(readFileSync(new URL('./integrity.json', import.meta.url), 'utf8'));
  const { head, policy } = checked(hashes, process.argv[2]);
  console.log(`${head}\n\nContent-Security-Policy: ${policy}`);
}
