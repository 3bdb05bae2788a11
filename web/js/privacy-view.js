// What does `<vitrine-privacy>` look like? Markup and default style, without behaviour.

import { make, safeUrl, styleSheet } from './dom.js';

/**
 * @typedef {import('./privacy-words.js').Say} Say
 * @typedef {import('./privacy-words.js').Key} Key
 * @typedef {{item: string, title: string, url: string, image: string, deeds: string[], when: string, ts: number,
 *   interest: string, strength: number | null}} Note  `strength` from -1 to 1, `interest` says it in words
 * @typedef {{text: string, because: string | null, titles: string}} Why  `because`: the item of the note that is the reason
 */

export const privacyStyle = styleSheet(`
:host {
  display: block;
  container-type: inline-size;
  max-inline-size: var(--vitrine-privacy-width, 46rem);
  margin-block: 3rem;
  line-height: 1.5;
  --_muted: var(--vitrine-muted, color-mix(in srgb, currentColor 72%, transparent));
  --_line: color-mix(in srgb, currentColor 18%, transparent);
  --_wash: color-mix(in srgb, currentColor 6%, transparent);
}
:host([hidden]), [hidden] { display: none !important; }
h2, h3, p, dl, dd, ul { margin: 0; padding: 0; }
h2 {
  font-family: var(--vitrine-heading-font, inherit);
  font-weight: 400;
  font-size: clamp(1.625rem, 1.2rem + 2cqi, 2.125rem);
  line-height: 1.2;
  letter-spacing: -0.015em;
  text-wrap: balance;
}
h3 { margin-block: 2.75rem 0.75rem; font-family: var(--vitrine-heading-font, inherit); font-weight: 400; font-size: 1.25rem; line-height: 1.4; }
.lead { max-inline-size: 38rem; margin-block-start: 0.75rem; text-wrap: pretty; }
.more, .deeds, .when, .titles, .hint, .fine { font-size: 0.875rem; color: var(--_muted); }
:focus-visible { outline: 2px solid currentColor; outline-offset: 3px; }
:focus:not(:focus-visible) { outline: none; }

.facts {
  display: grid;
  gap: 1.25rem 2rem;
  margin-block: 2rem;
  padding-block: 1.25rem;
  border-block: 1px solid var(--_line);
}
.facts div { display: grid; grid-template-columns: 5.5rem minmax(0, 1fr); column-gap: 1rem; }
.facts dt { font-size: 0.8125rem; line-height: 1.75rem; color: var(--_muted); }
.facts dd { grid-column: 2; }
.value { font-size: 1.125rem; line-height: 1.75rem; font-variant-numeric: lining-nums tabular-nums; }
@container (inline-size >= 36rem) {
  .facts { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .facts div { display: block; }
  .value { font-size: 1.25rem; }
}

.choice { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0.125rem 1.5rem; align-items: center; padding-block: 0.875rem; }
.choice + .choice { border-block-start: 1px solid var(--_line); }
.choice .name { font-weight: 500; }
.choice .hint { grid-column: 1; max-inline-size: 32rem; }
.choice label { display: contents; cursor: pointer; }
.switch {
  appearance: none;
  grid-column: 2;
  grid-row: 1 / span 2;
  position: relative;
  inline-size: 3rem;
  block-size: 1.75rem;
  margin: 0;
  border: 1.5px solid currentColor;
  border-radius: 1rem;
  color: inherit;
  background: none;
  cursor: pointer;
}
.switch::after { content: ""; position: absolute; inset: -0.625rem 0; }
.switch::before {
  content: "";
  position: absolute;
  inset-block-start: 0.25rem;
  inset-inline-start: 0.25rem;
  inline-size: 1.0625rem;
  block-size: 1.0625rem;
  border-radius: 50%;
  background: currentColor;
}
/* On: the track is filled and the knob a hole in it, which shows whatever page there is below. */
.switch:checked { border: 0; background: currentColor; --_hole: calc(100% - 0.875rem); mask: radial-gradient(circle at var(--_hole) 50%, #0000 0.5625rem, #000 0.6rem); }
.switch:checked:dir(rtl) { --_hole: 0.875rem; }
.switch:checked::before { opacity: 0; }
.switch:checked:focus-visible { mask: none; background: none; border: 1.5px solid currentColor; }
.switch:checked:focus-visible::before { inset-inline-start: calc(100% - 1.3125rem); opacity: 1; }
.switch:checked:focus-visible { box-shadow: inset 0 0 0 1rem color-mix(in srgb, currentColor 25%, transparent); }

ul { list-style: none; }
.notes li { display: grid; grid-template-columns: 3rem minmax(0, 1fr) auto; gap: 0 1rem; align-items: center; padding-block: 0.75rem; border-block-end: 1px solid var(--_line); }
.notes { margin-block-start: 1rem; border-block-start: 1px solid var(--_line); }
.notes:empty { display: none; }
.picture { inline-size: 3rem; block-size: 3.75rem; object-fit: cover; border-radius: 2px; background: var(--vitrine-surface, var(--_wash)); }
span.picture { display: grid; place-items: center; font-family: var(--vitrine-heading-font, inherit); font-size: 1.25rem; color: var(--_muted); }
.title { overflow-wrap: anywhere; }
a { color: inherit; text-decoration: none; }
a:hover { text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 0.2em; }
.when { white-space: nowrap; }
.weight { display: inline-flex; align-items: center; gap: 0.5rem; font-size: 0.75rem; color: var(--_muted); }
.meter { display: inline-block; inline-size: 3.5rem; block-size: 2px; background: var(--_line); }
.meter i { display: block; block-size: 100%; inline-size: var(--_share, 0); background: currentColor; }
.row { display: flex; flex-wrap: wrap; gap: 0 0.75rem; align-items: baseline; }
.notes li[data-named] { background: linear-gradient(var(--_wash), var(--_wash)) no-repeat; box-shadow: 0 0 0 0.5rem var(--_wash); }

.why li { padding-block: 0.5rem; }
.empty { padding-block: 0.75rem; color: var(--_muted); }

button {
  min-block-size: 2.5rem;
  padding: 0.4375rem 1.125rem;
  border: 1px solid color-mix(in srgb, currentColor 40%, transparent);
  border-radius: 1.25rem;
  font: inherit;
  font-size: 0.875rem;
  color: inherit;
  background: none;
  cursor: pointer;
  touch-action: manipulation;
}
button:hover { border-color: currentColor; background: var(--_wash); }
button.quiet { min-block-size: 2rem; padding-block: 0.25rem; padding-inline: 0.625rem 0; border-color: transparent; text-decoration: underline; text-decoration-color: var(--_line); text-underline-offset: 0.25em; }
button.quiet:hover { border-color: transparent; background: none; text-decoration-color: currentColor; }
button.link { min-block-size: 0; padding: 0; border: 0; border-radius: 0; text-align: start; text-decoration: underline; text-decoration-color: var(--_line); text-underline-offset: 0.25em; }
button.link:hover { background: none; text-decoration-color: currentColor; }
.actions { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: center; margin-block-start: 2.5rem; }
.ask { flex-basis: 100%; max-inline-size: 38rem; }
.status { min-block-size: 1.5em; margin-block-start: 0.75rem; font-size: 0.875rem; color: var(--_muted); }

details { margin-block-start: 1.5rem; padding-block-start: 1rem; border-block-start: 1px solid var(--_line); }
summary { padding-block: 0.5rem; cursor: pointer; }
.fine { display: grid; gap: 0.75rem; max-inline-size: 40rem; padding-block: 0.5rem; }
.files { display: grid; gap: 0.25rem; font-size: 0.8125rem; }
.files li { display: flex; justify-content: space-between; gap: 1rem; font-variant-numeric: tabular-nums; }
.files span { overflow-wrap: anywhere; }
.files span + span { white-space: nowrap; }

@media (pointer: coarse) {
  button, button.quiet, summary { min-block-size: 2.75rem; }
  button.link { min-block-size: 2.75rem; }
}
@media (forced-colors: active) {
  /* No border is transparent then, and this one would run through the last letter. */
  button.quiet { border: 0; }
  .switch { forced-color-adjust: none; color: ButtonText; }
  .switch:checked { color: Highlight; }
  .meter i { background: CanvasText; }
}
@media (prefers-reduced-motion: no-preference) {
  button, .switch::before { transition: background-color 150ms, border-color 150ms, opacity 150ms; }
}
`);

