// What does `<vitrine-debug>` tell a developer? What was heard, what it counts for, what was answered and why, how fast,
// and what was asked of the network. It looks on: nothing it does changes what the page does.

import { debugStyle, empty, panel, stateOf, tableOf } from './debug-view.js';
import { formatPrice } from './format.js';
import { recorder } from './recorder.js';
import { addressesOnPage, kitRequests } from './requests.js';

const DEBOUNCE_MS = 120;
/** Older lines are let go. */
const LINES = 300;

const SECTIONS = [
  { key: 'events', title: 'Events', isOpen: true },
  { key: 'lists', title: 'Lists', isOpen: true },
  { key: 'items', title: 'Items' },
  { key: 'unmatched', title: 'Unmatched ids' },
  { key: 'engine', title: 'Engine' },
  { key: 'requests', title: 'Requests' },
];

/** Shown beside the item, in this order, when an event has them. */
const FIELDS = ['dwell_ms', 'depth', 'zoom', 'qty', 'price', 'currency', 'rating', 'reason', 'variant', 'list', 'pos', 'rec_id', 'src'];

/** Told to the page and not recorded. */
const TOLD = ['vitrine-impression', 'vitrine-click', 'vitrine-error'];

// On a server there is no HTMLElement; importing the package there must not throw.
const Base = globalThis.HTMLElement ?? class {};

/**
 * @typedef {{ts: number, type: string, item: string, fields: string, intensity: number | null, isTold: boolean, isBad?: boolean}} Line
 * @typedef {import('./debug-view.js').Table} Table
 */

