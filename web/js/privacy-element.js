// What does `<vitrine-privacy>` do? It shows the visitor every note that is kept, where, why, and lets them decide.
//
// It asks the recorder, not a copy: what it shows is what there is. The look is in `privacy-view.js`, the words are in
// `privacy-words.js`, the registration in `privacy.js`.

import { fileRow, noteRow, panel, privacyStyle, whyRow } from './privacy-view.js';
import { ago, deeds, interest, localeOf, sayer } from './privacy-words.js';
import { recorder } from './recorder.js';
import { addressesOnPage, kitRequests } from './requests.js';

const DEBOUNCE_MS = 100;
/** So many notes are enough at first sight. */
const FIRST = 8;
const FILE = 'notes.json';

// On a server there is no HTMLElement; importing the package there must not throw.
const Base = globalThis.HTMLElement ?? class {};

/**
 * @typedef {import('./protocol.js').HistoryEvent} HistoryEvent
 * @typedef {import('./privacy-words.js').Key} Key
 * @typedef {{details: Map<string, import('./protocol.js').Item>, strengths: Map<string, number>, tier: number,
 *   requests: import('./requests.js').KitRequest[] | undefined, reasons: import('./privacy-view.js').Why[]}} Known
 *   what a recommender adds to the notes
 */

/** The visitor's panel. Attributes, slots, parts and variables: `custom-elements.json`. */
export class VitrinePrivacy extends Base {
  static observedAttributes = ['package', 'catalog', 'locale', 'heading-level'];

  /** @type {ReturnType<typeof panel> | null} */
  #panel = null;
  /** @type {import('./privacy-words.js').Say} */
  #say = sayer(() => null, undefined);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Only the newest answer is shown. */
  #question = 0;
  /** @type {any} */
  #recommender = null;
  /** All items by id: asked for once, because it may be long. @type {Promise<Map<string, import('./protocol.js').Item>> | null} */
  #catalogue = null;
  /** @type {Known} */
  #known = { details: new Map(), strengths: new Map(), tier: 0, requests: [], reasons: [] };
  #isWhole = false;
  /** The note that was asked for by `show`. @type {string | null} */
  #named = null;
  #count = 0;
  /** Resolves when the panel shows what there is. @type {Promise<void>} */
  updated = Promise.resolve();

  constructor() {
    super();
    this.attachShadow({ mode: 'open' }).adoptedStyleSheets = [privacyStyle()];
  }

