// Which files of a package are on their way before an engine wants them? The next few, in the order in which it will.
//
// An engine is WebAssembly: it asks for nothing before it is loaded and compiled, and then for one file after another.

import { askAhead } from './network.js';

/** As many files: what is ahead lies in memory, and a weight file has four megabytes. */
const FILES_AHEAD = 4;
/** What a manifest may have at most, as in `shared/src/package`. */
const MANIFEST_BYTES = 4 << 20;

/**
 * Asks for what `manifest.json` names, ahead of whoever reads the package.
 *
 * @param {string} folder  ends with a slash
 * @returns {() => void} ends it; what was not fetched by then is given up
 */
export function readAhead(folder) {
  const end = new AbortController();
  // Whoever reads the package says what is wrong with it.
  begin(folder, end.signal).catch(() => {});
  return () => end.abort();
}

/** @param {string} folder @param {AbortSignal} signal */
async function begin(folder, signal) {
  const manifest = await askAhead(new URL('manifest.json', folder).href, { most_bytes: MANIFEST_BYTES, signal });
  if (!manifest?.ok) return;
  /** @type {{files: {path: string, bytes: number}[]}} */
  const { files } = await manifest.clone().json();
  const waiting = files.filter(({ path, bytes }) => /^\w[\w.-]*$/.test(path) && bytes >= 0);
  const next = () => {
    for (let file; !signal.aborted && (file = waiting.shift()); ) {
      const asked = askAhead(new URL(file.path, folder).href, { most_bytes: file.bytes, signal, onTaken: next });
      // Somebody else may have asked for it.
      if (!asked) continue;
      asked.catch(() => {});
      return;
    }
  };
  for (let count = 0; count < FILES_AHEAD; count += 1) next();
}