/** A developer's view of the page. `overlay`: over the page; `open`: unfolded. */
export class VitrineDebug extends Base {
  #panel = panel(SECTIONS);
  /** Newest first. @type {Line[]} */
  #lines = [];
  /** @type {any} */
  #recommender = null;
  #known = { interactions: /** @type {any[]} */ ([]), info: /** @type {any} */ (null), diagnostics: /** @type {any} */ (null) };
  #isPersistent = false;
  #count = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [debugStyle()];
    root.append(this.#panel.root);
    const { filter, copy, toggle } = this.#panel;
    filter.addEventListener('input', () => this.#draw());
    copy.addEventListener('click', () => this.#copy());
    toggle.addEventListener('click', () => this.#fold(!this.hasAttribute('open')));
    root.addEventListener('keydown', (event) => {
      if (/** @type {KeyboardEvent} */ (event).key !== 'Escape' || !this.hasAttribute('overlay')) return;
      this.#fold(false);
      toggle.focus();
    });
  }

  async connectedCallback() {
    this.#fold(this.hasAttribute('open'));
    for (const type of TOLD) document.addEventListener(type, this.#onTold);
    document.addEventListener('vitrine-answer', this.#onAnswer);
    for (const type of ['vitrine-answer', 'vitrine-ready']) document.addEventListener(type, this.#updateSoon);
    recorder.addEventListener('event', this.#onEvent);
    recorder.addEventListener('change', this.#updateSoon);
    recorder.addEventListener('error', this.#onError);
    this.#draw();
    const before = await recorder.events();
    const known = before.map((event) => lineOf(event)).reverse();
    this.#lines = [...this.#lines, ...known].slice(0, LINES);
    this.#update();
  }

  disconnectedCallback() {
    for (const type of TOLD) document.removeEventListener(type, this.#onTold);
    document.removeEventListener('vitrine-answer', this.#onAnswer);
    for (const type of ['vitrine-answer', 'vitrine-ready']) document.removeEventListener(type, this.#updateSoon);
    recorder.removeEventListener('event', this.#onEvent);
    recorder.removeEventListener('change', this.#updateSoon);
    recorder.removeEventListener('error', this.#onError);
    clearTimeout(this.#timer);
  }

  /** @param {boolean} isOpen */
  #fold(isOpen) {
    const { toggle } = this.#panel;
    this.toggleAttribute('open', isOpen);
    toggle.textContent = isOpen ? '–' : '+';
    toggle.setAttribute('aria-expanded', String(isOpen));
    toggle.setAttribute('aria-label', isOpen ? 'Fold' : 'Unfold');
  }

  /** Bound fields, because they are added and removed as listeners. */
  #onEvent = (/** @type {Event} */ event) => this.#add(lineOf(/** @type {CustomEvent} */ (event).detail));

  #onTold = (/** @type {Event} */ event) => {
    const { detail, type } = /** @type {CustomEvent} */ (event);
    const { item = '', code, message, placement, position, experiment } = detail;
    const fields = code ? `${code}: ${message}` : spell({ list: placement, pos: position, experiment });
    this.#add({ ts: Date.now(), type: type.replace('vitrine-', ''), item, fields, intensity: null, isTold: true, isBad: Boolean(code) });
  };

  /** An experiment that leaves nothing has no list below. */
  #onAnswer = (/** @type {Event} */ event) => {
    const { placement, experiment, recommendations } = /** @type {CustomEvent} */ (event).detail;
    if (recommendations.length > 0) return;
    this.#add({ ts: Date.now(), type: 'nothing', item: '', fields: spell({ list: placement, experiment }), intensity: null, isTold: true });
  };

  #onError = (/** @type {Event} */ event) => {
    const { code, message } = /** @type {CustomEvent} */ (event).detail;
    this.#add({ ts: Date.now(), type: 'error', item: '', fields: `${code}: ${message}`, intensity: null, isTold: true, isBad: true });
  };

  #updateSoon = () => {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#update(), DEBOUNCE_MS);
  };

  /** @param {Line} line */
  #add(line) {
    this.#lines = [line, ...this.#lines].slice(0, LINES);
    this.#updateSoon();
  }

  async #update() {
    [this.#isPersistent, this.#count] = await Promise.all([recorder.isPersistent(), recorder.events().then(({ length }) => length)]);
    const lists = this.#lists();
    this.#recommender = lists.find(({ recommender }) => recommender)?.recommender ?? this.#recommender;
    this.#draw();
    try {
      const [interactions, info, diagnostics] = await Promise.all(['interactions', 'info', 'diagnostics'].map((name) => this.#recommender?.[name]()));
      this.#known = { interactions: interactions ?? [], info: info ?? null, diagnostics: diagnostics ?? null };
      this.#weigh();
    } catch {
      // No engine: the rest of the panel is what a developer needs now.
    }
    if (this.isConnected) this.#draw();
  }

  /** What the item counted for once the event had been heard. */
  #weigh() {
    const byItem = new Map(this.#known.interactions.map(({ item, intensity }) => [item, intensity]));
    for (const line of this.#lines) {
      if (!line.isTold && line.intensity === null) line.intensity = byItem.get(line.item) ?? null;
    }
  }

  #lists() {
    return /** @type {any[]} */ ([...document.querySelectorAll('vitrine-recs')]);
  }

  #draw() {
    this.#panel.state.replaceChildren(...stateOf(this.#state()));
    this.#section('events', [this.#events()], 'Nothing heard yet.');
    this.#section('lists', this.#answers(), 'No list has an answer; the shop’s own stands.');
    this.#section('items', [this.#items()], 'No item counts for anything yet.');
    this.#section('unmatched', [this.#unmatched()], 'Every id is in the catalogue, as far as is known.');
    this.#section('engine', [this.#engine()], 'No engine.');
    this.#section('requests', [this.#requests()], 'None.');
  }

  /**
   * Rows that hold the words of the filter.
   *
   * @param {string} key
   * @param {Table[]} tables
   * @param {string} otherwise
   */
  #section(key, tables, otherwise) {
    const section = this.#panel.sections.get(key);
    if (!section) return;
    const words = this.#panel.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (/** @type {Table["rows"][0]} */ { cells }) => {
      const text = cells.map(({ text: own, sub = '' }) => `${own} ${sub}`).join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const kept = tables.map((table) => ({ ...table, rows: table.rows.filter(has) })).filter(({ rows }) => rows.length > 0);
    const all = tables.reduce((sum, { rows }) => sum + rows.length, 0);
    const count = kept.reduce((sum, { rows }) => sum + rows.length, 0);
    section.count.textContent = count === all ? String(all) : `${count} of ${all}`;
    section.content.replaceChildren(...(count > 0 ? kept.map(tableOf) : [empty(all > 0 ? 'No row holds that.' : otherwise)]));
  }

  /** @returns {[string, string | number, ("good" | "bad" | "")?][]} */
  #state() {
    const { info, diagnostics } = this.#known;
    const { consent } = recorder;
    const took_ms = this.#lists().map(({ answer }) => answer?.took_ms).find(Boolean);
    return [
      ['consent', consent, consent === 'granted' ? 'good' : ''],
      ['kept', this.#isPersistent ? 'on device' : 'in memory'],
      ['events', this.#count],
      ...(recorder.isPaused ? [/** @type {[string, string, "bad"]} */ (['paused', 'yes', 'bad'])] : []),
      ...(/** @type {any} */ (navigator).globalPrivacyControl ? [/** @type {[string, string]} */ (['GPC', 'on'])] : []),
      ['tier', info?.tier ?? 0],
      ['device', info?.device ?? '–'],
      ...(took_ms ? [/** @type {[string, string]} */ (['answer', ms(took_ms)])] : []),
      ...(diagnostics?.fallback ? [/** @type {[string, string, "bad"]} */ (['fallback', diagnostics.fallback.code, 'bad'])] : []),
    ];
  }

  /** @returns {Table} */
  #events() {
    return {
      head: [{ text: 'time' }, { text: 'event' }, { text: 'item' }, { text: 'p', number: true }],
      rows: this.#lines.map(({ ts, type, item, fields, intensity, isTold, isBad }) => ({
        isDim: isTold && !isBad,
        cells: [
          { text: clock(ts), sub: dayOf(ts), whole: true }, { text: type, whole: true, tone: isBad ? 'bad' : '' }, { text: item, sub: fields },
          { text: intensity === null ? '' : signed(intensity), number: true, tone: toneOf(intensity) },
        ],
      })),
    };
  }

  /** @returns {Table[]} */
  #answers() {
    return this.#lists().filter(({ answer }) => answer).map(({ answer }) => ({
      caption: `${answer.placement || 'list'}  tier ${answer.tier}${answer.experiment ? `  experiment ${answer.experiment}` : ''}  ${ms(answer.took_ms)}  rec_id ${short(answer.rec_id)}`,
      head: [{ text: '#', number: true }, { text: 'item' }, { text: 'why' }, { text: 'score', number: true }],
      rows: answer.recommendations.map((/** @type {any} */ { item, details, score, reason, rules = [] }, /** @type {number} */ index) => ({
        cells: [
          { text: index, number: true }, { text: item, sub: titleOf(details) }, { text: reason ? `${reason.kind} ${reason.item}` : '–', sub: rules.join(', ') },
          { text: score.toFixed(3), number: true },
        ],
      })),
    }));
  }

  /** @returns {Table} */
  #items() {
    const rows = [...this.#known.interactions].sort((a, b) => b.intensity - a.intensity);
    return {
      head: [{ text: 'item' }, { text: 'last' }, { text: 'p', number: true }],
      rows: rows.map(({ item, intensity, time_ms }) => ({
        cells: [{ text: item }, { text: clock(time_ms), sub: dayOf(time_ms), whole: true }, { text: signed(intensity), number: true, tone: toneOf(intensity) }],
      })),
    };
  }

  /** @returns {Table} */
  #unmatched() {
    const rows = [...recorder.unmatched].sort(([, a], [, b]) => b - a);
    return {
      head: [{ text: 'id' }, { text: 'times', number: true }],
      rows: rows.map(([id, count]) => ({ cells: [{ text: id }, { text: count, number: true }] })),
    };
  }

  /** @returns {Table} */
  #engine() {
    const { info, diagnostics } = this.#known;
    const { requests, ...told } = diagnostics ?? {};
    const pairs = [...flat(info ?? {}), ...flat(told)];
    return {
      head: [{ text: 'name' }, { text: 'value' }],
      rows: [...new Map(pairs)].map(([name, value]) => ({ cells: [{ text: name }, { text: value }] })),
    };
  }

