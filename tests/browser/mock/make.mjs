// Writes the mock packages: a fashion house with pictures and prices, and films with neither.
//
//   node make.mjs FOLDER     writes FOLDER/shop, FOLDER/films (packages) and FOLDER/images

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COLOURS, draw } from './draw.mjs';

const BRANDS = ['Aurelle', 'Vasseur', 'Lindqvist', 'Oria', 'Montclar'];
/** kind: [category path, what it is called, material, price in euros from, words] */
const LINES = {
  coat: [['Clothing', 'Coats'], 'coat', 'double-faced wool', 1450, 'Cut long and worn open, with a belt for the days that ask for one.'],
  jacket: [['Clothing', 'Jackets'], 'jacket', 'wool twill', 980, 'A soft shoulder and a firm hand. It keeps its shape so that you need not.'],
  dress: [['Clothing', 'Dresses'], 'dress', 'silk crêpe', 890, 'Bias-cut silk that moves a moment after you do.'],
  knit: [['Clothing', 'Knitwear'], 'sweater', 'cashmere', 540, 'Two-ply cashmere, knitted slowly, with a rib that remembers.'],
  shirt: [['Clothing', 'Shirts'], 'shirt', 'cotton poplin', 260, 'Crisp poplin with mother-of-pearl buttons.'],
  trousers: [['Clothing', 'Trousers'], 'trousers', 'flannel', 420, 'High waist, straight leg, pressed once and for all.'],
  skirt: [['Clothing', 'Skirts'], 'skirt', 'pleated satin', 460, 'Pleats that open at every step.'],
  bag: [['Leather', 'Bags'], 'handbag', 'calf leather', 1680, 'A structured bag, saddle-stitched by one pair of hands.'],
  boot: [['Leather', 'Boots'], 'boots', 'calf leather', 790, 'Blake-stitched, with a heel for pavements and parquet.'],
  scarf: [['Accessories', 'Scarves'], 'scarf', 'cashmere', 290, 'Long enough to be forgotten about.'],
  hat: [['Accessories', 'Hats'], 'fedora', 'felt', 310, 'Blocked by hand over steam.'],
  sunglasses: [['Accessories', 'Eyewear'], 'sunglasses', 'acetate', 340, 'Cut from a single sheet of acetate.'],
  earrings: [['Jewellery', 'Earrings'], 'earrings', 'vermeil', 480, 'A hoop and a pearl, no more.'],
  perfume: [['Perfume', 'Eau de parfum'], 'eau de parfum', 'glass', 190, 'Iris, smoke, and a page just turned.'],
};
const RANGE = {
  coat: ['camel', 'ink', 'grey'], jacket: ['navy', 'olive', 'ivory'], dress: ['burgundy', 'ink', 'rose'],
  knit: ['ivory', 'grey', 'camel'], shirt: ['ivory', 'navy', 'rose'], trousers: ['grey', 'ink', 'olive'],
  skirt: ['rose', 'olive', 'burgundy'], bag: ['cognac', 'ink', 'burgundy'], boot: ['ink', 'cognac', 'olive'],
  scarf: ['camel', 'burgundy', 'navy'], hat: ['camel', 'ink', 'grey'], sunglasses: ['ink', 'cognac'],
  earrings: ['gold', 'rose'], perfume: ['rose', 'gold', 'navy'],
};

/** Round by round through the kinds, so that the first page of the grid shows the range. */
function shop() {
  const items = [];
  for (let round = 0; round < 3; round += 1) {
    for (const [kind, [category, noun, material, euros, text]] of Object.entries(LINES)) {
      const colour = RANGE[kind][round];
      if (!colour) continue;
      const title = `${colour[0].toUpperCase()}${colour.slice(1)} ${noun}`;
      items.push({
        id: `${kind}-${colour}`, title, brand: BRANDS[(items.length * 2 + round) % BRANDS.length], category,
        price: (euros + round * 60) * 100, currency: 'EUR', image: `images/${kind}-${colour}.svg`,
        attrs: { colour, material }, text,
      });
    }
  }
  return items;
}

const GENRES = ['Drama', 'Comedy', 'Thriller', 'Romance', 'Action', 'Adventure', 'Sci-Fi', 'Crime', 'Animation', 'Mystery', 'War', 'Musical'];
const FIRST = ['The Last', 'A Quiet', 'Letters from', 'Midnight in', 'The Colour of', 'Seven Days of', 'Beyond', 'Once Upon', 'The Man Who Sold', 'Return to', 'Summer of', 'The Secret Life of', 'Blue'];
const SECOND = ['Harbour', 'Winter', 'the Orchard', 'Lisbon', 'Glass', 'a River', 'the Cartographer', 'Velvet', 'the North', 'an Island', 'Thunder', 'the Piano', 'Nowhere'];

function films(count) {
  return Array.from({ length: count }, (_, index) => {
    const part = Math.floor(index / (FIRST.length * SECOND.length));
    const title = `${FIRST[index % FIRST.length]} ${SECOND[Math.floor(index / FIRST.length) % SECOND.length]}${part > 0 ? ` ${part + 1}` : ''}`;
    const category = [...new Set([GENRES[(index * 5) % 12], GENRES[(index * 7 + 3 + Math.floor(index / 12)) % 12]])];
    return { id: String(index + 1), title: `${title} (${1930 + ((index * 13) % 70)})`, category };
  });
}

async function writePackage(folder, items, manifest) {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  await writeFile(join(folder, 'catalog.json'), JSON.stringify({ items }));
}

/** @param {string} folder */
export async function make(folder) {
  const items = shop();
  await writePackage(join(folder, 'shop'), items, { recipe: 'compact' });
  await writePackage(join(folder, 'films'), films(1682), { recipe: 'compact' });
  await writePackage(join(folder, 'language'), items, { recipe: 'text' });
  await writePackage(join(folder, 'miscomputing'), items, { recipe: 'text', mock: { gpu_self_test: false } });
  await writePackage(join(folder, 'losing'), items, { recipe: 'text', mock: { gpu_lost_after: 1 } });
  await writePackage(join(folder, 'trapping'), items, { recipe: 'compact', mock: { cpu_traps: true } });
  await mkdir(join(folder, 'images'), { recursive: true });
  for (const { id, image } of items) {
    const [kind, colour] = id.split('-');
    if (!(colour in COLOURS)) throw new Error(`no colour ${colour}`);
    await writeFile(join(folder, image), draw(kind, colour));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await make(process.argv[2] ?? 'out');