/**
 * A text that the page may replace: a slot of its key's name, filled with our word.
 *
 * @param {Say} say
 * @param {Key} key
 */
const text = (say, key) => make('slot', { name: key }, [say(key)]);

/**
 * The fixed part of the shadow tree, and the nodes in it that change.
 *
 * @param {Say} say
 * @param {number} level  of the heading
 */
export function panel(say, level) {
  const heading = make('h2', { part: 'heading', id: 'heading', tabindex: '-1', 'aria-level': String(level) }, [text(say, 'heading')]);
  const section = (/** @type {Key} */ key, /** @type {HTMLElement[]} */ children) => {
    const title = make('h3', { part: 'subheading', id: key, 'aria-level': String(level + 1), tabindex: '-1' }, [text(say, key)]);
    return make('section', { 'aria-labelledby': key }, [title, ...children]);
  };
  const facts = { kept: fact(say, 'fact-kept'), where: fact(say, 'fact-where'), sent: fact(say, 'fact-sent') };
  const keeping = choice(say, 'keep-label');
  const pause = choice(say, 'pause-label');
  const notes = make('ul', { class: 'notes', part: 'notes', role: 'list' });
  const noNotes = make('p', { class: 'empty' }, [text(say, 'notes-none')]);
  const all = make('button', { part: 'button', class: 'quiet', type: 'button' });
  const why = make('ul', { class: 'why', part: 'reasons', role: 'list' });
  const whySection = section('why', [why]);
  const save = make('button', { part: 'button', type: 'button' }, [text(say, 'export')]);
  const erase = make('button', { part: 'button', type: 'button' }, [text(say, 'erase')]);
  const question = make('p', { class: 'ask', id: 'question' });
  const yes = make('button', { part: 'button', type: 'button', 'aria-describedby': 'question' }, [text(say, 'erase-yes')]);
  const no = make('button', { part: 'button', type: 'button' }, [text(say, 'erase-no')]);
  const actions = make('div', { class: 'actions', part: 'actions' }, [save, erase]);
  const asking = make('div', { class: 'actions', part: 'actions', role: 'group', 'aria-labelledby': 'question', hidden: true }, [question, yes, no]);
  // A region that is there before something is said in it is read out.
  const status = make('p', { class: 'status', part: 'status', role: 'status' });
  const tier = make('p');
  const worker = make('p', {}, [text(say, 'how-worker')]);
  const files = make('ul', { class: 'files', role: 'list' });
  const how = make('details', { part: 'details' }, [
    make('summary', {}, [text(say, 'how')]),
    make('div', { class: 'fine' }, [
      make('p', {}, [text(say, 'how-files')]), tier, make('p', {}, [text(say, 'how-shop')]), make('p', {}, [text(say, 'how-check')]), worker, files,
    ]),
  ]);
  const root = make('section', { part: 'section', 'aria-labelledby': 'heading' }, [
    heading,
    make('p', { class: 'lead', part: 'lead' }, [text(say, 'lead')]),
    make('dl', { class: 'facts', part: 'facts' }, [facts.kept.row, facts.where.row, facts.sent.row]),
    make('div', { part: 'choices' }, [keeping.row, pause.row]),
    section('notes', [make('p', { class: 'more' }, [text(say, 'notes-more')]), notes, noNotes, all]),
    whySection,
    actions, asking, status, how,
    make('slot'),
  ]);
  return { root, heading, facts, keeping, pause, notes, noNotes, all, why, whySection, save, erase, actions, asking, question, yes, no, status, tier, worker, files };
}

