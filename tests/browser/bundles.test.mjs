// Are the bundles as small as promised? What a browser is sent, in the coding that a server would send it in.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { brotliCompressSync, constants } from 'node:zlib';

/** Most bytes; the quicker coding of the large bundle is the larger one. */
const LIMITS = { cpu: { bytes: 450_000, quality: 11 }, gpu: { bytes: 3_000_000, quality: 5 } };

for (const [name, { bytes, quality }] of Object.entries(LIMITS)) {
  test(`the ${name} bundle is at most ${bytes} bytes with brotli`, async () => {
    const wasm = await readFile(new URL(`../../web/dist/${name}/web_bg.wasm`, import.meta.url));
    const params = { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: wasm.length };
    const sent = brotliCompressSync(wasm, { params }).length;
    assert.ok(sent <= bytes, `${sent} bytes`);
  });
}
