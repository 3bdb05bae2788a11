// What is every runtime asked, and how is it timed?

const RUNS = 11;
export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Titles of `random_package`. */
export function title(item, tokens) {
  const mixed = (item * 48_271) % 2_147_483_647;
  const [low, high] = [mixed % 4_099, Math.floor(mixed / 4_099)];
  return Array.from({ length: 4 + (item % 7) }, (_, i) => 11 + ((low * (i + 1) * 31 + high * (i * i + 7)) % (tokens - 11)));
}
export const END = 1;
export const LEVEL = 10;

/** Events of a text visitor: a prompt of some 200 tokens. */
export const TEXT_EVENTS = 22;
export const CANDIDATES = Array.from({ length: 20 }, (_, i) => i);

/** What visitor number `who` met, oldest first: item numbers. Visitors are asked in turn, so that no cache answers. */
export const met = (who, count) => Array.from({ length: count }, (_, i) => (who % 2) * 1000 + i * 3);
export const events = (items) => items.map((item, i) => ({ item: `i${item}`, type: 'purchase', ts: Date.now() - (1000 - i) * 3_600_000 }));

/** Tokens of a history, without the question that follows it. */
export const history = (items, tokens) => items.flatMap((item) => [LEVEL, ...title(item, tokens), END]);

/**
 * Runs all in turn, so that a busy moment hits all alike, and each round begins with the next, since whoever follows a
 * long job finds the caches emptied; milliseconds of each run, by name.
 *
 * @param {Record<string, {prepare?: (run: number) => any, job: (input: any) => any}>} jobs
 * @param {number} warmUp  rounds before the clock counts: compilers compile what runs often a second time, better
 */
export async function inTurn(jobs, warmUp = 10) {
  const times = Object.fromEntries(Object.keys(jobs).map((name) => [name, []]));
  const all = Object.entries(jobs);
  for (let run = 0; run < RUNS + warmUp; run += 1) {
    const first = run % all.length;
    for (const [name, { prepare = () => run, job }] of [...all.slice(first), ...all.slice(0, first)]) {
      const input = await prepare(run);
      const began = performance.now();
      await job(input);
      if (run >= warmUp) times[name].push(performance.now() - began);
    }
  }
  return times;
}

/** How wrong are the summed log-probabilities of the candidates? */
export const worst = (sums, exact) => Math.max(...sums.map((sum, i) => Math.abs(sum - exact[i])));

export async function sizes(base) {
  const config = await (await fetch(`${base}/hf/config.json`)).json();
  const { hidden_size: hidden, num_hidden_layers: layers, num_attention_heads: heads, num_key_value_heads: shared, vocab_size: tokens } = config;
  return { hidden, layers, heads, shared, tokens, head: hidden / heads };
}
