// What does this page know? The visitor's events, what the model makes of them, and the way to forget.

import { byId, h, notify } from './dom.js';
import { REASONS } from './orders.js';
import { itemAddress } from './tiles.js';

const REFRESH_MS = 200;
const EVENTS_SHOWN = 12;
const INTERACTIONS_SHOWN = 8;
const SCORES_SHOWN = 8;

/** @param {import('./app.js').House} house */
export function setUpPanel(house) {
  const panel = byId('panel');
  const opener = byId('panel-open');
  const status = h('p', { class: 'status', role: 'status' }, 'The model is loading.');
  const body = h('div', { class: 'panel-body' });
  panel.replaceChildren(
    h('header', { class: 'drawer-head' },
      h('h2', { id: 'panel-title', tabindex: '-1' }, 'What this page knows'),
      h('button', { type: 'button', class: 'close', 'aria-label': 'Close', onclick: () => toggle(false) }, '×'),
    ),
    h('p', { class: 'panel-lead' }, 'All of it, and all of it here. Nothing about you has left this browser.'),
    status,
    body,
    h('footer', { class: 'panel-foot' },
      h('button', { type: 'button', class: 'outline', onclick: () => download(house) }, 'Export'),
      h('button', { type: 'button', class: 'solid', id: 'forget', onclick: () => forget(house) }, 'Forget me'),
    ),
  );

  function toggle(/** @type {boolean} */ open) {
    panel.hidden = !open;
    opener.setAttribute('aria-expanded', String(open));
    document.documentElement.toggleAttribute('data-panel', open);
    if (open) {
      byId('panel-title').focus({ preventScroll: true });
      draw();
    } else {
      opener.focus({ preventScroll: true });
    }
  }
  opener.addEventListener('click', () => toggle(panel.hidden));
  panel.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Escape') toggle(false);
  });

  let drawing = 0;
  async function draw() {
    if (panel.hidden) return;
    const turn = ++drawing;
    const { recommender } = house;
    const events = await recommender.events();
    const [interactions, scores] = await Promise.all([
      recommender.interactions(),
      events.length > 0 ? recommender.recommend({ k: SCORES_SHOWN, exclude: house.store.settled }) : [],
    ]).catch(() => [[], []]); // the status line says what failed
    if (turn !== drawing) return; // a newer drawing is on its way
    const name = (/** @type {string} */ id) => house.store.itemById.get(id)?.title;
    body.replaceChildren(
      section('What you did', 'Events, newest first', eventList(events, name)),
      section('What it may mean', 'Intensity, from −1 (no) to +1 (yes)', intensityList(interactions, name)),
      section('What comes next', 'Score of each item; the row shows the best', scoreList(scores)),
    );
  }

  let timer = 0;
  const drawSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(draw, REFRESH_MS);
  };
  house.recommender.addEventListener('change', drawSoon);
  house.recommender.addEventListener('progress', (event) => {
    const { loaded_bytes, total_bytes } = /** @type {CustomEvent} */ (event).detail;
    const share = total_bytes > 0 ? `: ${Math.round((100 * loaded_bytes) / total_bytes)} %` : '';
    status.textContent = `The model is loading${share}.`;
  });

  return {
    /** @param {import('../vitrine/vitrine.js').EngineInfo} info */
    async ready(info) {
      const isPersistent = await house.recommender.isPersistent();
      status.replaceChildren(
        h('span', { class: 'status-dot', 'aria-hidden': 'true' }),
        [
          `Answered on this device’s ${info.device.toUpperCase()} (tier ${info.tier})`,
          `${info.recipe} model, ${parameters(info.parameters)}, ${info.quantisation}`,
          `${info.items} items`,
          isPersistent ? 'history kept in this browser' : 'history kept until this page closes',
          info.fallback ? `the GPU was tried: ${info.fallback.message}` : '',
        ].filter(Boolean).join(' · '),
      );
      draw();
    },
    /** @param {{code: string, message: string}} error */
    failed({ code }) {
      status.textContent = `The model is not available (${code}); the house’s own selection is shown.`;
      draw();
    },
  };
}

/** @param {string} title @param {string} note @param {Node} content */
function section(title, note, content) {
  return h('section', {}, h('h3', {}, title), h('p', { class: 'fine' }, note), content);
}

