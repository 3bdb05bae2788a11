// Draws the pictures of the mock shop: simple silhouettes of garments and objects as SVG text.
//
// A picture is a function of kind and colour alone, so that the mock catalogue is reproducible.

/** Cloth colours as [light, main, dark] and the ground they are photographed on. */
export const COLOURS = {
  camel: ['#d2ab78', '#b98d57', '#8a643a'], ivory: ['#f6f0e2', '#e6dcc7', '#bcae92'],
  ink: ['#4a4d55', '#2b2d33', '#15161a'], navy: ['#46587c', '#2a3a5b', '#18233b'],
  burgundy: ['#8f3f47', '#6a242d', '#42131a'], olive: ['#8a8a5e', '#686a42', '#444628'],
  grey: ['#b4b2ad', '#8f8d89', '#63615e'], rose: ['#e3bdb1', '#cf9d90', '#a06f64'],
  cognac: ['#b8733f', '#94542a', '#643417'], gold: ['#e6c98b', '#c6a052', '#8c6b2a'],
};
const GROUNDS = ['#e9e2d6', '#e2ddd4', '#ddd8d0', '#e6dcd2', '#dcdad2'];

const line = (d, width = 1.2, opacity = 0.5) => `<path d="${d}" fill="none" stroke="DARK" stroke-opacity="${opacity}" stroke-width="${width}" stroke-linecap="round"/>`;
const cloth = (d) => `<path d="${d}" fill="url(#c)"/>`;
const shade = (d, opacity = 0.25) => `<path d="${d}" fill="DARK" fill-opacity="${opacity}"/>`;
const dot = (x, y, r = 3) => `<circle cx="${x}" cy="${y}" r="${r}" fill="DARK" fill-opacity=".75"/>`;

