// A stand-in for the wasm bundle: the same contract, with arithmetic that a person can check.
//
// The score of an item is the sum of the intensities of the items that share its last category, plus
// half of that for its first category. Ties keep the order of the catalogue. Of the shop's rules it knows pins, the
// least score, what stands for an empty list, and experiments. What goes wrong is in `mock` of the manifest.

const device = import.meta.url.includes('/gpu/') ? 'gpu' : 'cpu';

const INTENSITY = {
  click: 0.1, view: 0.1, dwell: 0.2, zoom: 0.2, wishlist_add: 0.6, cart_add: 0.7, checkout: 0.8, purchase: 1,
  cart_remove: -0.3, wishlist_remove: -0.1, return: -0.6, dismiss: -0.8,
};
const KINDS = { wishlist_add: 'saved', cart_add: 'cart', checkout: 'cart', purchase: 'bought', rate: 'liked' };

export default async function init({ module_or_path }) {
  // What a policy without 'wasm-unsafe-eval' refuses.
  await WebAssembly.compile(await (await module_or_path).arrayBuffer());
}

export class Recommender {
  #items;
  #manifest;
  #rules = {};
  #device;
  #answers = 0;

  constructor(items, manifest, gpuDevice) {
    this.#items = items;
    this.#manifest = manifest;
    this.#device = gpuDevice;
  }

  static async open(package_url, _device, on_progress) {
    const load = async (path) => {
      const url = new URL(path, package_url).href;
      const fail = (code) => (cause) => {
        throw { code, message: `${url}: ${cause}` };
      };
      const response = await fetch(url).catch(fail('package_unreachable'));
      if (!response.ok) fail('package_unreachable')(`status ${response.status}`);
      const text = await response.text().catch(fail('package_unreachable'));
      return new Response(text).json().catch(fail('package_corrupt'));
    };
    const manifest = await load('manifest.json');
    on_progress(1, 2);
    const { items } = await load('catalog.json');
    // What a hash tells of a real package.
    if (manifest.mock?.items && manifest.mock.items !== items.length) {
      throw { code: 'package_corrupt', message: 'file catalog.json does not have the SHA-256 that the manifest names' };
    }
    on_progress(2, 2);
    const wantsDevice = device === 'gpu' && manifest.mock?.gpu_lost_after;
    const gpuDevice = wantsDevice && (await (await navigator.gpu.requestAdapter()).requestDevice());
    return new Recommender(items, manifest, gpuDevice);
  }

  async self_test() {
    const passed = device === 'cpu' || this.#manifest.mock?.gpu_self_test !== false;
    return { passed, max_error: passed ? 0 : 1 };
  }

  catalog() {
    return this.#items;
  }

  info() {
    const { recipe } = this.#manifest;
    return { recipe, parameters: 612_000, device, quantisation: 'q8', items: this.#items.length, context: 50, fingerprint: recipe, filter_days: { dismiss: 90 } };
  }

  set_rules(text) {
    const rules = JSON.parse(text);
    if (rules.version !== 1) throw { code: 'bad_request', message: `rules of version ${rules.version}, this build reads version 1` };
    this.#rules = rules;
  }

  interactions(events) {
    const found = new Map();
    for (const { item, type, ts, rating } of [...events].sort((a, b) => a.ts - b.ts)) {
      if (!this.#items.some(({ id }) => id === item)) continue;
      const known = found.get(item) ?? { item, intensity: 0, time_ms: ts };
      const value = type === 'rate' ? (rating - 3) / 2 : (INTENSITY[type] ?? 0);
      known.intensity = value < 0 || type === 'rate' ? value : Math.max(known.intensity, value);
      found.set(item, known);
    }
    return [...found.values()];
  }

  async recommend(events, { k, exclude = [], candidates, placement = '', cart = [], shown = [], now_ms, bucket = 0 }) {
    if (!Number.isFinite(now_ms)) throw { code: 'bad_request', message: 'now_ms is no number' };
    if (this.#manifest.mock?.cpu_traps) throw new WebAssembly.RuntimeError('unreachable');
    const byId = new Map(this.#items.map((item) => [item.id, item]));
    const liked = this.interactions(events);
    const isAlike = (one, other) => one.category?.at(-1) === other.category?.at(-1);
    const score = (item) =>
      liked.reduce((sum, { item: id, intensity }) => {
        const isAkin = byId.get(id).category?.[0] === item.category?.[0];
        return sum + (isAlike(byId.get(id), item) ? intensity : 0) + (isAkin ? intensity / 2 : 0);
      }, 0);
    const reason = (item) => {
      const known = liked.findLast(({ item: id, intensity }) => id !== item.id && intensity > 0 && isAlike(byId.get(id), item));
      const strongest = known && events.findLast(({ item: id, type }) => id === known.item && KINDS[type]);
      return known && { kind: KINDS[strongest?.type] ?? 'viewed', item: known.item };
    };
    const away = new Set([...exclude, ...cart, ...shown]);
    const rows = this.#items
      .filter(({ id, available }) => available !== false && !away.has(id) && (!candidates || candidates.includes(id)))
      .map((item) => ({ item: item.id, score: score(item), strength: score(item), rules: [], reason: reason(item) }))
      .sort((a, b) => b.score - a.score);
    const experiment = Object.entries(this.#rules.experiments ?? {}).find(([, each]) => each.placement === placement && bucket < each.share);
    const name = experiment?.[1].uses ?? placement;
    for (const { item, pos } of this.#rules.placements?.[name]?.pin ?? []) {
      const at = rows.findIndex((row) => row.item === item);
      if (at < 0) continue;
      const [row] = rows.splice(at, 1);
      rows.splice(pos - 1, 0, { ...row, rules: ['pin'] });
    }
    this.#answers += 1;
    if (this.#device && this.#answers === this.#manifest.mock.gpu_lost_after) this.#device.destroy();
    const { min_score: least = -Infinity, fallback = [] } = this.#rules.placements?.[name] ?? {};
    const strong = rows.filter(({ score }) => score >= least);
    return { rows: liked.length > 0 ? strong.slice(0, k) : [], fallback, experiment: experiment?.[0] ?? null };
  }
}
