// How many bytes does a visitor fetch for a runtime? The files that the page asked for, as a server would send them.

import { createHash } from 'node:crypto';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const OPTIONS = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 } };

/** Brotli takes half a minute for the largest: what is known of a file's content is kept in `path`. */
async function openKnown(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return {};
  }
}

/**
 * @param {Record<string, string[]>} files  runtime -> its files on this machine
 * @param {string} known  where results are kept
 * @returns {Promise<Record<string, {raw: number, gzip: number, brotli: number}>>}
 */
export async function bytes(files, known) {
  const kept = await openKnown(known);
  const sums = {};
  for (const [runtime, paths] of Object.entries(files)) {
    const sum = { raw: 0, gzip: 0, brotli: 0 };
    for (const path of paths) {
      const body = await readFile(path);
      const name = createHash('sha256').update(body).digest('hex');
      kept[name] ??= {
        raw: body.length, gzip: (await promisify(gzip)(body, { level: 9 })).length, brotli: (await promisify(brotliCompress)(body, OPTIONS)).length,
      };
      for (const kind of Object.keys(sum)) sum[kind] += kept[name][kind];
    }
    sums[runtime] = sum;
  }
  await writeFile(known, JSON.stringify(kept));
  return sums;
}

/** Bytes of the same model in each runtime's format. */
export async function modelBytes(model) {
  const sum = async (paths) => (await Promise.all(paths.map((path) => stat(join(model, path))))).reduce((all, { size }) => all + size, 0);
  return {
    vitrine: await sum((await readdir(join(model, 'package'))).map((name) => `package/${name}`)), onnxruntime: await sum(['onnx/q8.onnx']),
    transformers: await sum(['transformers/onnx/model_quantized.onnx']), wllama: await sum(['q8_0.gguf']),
  };
}
