// A stand-in for the wasm bundle: the same contract, with arithmetic that a person can check.
//
// The score of an item is the sum of the intensities of the items that share its last category, plus
// half of that for its first category. Ties keep the order of the catalogue.

const device = import.meta.url.includes('/gpu/') ? 'gpu' : 'cpu';

const INTENSITY = {
  click: 0.1, view: 0.1, dwell: 0.2, zoom: 0.2, wishlist_add: 0.6, cart_add: 0.7, checkout: 0.8, purchase: 1,
  cart_remove: -0.3, wishlist_remove: -0.1, return: -0.6, dismiss: -0.8,
};

export default async function init({ module_or_path }) {
  await (await fetch(module_or_path)).arrayBuffer();
}

export class Recommender {
  #items;
  #manifest;

  constructor(items, manifest) {
    this.#items = items;
    this.#manifest = manifest;
  }

  static async open(package_url, _device, on_progress) {
    const load = async (path) => {
      const response = await fetch(new URL(path, package_url)).catch((cause) => {
        throw { code: 'package_unreachable', message: String(cause) };
      });
      if (!response.ok) throw { code: 'package_unreachable', message: `${path}: status ${response.status}` };
      return response.json();
    };
    const manifest = await load('manifest.json');
    on_progress(1, 2);
    const { items } = await load('catalog.json');
    on_progress(2, 2);
    return new Recommender(items, manifest);
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

  async recommend(events, { k, exclude = [], candidates }) {
    const byId = new Map(this.#items.map((item) => [item.id, item]));
    const liked = this.interactions(events);
    const score = (item) =>
      liked.reduce((sum, { item: id, intensity }) => {
        const { category = [] } = byId.get(id);
        const isAlike = category.at(-1) === item.category?.at(-1);
        const isAkin = category[0] === item.category?.[0];
        return sum + (isAlike ? intensity : 0) + (isAkin ? intensity / 2 : 0);
      }, 0);
    return this.#items
      .filter(({ id, available }) => available !== false && !exclude.includes(id) && (!candidates || candidates.includes(id)))
      .map((item) => ({ item: item.id, score: score(item) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, k);
  }
}