  connectedCallback() {
    this.#build();
    recorder.addEventListener('change', this.#updateSoon);
    document.addEventListener('vitrine-answer', this.#updateSoon);
    this.#update();
  }

  disconnectedCallback() {
    recorder.removeEventListener('change', this.#updateSoon);
    document.removeEventListener('vitrine-answer', this.#updateSoon);
    clearTimeout(this.#timer);
    this.#question += 1;
  }

  attributeChangedCallback() {
    if (!this.isConnected) return;
    this.#recommender = null;
    this.#catalogue = null;
    this.#build();
    this.#update();
  }

  /** Brings the note of an item into view and the keyboard to it. @param {string} item */
  async show(item) {
    this.#named = item;
    this.#isWhole = true;
    await this.#update();
    const row = this.#panel?.notes.querySelector(`[data-item="${CSS.escape(item)}"]`);
    const target = /** @type {HTMLElement | undefined} */ (row?.querySelector('button') ?? this.#panel?.heading);
    const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    (row ?? this).scrollIntoView({ block: row ? 'center' : 'start', behavior: isStill ? 'instant' : 'smooth' });
    target?.focus({ preventScroll: true });
  }

  get #locale() {
    return localeOf(this.getAttribute('locale') || document.documentElement.lang);
  }

  #build() {
    this.#say = sayer((key) => this.getAttribute(`text-${key}`), this.#locale);
    const level = Number.parseInt(this.getAttribute('heading-level') ?? '', 10) || 2;
    const parts = (this.#panel = panel(this.#say, level));
    this.shadowRoot?.replaceChildren(parts.root);
    parts.keeping.input.addEventListener('change', () => recorder.setConsent(parts.keeping.input.checked));
    parts.pause.input.addEventListener('change', () => (parts.pause.input.checked ? recorder.pause() : recorder.resume()));
    parts.notes.addEventListener('click', (event) => this.#onNote(event));
    parts.why.addEventListener('click', (event) => {
      const { because } = /** @type {HTMLElement} */ (event.target).dataset;
      if (because) this.show(because);
    });
    parts.all.addEventListener('click', () => this.#showAll());
    parts.save.addEventListener('click', () => this.#save());
    parts.erase.addEventListener('click', () => this.#ask(true));
    parts.no.addEventListener('click', () => this.#ask(false));
    parts.yes.addEventListener('click', () => this.#erase());
    parts.asking.addEventListener('keydown', ({ key }) => key === 'Escape' && this.#ask(false));
  }

  /** A bound field, because it is added and removed as a listener. */
  #updateSoon = () => {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#update(), DEBOUNCE_MS);
  };

  #update() {
    this.updated = this.#draw();
    return this.updated;
  }

  async #draw() {
    const question = ++this.#question;
    const isPersistent = await recorder.isPersistent();
    const [{ events }, used] = await Promise.all([recorder.export(), recorder.events()]);
    if (question !== this.#question) return;
    // Nobody has said yes on this page, and an earlier one has stored something.
    const unused = Math.max(events.length - used.length, 0);
    this.#drawState(events, isPersistent, unused);
    this.#drawNotes(events);
    // Titles and reasons may take a while; the notes are shown before.
    const known = await this.#consult(events);
    if (question !== this.#question || !known) return;
    this.#known = known;
    this.#drawState(events, isPersistent, unused);
    this.#drawNotes(events);
    this.#drawReasons();
  }

  /** What the recommender knows of the items: nothing, where there is none or it fails. @param {HistoryEvent[]} events */
  async #consult(events) {
    try {
      const recommender = await this.#findRecommender();
      if (!recommender) return null;
      const ids = new Set(events.map(({ item }) => item));
      this.#catalogue ??= recommender.catalog().then((/** @type {any[]} */ items) => new Map(items.map((item) => [item.id, item])));
      const [all, interactions, info, diagnostics] = await Promise.all([
        this.#catalogue, recommender.interactions(), recommender.info(), recommender.diagnostics(),
      ]);
      return {
        details: new Map([...all ?? []].filter(([id]) => ids.has(id))),
        strengths: new Map(interactions.map((/** @type {any} */ { item, intensity }) => [item, intensity])),
        tier: info.tier,
        requests: diagnostics.requests,
        reasons: await this.#reasons(recommender),
      };
    } catch {
      this.#catalogue = null;
      return null;
    }
  }

  async #findRecommender() {
    if (this.#recommender) return this.#recommender;
    const given = (/** @type {string} */ name) => this.getAttribute(name) || undefined;
    if (given('package') || given('catalog')) {
      const { createRecommender } = await import('./recommender.js');
      this.#recommender = createRecommender({ package: given('package'), catalog: given('catalog') });
      return this.#recommender;
    }
    const lists = /** @type {any[]} */ ([...document.querySelectorAll('vitrine-recs')]);
    return lists.find(({ recommender }) => recommender)?.recommender ?? null;
  }

  /**
   * Why the lists of this page show what they show.
   *
   * @param {any} recommender
   * @returns {Promise<import('./privacy-view.js').Why[]>}
   */
  async #reasons(recommender) {
    const lists = /** @type {any[]} */ ([...document.querySelectorAll('vitrine-recs')]);
    const shown = lists.flatMap(({ answer }) => answer?.recommendations ?? []);
    // An answer carries its reasons; without them the recommender is asked.
    const whys = await Promise.all(shown.map(({ item, reason }) => reason ?? recommender.explain?.(item)));
    /** @type {Map<string, {why: any, titles: string[]}>} */
    const groups = new Map();
    whys.forEach((why, index) => {
      const key = why ? `${why.kind} ${why.item}` : '';
      const { title } = shown[index].details;
      groups.set(key, { why, titles: [...(groups.get(key)?.titles ?? []), title] });
    });
    // What has no reason of its own comes last.
    const sorted = [...groups.values()].sort((a, b) => Number(!a.why) - Number(!b.why));
    const list = new Intl.ListFormat(this.#locale, { type: 'unit' });
    return sorted.map(({ why, titles }) => ({
      text: why ? this.#say(/** @type {Key} */ (`why-${why.kind}`), { title: why.title }) : this.#say('why-none'),
      because: why?.item ?? null,
      titles: list.format(titles),
    }));
  }

  /** @param {HistoryEvent[]} events @param {boolean} isPersistent @param {number} unused  how many are stored and not used */
  #drawState(events, isPersistent, unused) {
    const parts = this.#panel;
    if (!parts) return;
    const say = this.#say;
    this.#count = events.length;
    const { kept, where, sent } = parts.facts;
    const items = new Set(events.map(({ item }) => item)).size;
    kept.value.textContent = events.length === 0 ? say('kept-none') : say('kept', { count: events.length });
    const oldest = events.reduce((ts, event) => Math.min(ts, event.ts), Infinity);
    const since = events.length === 0 ? '' : new Intl.DateTimeFormat(this.#locale, { day: 'numeric', month: 'long' }).format(oldest);
    kept.more.textContent = events.length === 0 ? say('kept-none-more') : say('kept-more', { count: items, since });
    const place = isPersistent ? 'where-device' : unused > 0 ? 'where-before' : 'where-page';
    where.value.textContent = say(place);
    where.more.textContent = say(/** @type {Key} */ (`${place}-more`), { count: unused });
    this.#drawRequests(sent);

    const isGranted = recorder.consent === 'granted';
    parts.keeping.input.checked = isGranted;
    const isSignalled = /** @type {any} */ (navigator).globalPrivacyControl === true;
    const off = isSignalled ? 'keep-signal' : unused > 0 ? 'keep-before' : 'keep-off';
    parts.keeping.hint.textContent = say(isGranted ? (isPersistent ? 'keep-on' : 'keep-refused') : off);
    parts.pause.input.checked = recorder.isPaused;
    parts.pause.hint.textContent = say(recorder.isPaused ? 'pause-on' : 'pause-off');
    parts.save.hidden = events.length === 0;
    parts.erase.hidden = events.length === 0;
    if (events.length === 0 && !parts.asking.hidden) this.#ask(false);
    this.dataset.consent = recorder.consent;
  }

  /** @param {{value: HTMLElement, more: HTMLElement}} sent */
  #drawRequests(sent) {
    const parts = /** @type {ReturnType<typeof panel>} */ (this.#panel);
    const requests = kitRequests(addressesOnPage(), this.#known.requests);
    const isAll = this.#known.requests !== undefined;
    sent.value.textContent = this.#say('sent');
    sent.more.textContent = this.#say(isAll ? 'sent-more' : 'sent-at-least', { count: requests.length });
    parts.worker.hidden = isAll;
    const { tier } = this.#known;
    parts.tier.hidden = tier === 0;
    if (tier > 0) parts.tier.textContent = this.#say(/** @type {Key} */ (`how-tier-${tier}`));
    const size = new Intl.NumberFormat(this.#locale, { style: 'unit', unit: 'kilobyte', unitDisplay: 'short', maximumFractionDigits: 1 });
    parts.files.replaceChildren(...requests.map((request) => fileRow(request, request.bytes > 0 ? size.format(request.bytes / 1000) : '')));
  }

  /** @param {HistoryEvent[]} events */
  #drawNotes(events) {
    const parts = this.#panel;
    if (!parts) return;
    /** @type {Map<string, HistoryEvent[]>} */
    const byItem = new Map();
    for (const event of events) byItem.set(event.item, [...(byItem.get(event.item) ?? []), event]);
    const notes = [...byItem].map(([item, all]) => this.#note(item, all)).sort((a, b) => b.ts - a.ts);
    const shown = this.#isWhole ? notes : notes.slice(0, FIRST);
    parts.noNotes.hidden = notes.length > 0;
    parts.all.hidden = shown.length === notes.length;
    parts.all.textContent = this.#say('notes-all', { count: notes.length });
    const before = [...parts.notes.children];
    const position = before.findIndex((row) => row.contains(this.shadowRoot?.activeElement ?? null));
    const rows = shown.map((note) => noteRow(note, this.#say));
    // What looks the same stays: neither its picture nor the keyboard moves.
    const former = new Map(before.map((row) => [row.outerHTML, row]));
    const next = rows.map((row) => {
      row.toggleAttribute('data-named', row.dataset.item === this.#named);
      return /** @type {HTMLElement} */ (former.get(row.outerHTML) ?? row);
    });
    if (next.length === before.length && next.every((row, index) => row === before[index])) return;
    parts.notes.replaceChildren(...next);
    if (position < 0) return;
    // The keyboard stays with its note, or goes on to the one that took its place, the last, the heading.
    const { item } = /** @type {HTMLElement} */ (before[position]).dataset;
    const again = next.find(({ dataset }) => dataset.item === item) ?? next[Math.min(position, next.length - 1)];
    const target = again?.querySelector('button') ?? this.shadowRoot?.querySelector('#notes');
    /** @type {HTMLElement | null | undefined} */ (target)?.focus({ preventScroll: true });
  }

  /** @param {string} item @param {HistoryEvent[]} events @returns {import('./privacy-view.js').Note} */
  #note(item, events) {
    const details = this.#known.details.get(item);
    const strength = this.#known.strengths.get(item) ?? null;
    const ts = events.reduce((newest, event) => Math.max(newest, event.ts), 0);
    const pattern = this.getAttribute('item-url') ?? document.querySelector('vitrine-recs')?.getAttribute('item-url');
    return {
      item,
      title: details?.title ?? item,
      url: details?.url ?? (details && pattern ? pattern.replaceAll('{id}', encodeURIComponent(item)) : ''),
      image: details?.image ?? '',
      deeds: deeds(events, this.#say, this.#locale),
      ts,
      when: ago(ts, Date.now(), this.#locale),
      strength,
      interest: strength === null ? '' : this.#say(interest(strength)),
    };
  }

  #drawReasons() {
    const parts = this.#panel;
    if (!parts) return;
    const { reasons } = this.#known;
    parts.whySection.hidden = reasons.length === 0;
    const next = reasons.map(whyRow);
    if (next.map(({ outerHTML }) => outerHTML).join() !== [...parts.why.children].map(({ outerHTML }) => outerHTML).join()) {
      parts.why.replaceChildren(...next);
    }
  }

  #showAll() {
    const rows = this.#panel?.notes.children;
    this.#isWhole = true;
    this.#update().then(() => /** @type {HTMLElement | undefined} */ (rows?.[FIRST]?.querySelector('button'))?.focus());
  }

  /** @param {MouseEvent} event */
  async #onNote(event) {
    const row = /** @type {HTMLElement} */ (event.target).closest('button')?.closest('li');
    if (!row) return;
    const item = row.dataset.item ?? '';
    const title = this.#known.details.get(item)?.title ?? item;
    await recorder.forget(item);
    await this.#update();
    this.#tell('forgot', { title });
  }

  async #save() {
    const text = JSON.stringify(await recorder.export(), null, 2);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    link.download = this.getAttribute('file-name') || FILE;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    this.#tell('exported');
  }

  /** @param {boolean} isAsking */
  #ask(isAsking) {
    const parts = this.#panel;
    if (!parts) return;
    const hasFocus = this.shadowRoot?.activeElement !== null;
    parts.question.textContent = this.#say('erase-ask', { count: this.#count });
    parts.actions.hidden = isAsking;
    parts.asking.hidden = !isAsking;
    if (hasFocus) (isAsking ? parts.no : parts.erase).focus();
  }

  async #erase() {
    await recorder.erase();
    await this.#update();
    this.#ask(false);
    this.#tell('erased');
    this.#panel?.heading.focus();
  }

  /** @param {Key} key @param {Record<string, string | number>} [values] */
  #tell(key, values) {
    if (this.#panel) this.#panel.status.textContent = this.#say(key, values);
  }
}