/** @param {Say} say @param {Key} key */
function fact(say, key) {
  const value = make('dd', { class: 'value' });
  const more = make('dd', { class: 'more' });
  return { row: make('div', {}, [make('dt', {}, [text(say, key)]), value, more]), value, more };
}

/** @param {Say} say @param {Key} key */
function choice(say, key) {
  const hint = make('p', { class: 'hint', id: `${key}-hint` });
  const input = /** @type {HTMLInputElement} */ (
    make('input', { class: 'switch', part: 'switch', type: 'checkbox', role: 'switch', id: `${key}-switch`, 'aria-describedby': hint.id })
  );
  const label = make('label', { for: input.id }, [make('span', { class: 'name', part: 'label' }, [text(say, key)])]);
  return { row: make('div', { class: 'choice', part: 'choice' }, [label, input, hint]), input, hint };
}

/**
 * One item, and what was done with it.
 *
 * @param {Note} note
 * @param {Say} say
 */
export function noteRow(note, say) {
  const href = safeUrl(note.url);
  const title = href ? make('a', { href, part: 'link' }, [note.title]) : note.title;
  const meter = make('span', { class: 'meter', 'aria-hidden': 'true' }, [make('i')]);
  meter.style.setProperty('--_share', `${Math.max(0, note.strength ?? 0) * 100}%`);
  const blank = () => make('span', { class: 'picture', part: 'image', 'aria-hidden': 'true' }, [[...note.title][0] ?? '']);
  const picture = note.image ? make('img', { class: 'picture', part: 'image', src: note.image, alt: '', loading: 'lazy' }) : blank();
  picture.onerror = () => picture.replaceWith(blank());
  return make('li', { part: 'note', 'data-item': note.item }, [
    picture,
    make('div', {}, [
      make('div', { class: 'row' }, [
        make('span', { class: 'title' }, [title]),
        make('time', { class: 'when', datetime: new Date(note.ts).toISOString() }, [note.when]),
      ]),
      make('p', { class: 'deeds' }, [note.deeds.join(' · ')]),
      note.strength !== null && make('span', { class: 'weight' }, [meter, note.interest]),
    ]),
    make('button', { class: 'quiet', part: 'button', type: 'button', 'aria-label': say('forget-label', { title: note.title }) }, [say('forget')]),
  ]);
}

/** A reason, and what is shown for it. @param {Why} why */
export function whyRow({ text: said, because, titles }) {
  return make('li', {}, [
    because !== null
      ? make('button', { class: 'link', part: 'reason', type: 'button', 'data-because': because }, [said])
      : make('span', { part: 'reason' }, [said]),
    make('p', { class: 'titles' }, [titles]),
  ]);
}

/** A file that was fetched, and its size. @param {{address: string, bytes: number}} request @param {string} size */
export function fileRow({ address }, size) {
  const { host, pathname } = new URL(address);
  // A path reads from left to right, whatever the page does.
  return make('li', {}, [make('span', { dir: 'ltr' }, [(host === location.host ? '' : host) + pathname]), make('span', {}, [size])]);
}
