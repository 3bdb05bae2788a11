// Are the bundles as small as promised? What a browser is sent, in the coding that a server would send it in.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { brotliCompressSync, constants } from 'node:zlib';

/** Most bytes; the quicker coding of the large bundle is the larger one. */
const LIMITS = {
  'cpu/web_bg.wasm': { bytes: 450_000, quality: 11 },
  'cpu/web_relaxed_bg.wasm': { bytes: 450_000, quality: 11 },
  'gpu/web_bg.wasm': { bytes: 3_000_000, quality: 5 },
};

for (const [name, { bytes, quality }] of Object.entries(LIMITS)) {
  test(`${name} is at most ${bytes} bytes with brotli`, async () => {
    const wasm = await readFile(new URL(`../../web/dist/${name}`, import.meta.url));
    const params = { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: wasm.length };
    const sent = brotliCompressSync(wasm, { params }).length;
    assert.ok(sent <= bytes, `${sent} bytes`);
  });
}
