// Which tokens is a text made of? The package's own tokenizer.json, for items that came after the export.
//
// A byte-level BPE as the trainer makes it: NFC, words by GPT-2's pattern, bytes, merges in the order of their ranks. Here and not
// in the engine, because a browser has Unicode's tables and a bundle would have to bring them.

import { VitrineError } from './protocol.js';

// Unicode's white space, as the pattern's author had it; JavaScript's \s is another set.
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/**
 * @param {string} json  a `tokenizer.json`
 * @returns {(text: string) => Uint32Array}
 */
export function tokenizer(json) {
  const { model, normalizer, pre_tokenizer: split, added_tokens = [] } = JSON.parse(json);
  if (model?.type !== 'BPE' || normalizer?.type !== 'NFC' || split?.type !== 'ByteLevel' || !split.use_regex) {
    throw new VitrineError('bad_request', 'the package has a tokenizer that takes no new items in a browser');
  }
  const ids = new Map(Object.entries(model.vocab));
  const ranks = new Map(model.merges.map((/** @type {string | string[]} */ pair, /** @type {number} */ rank) => [[pair].flat().join(' '), rank]));
  const added = new Map(added_tokens.map((/** @type {{content: string, id: number}} */ token) => [token.content, token.id]));
  // Of two that begin alike the longer one, which a pattern finds when it stands first.
  const names = [...added.keys()].sort((a, b) => b.length - a.length).map((name) => name.replace(/[^\p{L}\p{N}]/gu, '\\$&'));
  const cut = names.length > 0 ? new RegExp(`(${names.join('|')})`) : undefined;
  /** @type {Map<string, number[]>} */
  const known = new Map();

  /** @param {string} word @returns {number[]} */
  const ofWord = (word) => {
    const found = known.get(word);
    if (found) return found;
    const parts = [...new TextEncoder().encode(word)].map((byte) => LETTERS[byte]);
    for (;;) {
      let [best, at] = [Infinity, -1];
      for (let i = 0; i + 1 < parts.length; i += 1) {
        const rank = ranks.get(`${parts[i]} ${parts[i + 1]}`) ?? Infinity;
        if (rank < best) [best, at] = [rank, i];
      }
      if (at < 0) break;
      parts.splice(at, 2, parts[at] + parts[at + 1]);
    }
    const tokens = parts.flatMap((part) => ids.get(part) ?? []);
    known.set(word, tokens);
    return tokens;
  };

  return (text) => {
    const tokens = (cut ? text.split(cut) : [text]).flatMap((piece) => {
      if (added.has(piece)) return added.get(piece);
      if (piece === '') return [];
      const normal = piece.normalize('NFC');
      const spaced = split.add_prefix_space && !normal.startsWith(' ') ? ` ${normal}` : normal;
      return (spaced.match(WORDS) ?? []).flatMap(ofWord);
    });
    return Uint32Array.from(tokens);
  };
}

/** A letter for every byte, as GPT-2 writes them: itself where it can be seen, else one from U+0100 on. */
const LETTERS = (() => {
  let next = 256;
  const isSeen = (/** @type {number} */ byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isSeen(byte) ? byte : next++));
})();