/** Each kind on a canvas of 300 by 400. */
const KINDS = {
  coat: () =>
    cloth('M113 96C97 101 88 116 84 142L68 286c6 8 20 10 28 5l20-108z') + cloth('M187 96c16 5 25 20 29 46l16 144c-6 8-20 10-28 5l-20-108z') +
    cloth('M113 96c8-8 18-14 25-17h24c7 3 17 9 25 17l12 240c-28 9-70 9-98 0z') + shade('M138 79l12 58 12-58 14 6-16 78-10 14-10-14-16-78z', 0.3) +
    line('M113 96l-3 92M187 96l3 92', 1, 0.45) + line('M150 177V342') + line('M104 214h92') + line('M103 226h94') + line('M116 262l22 3M184 262l-22 3') + dot(140, 190) + dot(160, 190) + dot(140, 246) + dot(160, 246),
  jacket: () =>
    cloth('M112 110c-15 5-24 20-27 44l-13 112c6 7 19 9 26 4l18-84z') + cloth('M188 110c15 5 24 20 27 44l13 112c-6 7-19 9-26 4l-18-84z') +
    cloth('M112 110c8-8 18-13 26-16h24c8 3 18 8 26 16l8 166c-26 9-66 9-92 0z') + shade('M138 94l12 70 12-70 15 8-6 34-10-3 4 8-15 36-15-36 4-8-10 3-6-34z', 0.3) +
    line('M112 110l-3 84M188 110l3 84', 1, 0.45) + line('M150 177v106') + line('M116 226h24M184 226h-24') + line('M162 152h14') + dot(146, 200) + dot(146, 232),
  dress: () =>
    cloth('M128 84l6 34c2 14-12 34-14 56-4 46-22 100-34 146 38 17 90 17 128 0-12-46-30-100-34-146-2-22-16-42-14-56l6-34-6-2c-4 22-10 32-16 32s-12-10-16-32z') +
    line('M121 176c18 5 40 5 58 0', 1.6) + line('M136 190c-6 50-16 96-24 136M150 194v138M164 190c6 50 16 96 24 136', 1, 0.35) + line('M128 110c6 12 14 18 22 18s16-6 22-18', 1, 0.4),
  knit: () =>
    cloth('M112 118c-18 6-28 26-32 54l-12 92c8 6 20 8 28 5l20-78z') + cloth('M188 118c18 6 28 26 32 54l12 92c-8 6-20 8-28 5l-20-78z') +
    cloth('M112 118c8-7 16-11 22-13 4 10 28 10 32 0 6 2 14 6 22 13l6 158c-26 8-62 8-88 0z') + line('M112 118l-4 84M188 118l4 84', 1, 0.45) + shade('M131 106c4 18 34 18 38 0l-4-1c-4 11-26 11-30 0z', 0.4) + line('M107 266c28 7 58 7 86 0', 1.2) +
    [122, 131, 140, 150, 160, 169, 178].map((x) => line(`M${x} 134v126`, 2.4, 0.16)).join('') + line('M71 252c8 5 18 7 27 5M229 252c-8 5-18 7-27 5'),
  shirt: () =>
    cloth('M114 108c-16 5-26 20-29 44l-14 108c7 6 19 8 27 5l18-84z') + cloth('M186 108c16 5 26 20 29 44l14 108c-7 6-19 8-27 5l-18-84z') +
    cloth('M114 108l22-12h28l22 12 8 172c-10 9-26 6-44 6s-34 3-44-6z') + shade('M134 96l16 16 16-16 9 5-12 26-13-13-13 13-12-26z', 0.22) + line('M114 108l-4 80M186 108l4 80', 1, 0.4) + line('M146 116v168M154 116v168', 0.8, 0.4) +
    [140, 168, 196, 224, 252].map((y) => dot(150, y, 1.8)).join('') + line('M163 158h20v22h-20z', 0.9, 0.4),
  trousers: () =>
    cloth('M112 92h76l14 246c-12 4-26 4-36 1l-14-176h-4l-14 176c-10 3-24 3-36-1z') + line('M111 108h78', 1.4) + line('M150 108v50', 1.2) + line('M127 112c-4 74-8 152-12 226M173 112c4 74 8 152 12 226', 1, 0.35) + line('M114 116c6 10 6 20-2 28M186 116c-6 10-6 20 2 28', 1, 0.5) + dot(150, 100, 2.4),
  skirt: () =>
    cloth('M118 118h64c10 66 28 128 40 186-44 17-100 17-144 0 12-58 30-120 40-186z') + line('M117 132h66', 1.6) +
    [-3, -2, -1, 0, 1, 2, 3].map((fold) => line(`M${150 + fold * 8} 134C${150 + fold * 12} 200 ${150 + fold * 17} 260 ${150 + fold * 21} ${316 - Math.abs(fold) * 3}`, 1, 0.35)).join(''),
  bag: () =>
    `<path d="M112 196c0-74 76-74 76 0" fill="none" stroke="MAIN" stroke-width="9"/>` + `<path d="M112 196c0-74 76-74 76 0" fill="none" stroke="DARK" stroke-opacity=".4" stroke-width="1.2"/>` +
    cloth('M84 194h132l14 114c1 8-4 14-12 14H82c-8 0-13-6-12-14z') + shade('M84 194h132l4 36c-40 26-100 26-140 0z', 0.22) + line('M80 230c40 26 100 26 140 0') + `<rect x="141" y="240" width="18" height="16" rx="2" fill="#c6a052"/>` + line('M76 306h148', 1, 0.4),
  boot: () =>
    cloth('M150 84h58l-2 150c0 24 8 46 10 72l-2 26h-58l-6-20c-14 14-40 22-80 22-10 0-12-10-6-18 20-14 56-22 68-44 8-14 14-34 15-60z') + shade('M64 318c-6 8-4 16 6 16 40 0 66-8 80-22l6 20h58l2-14h-54l-8-16c-20 14-52 22-90 16z', 0.45) + line('M150 100h57', 1.2) + line('M172 112c2 50 2 90-2 128', 1, 0.45),
  scarf: () =>
    cloth('M96 92c30-18 78-18 108 0 10 10 6 28-8 36-28 14-64 14-92 0-14-8-18-26-8-36z') + cloth('M122 122l44 10c-4 66-12 128-26 190l-44-8c10-66 18-126 26-192z') + cloth('M164 126l28-6c10 48 16 94 18 142l-36 8c-2-50-4-96-10-144z') + shade('M104 118c28 14 64 14 92 0-10 16-82 18-92 0z', 0.4) +
    [98, 107, 116, 125, 134].map((x, i) => line(`M${x} ${314 + i * 1.6}l-3 20`, 1.4, 0.7)).join('') + [178, 187, 196, 205].map((x, i) => line(`M${x} ${269 - i * 2}l2 18`, 1.4, 0.7)).join('') + line('M114 290c14 4 22 5 32 5M117 276c14 4 22 5 32 5', 2, 0.35),
  hat: () =>
    cloth('M40 252c20-18 60-26 110-26s90 8 110 26c-16 22-60 32-110 32s-94-10-110-32z') + cloth('M92 238c0-60 14-96 34-98 10-1 16 6 24 6s14-7 24-6c20 2 34 38 34 98-30 18-86 18-116 0z') + shade('M91 216c34 18 84 18 118 0l1 22c-34 20-86 20-120 0z', 0.6) + line('M150 146c-4 14-4 30-2 44', 1.2, 0.4),
  sunglasses: () =>
    `<path d="M74 186c22-8 46-8 66 2 4 30-8 56-34 56-24 0-36-26-32-58z" fill="DARK" stroke="MAIN" stroke-width="7"/>` + `<path d="M226 186c-22-8-46-8-66 2-4 30 8 56 34 56 24 0 36-26 32-58z" fill="DARK" stroke="MAIN" stroke-width="7"/>` +
    `<path d="M140 192c6-6 14-6 20 0" fill="none" stroke="MAIN" stroke-width="6"/>` + `<path d="M74 188c-10-6-20-14-26-26M226 188c10-6 20-14 26-26" fill="none" stroke="MAIN" stroke-width="6" stroke-linecap="round"/>` + `<path d="M88 198c6-5 14-7 22-6M176 198c6-5 14-7 22-6" fill="none" stroke="#fff" stroke-opacity=".35" stroke-width="3" stroke-linecap="round"/>`,
  perfume: () =>
    `<rect x="134" y="112" width="32" height="44" rx="3" fill="DARK"/>` + `<rect x="142" y="154" width="16" height="14" fill="#c6a052"/>` + `<rect x="96" y="168" width="108" height="148" rx="10" fill="url(#c)" fill-opacity=".92"/>` + `<rect x="106" y="178" width="88" height="128" rx="5" fill="#fff" fill-opacity=".16"/>` +
    `<rect x="118" y="222" width="64" height="44" fill="#faf6ee"/>` + `<path d="M138 238h24M132 250h36" stroke="#5c5346" stroke-width="1.4"/>` + line('M106 196v96', 2, 0.2),
  earrings: () =>
    [110, 190].map((x) => `<circle cx="${x}" cy="128" r="7" fill="url(#c)"/><path d="M${x} 136v34" stroke="MAIN" stroke-width="2.4"/><ellipse cx="${x}" cy="216" rx="32" ry="46" fill="none" stroke="url(#c)" stroke-width="11"/><ellipse cx="${x}" cy="216" rx="37.5" ry="51.5" fill="none" stroke="DARK" stroke-opacity=".3"/><circle cx="${x}" cy="284" r="11" fill="#f4eee2" stroke="DARK" stroke-opacity=".3"/>`).join(''),
};