/** @param {import('../vitrine/vitrine.js').HistoryEvent[]} events @param {(id: string) => string | undefined} name */
function eventList(events, name) {
  const known = events.filter(({ item }) => name(item));
  if (known.length === 0) return h('p', { class: 'quiet', id: 'knows-nothing' }, 'Nothing yet.');
  const newest = known.slice(-EVENTS_SHOWN).reverse();
  const rest = known.length - newest.length;
  return h('div', {},
    h('ol', { class: 'events', role: 'list' }, ...newest.map((event) =>
      h('li', {},
        h('span', {}, h('span', { class: 'verb' }, verb(event)), ' ', name(event.item)),
        h('time', { datetime: new Date(event.ts).toISOString() }, clock(event.ts)),
      ),
    )),
    rest > 0 && h('p', { class: 'fine' }, `and ${rest} before`),
  );
}

/** @param {import('../vitrine/vitrine.js').Interaction[]} interactions @param {(id: string) => string | undefined} name */
function intensityList(interactions, name) {
  if (interactions.length === 0) return h('p', { class: 'quiet' }, 'Nothing yet.');
  const newest = interactions.slice(-INTERACTIONS_SHOWN).reverse();
  return h('ol', { class: 'meters', role: 'list' }, ...newest.map(({ item, intensity }) => {
    const bar = h('span', { class: intensity < 0 ? 'meter signed against' : 'meter signed', 'aria-hidden': 'true' });
    bar.style.setProperty('--share', String(Math.abs(intensity)));
    const sign = intensity < 0 ? '−' : '+';
    return h('li', {},
      h('span', { class: 'meter-name' }, name(item) ?? item),
      h('span', { class: 'meter-value' }, `${sign}${Math.abs(intensity).toFixed(2)}`),
      bar,
    );
  }));
}

/** @param {import('../vitrine/vitrine.js').Recommendation[]} scores */
function scoreList(scores) {
  if (scores.length === 0) return h('p', { class: 'quiet' }, 'The house’s own selection, the same for everyone.');
  const best = scores[0].score;
  const worst = scores[scores.length - 1].score;
  return h('ol', { class: 'meters', role: 'list' }, ...scores.map(({ item, score, details }) => {
    const bar = h('span', { class: 'meter', 'aria-hidden': 'true' });
    // Scores have no fixed range: the bars compare the items shown.
    bar.style.setProperty('--share', String(best > worst ? 0.15 + (0.85 * (score - worst)) / (best - worst) : 1));
    return h('li', {},
      h('a', { class: 'meter-name', href: itemAddress(item) }, details.title),
      h('span', { class: 'meter-value' }, score.toFixed(2)),
      bar,
    );
  }));
}

/** @param {import('../vitrine/vitrine.js').HistoryEvent} event */
function verb({ type, dwell_ms = 0, qty = 1, rating = 0, reason = '' }) {
  switch (type) {
    case 'view': return 'Opened';
    case 'click': return 'Followed';
    case 'dwell': return `Stayed ${Math.max(1, Math.round(dwell_ms / 1000))} s with`;
    case 'zoom': return 'Looked closely at';
    case 'wishlist_add': return 'Saved';
    case 'wishlist_remove': return 'No longer saved';
    case 'cart_add': return 'Put in the bag';
    case 'cart_remove': return 'Took out of the bag';
    case 'purchase': return qty > 1 ? `Bought ${qty} ×` : 'Bought';
    case 'return': return `Returned (${(REASONS[/** @type {keyof REASONS} */ (reason)] ?? 'no reason').toLowerCase()})`;
    case 'dismiss': return 'Not for me';
    case 'rate': return '★'.repeat(rating);
    default: return type;
  }
}

function clock(/** @type {number} */ ts) {
  return new Intl.DateTimeFormat(document.documentElement.lang, { hour: '2-digit', minute: '2-digit', hour12: false }).format(ts);
}

function parameters(/** @type {number} */ count) {
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)} million parameters`;
  return `${Math.max(1, Math.round(count / 1e3))} thousand parameters`;
}

/** @param {import('./app.js').House} house */
async function download(house) {
  const text = JSON.stringify(await house.recommender.export(), null, 2);
  h('a', { href: `data:application/json,${encodeURIComponent(text)}`, download: 'vitrine-history.json' }).click();
}

/** @param {import('./app.js').House} house */
async function forget(house) {
  house.recorder.leave();
  await house.recommender.erase();
  house.store.forget();
  notify('Forgotten. There was nothing to delete anywhere else.');
}