  /** @returns {Table} */
  #requests() {
    const rows = kitRequests(addressesOnPage(), this.#known.diagnostics?.requests);
    return {
      head: [{ text: 'file' }, { text: 'kB', number: true }, { text: 'ms', number: true }],
      rows: rows.map(({ address, bytes, took_ms }) => {
        const { host, pathname } = new URL(address);
        const file = host === location.host ? pathname : host + pathname;
        return { cells: [{ text: file }, { text: bytes > 0 ? (bytes / 1000).toFixed(1) : 'cache', number: true }, { text: took_ms.toFixed(0), number: true }] };
      }),
    };
  }

  async #copy() {
    const { copy } = this.#panel;
    const { interactions, info, diagnostics } = this.#known;
    const lists = this.#lists().map(({ answer }) => answer);
    const all = { state: Object.fromEntries(this.#state()), events: await recorder.events(), lists, interactions, info, diagnostics, unmatched: [...recorder.unmatched] };
    try {
      await navigator.clipboard.writeText(JSON.stringify(all, null, 2));
      copy.textContent = 'copied';
    } catch {
      copy.textContent = 'refused';
    }
    setTimeout(() => (copy.textContent = 'copy'), 1500);
  }
}

/** What is missing in the row, and why, belongs beside what is there. @param {import('./protocol.js').Item} item */
function titleOf(item) {
  const isUnpriced = item.price !== undefined && formatPrice(item) === '';
  return isUnpriced ? `${item.title} (price not shown: currency ${item.currency ? `"${item.currency}" is no code` : 'is missing'})` : item.title;
}

/** @param {any} event @returns {Line} */
function lineOf(event) {
  // Most events come from the page itself, which goes without saying.
  const fields = Object.fromEntries(FIELDS.filter((name) => !(name === 'src' && event.src === 'page')).map((name) => [name, event[name]]));
  return { ts: event.ts, type: event.type, item: event.item, fields: spell(fields), intensity: null, isTold: false };
}

/** "list=home pos=2" */
function spell(/** @type {Record<string, unknown>} */ fields) {
  const given = Object.entries(fields).filter(([, value]) => (value ?? '') !== '');
  return given.map(([name, value]) => `${name}=${name === 'rec_id' ? short(String(value)) : value}`).join(' ');
}

/** Enough of a random id to tell it from the others. */
function short(/** @type {string} */ id) {
  return id.slice(0, 6);
}

/** `{a: {b: 1}}` as `a.b` and 1 @param {Record<string, any>} record @returns {[string, string | number][]} */
function flat(record, before = '') {
  return Object.entries(record).flatMap(([name, value]) => {
    if (value !== null && typeof value === 'object') return flat(value, `${before}${name}.`);
    const text = typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(3) : String(value);
    return [/** @type {[string, string]} */ ([before + name, text])];
  });
}

function clock(/** @type {number} */ ts) {
  return new Date(ts).toTimeString().slice(0, 8);
}

/** Of another day than today: which one. */
function dayOf(/** @type {number} */ ts) {
  const day = new Date(ts);
  return day.toDateString() === new Date().toDateString() ? '' : day.toLocaleDateString(undefined, { day: '2-digit', month: 'short' });
}

function signed(/** @type {number} */ intensity) {
  return `${intensity < 0 ? '−' : '+'}${Math.abs(intensity).toFixed(2)}`;
}

function toneOf(/** @type {number | null} */ intensity) {
  if (!intensity) return '';
  return intensity > 0 ? 'good' : 'bad';
}

function ms(/** @type {number} */ time_ms) {
  return `${time_ms < 10 ? time_ms.toFixed(1) : time_ms.toFixed(0)} ms`;
}