export const KIND_NAMES = Object.keys(KINDS);

/** How much a figure is enlarged, and where its middle lies, so that all fill their picture alike. */
const FRAMES = {
  coat: [1.14, 208], jacket: [1.4, 186], dress: [1.16, 208], knit: [1.42, 188], shirt: [1.36, 190], trousers: [1.14, 214],
  skirt: [1.3, 216], bag: [1.16, 232], boot: [1.08, 208], scarf: [1.16, 208], hat: [1.1, 210], sunglasses: [1.16, 204],
  perfume: [1.16, 214], earrings: [1.24, 208],
};

/**
 * @param {string} kind  one of KIND_NAMES
 * @param {keyof typeof COLOURS} colour
 * @returns {string} an SVG document
 */
export function draw(kind, colour) {
  const [light, main, dark] = COLOURS[colour];
  const ground = GROUNDS[(KIND_NAMES.indexOf(kind) * 3 + Object.keys(COLOURS).indexOf(colour)) % GROUNDS.length];
  const figure = KINDS[kind]().replaceAll('DARK', dark).replaceAll('MAIN', main);
  const [scale, middle] = FRAMES[kind];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 400" width="600" height="800">
<defs><linearGradient id="c" gradientUnits="userSpaceOnUse" x1="70" y1="90" x2="236" y2="150"><stop offset="0" stop-color="${light}"/><stop offset=".5" stop-color="${main}"/><stop offset="1" stop-color="${dark}"/></linearGradient>
<radialGradient id="g" cx=".42" cy=".36" r=".85"><stop offset="0" stop-color="#fff" stop-opacity=".6"/><stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient>
<filter id="s" x="-20%" y="-20%" width="150%" height="150%"><feDropShadow dx="5" dy="9" stdDeviation="7" flood-color="#3c3222" flood-opacity=".32"/></filter></defs>
<rect width="300" height="400" fill="${ground}"/><rect width="300" height="400" fill="url(#g)"/>
<g filter="url(#s)" transform="translate(150 200) scale(${scale}) translate(-150 ${-middle})">
${figure}
</g>
</svg>
`;
}
