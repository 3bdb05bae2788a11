// What did the visitor buy? Orders, and the way back: a return with its reason.

import { formatPrice } from '../vitrine/vitrine.js';
import { h, notify } from './dom.js';
import { note } from './notes.js';
import { itemAddress, thumbnail } from './tiles.js';

/** @typedef {import('./app.js').House} House */

/** The reasons that the model understands, in the visitor's words. @type {Record<string, string>} */
const REASONS = {
  size: 'It did not fit',
  late: 'It came too late',
  defect: 'Something was wrong with it',
  dislike: 'I did not like it',
};

/** An order is new so long. */
const NEW_MS = 60_000;

/** @param {House} house */
export function showOrders(house) {
  const view = h('div', { class: 'view orders-view' });
  const draw = () => {
    const { orders } = house.store;
    const isNew = orders[0] && Date.now() - orders[0].ts < NEW_MS;
    view.replaceChildren(
      h('h1', { tabindex: '-1' }, 'Your orders'),
      isNew && h('p', { class: 'thanks' }, 'Thank you. Your order is noted, on this device only.'),
      orders.length === 0
        ? h('p', { class: 'quiet' }, 'No orders yet. ', h('a', { href: '#/' }, 'See the collection'), '.')
        : h('ol', { class: 'orders', role: 'list' }, ...orders.map((order) => orderEntry(order, house))),
    );
  };
  draw();
  view.addEventListener('shop-change', () => {
    const hadFocus = view.contains(document.activeElement);
    draw();
    if (hadFocus) view.querySelector('h1').focus({ preventScroll: true });
  });
  return view;
}

/** @param {import('./store.js').Order} order @param {House} house */
function orderEntry(order, house) {
  const date = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'long' }).format(order.ts);
  return h('li', { class: 'order' },
    h('h2', {}, date),
    h('ul', { class: 'lines', role: 'list' }, ...order.lines.map((line) => orderLine(line, house))),
  );
}

/** @param {import('./store.js').OrderLine} line @param {House} house */
function orderLine(line, { store }) {
  const item = /** @type {import('./store.js').Item} */ (store.itemById.get(line.item));
  return h('li', { class: 'line' },
    thumbnail(item),
    h('div', { class: 'line-text' },
      item.brand && h('p', { class: 'overline' }, item.brand),
      h('p', { class: 'line-title' }, h('a', { href: itemAddress(item.id) }, item.title)),
      line.returned
        ? h('p', { class: 'quiet' }, `Sent back: ${REASONS[line.returned]?.toLowerCase() ?? line.returned}`)
        : returnForm(line, item, store),
    ),
    h('p', { class: 'line-price' }, line.qty > 1 ? `${line.qty} × ${formatPrice(item)}` : formatPrice(item)),
  );
}

/**
 * @param {import('./store.js').OrderLine} line
 * @param {import('./store.js').Item} item
 * @param {import('./store.js').Store} store
 */
function returnForm(line, item, store) {
  const reason = h('select', { 'aria-label': `Why do you send back ${item.title}?` },
    ...Object.entries(REASONS).map(([value, label]) => h('option', { value }, label)),
  );
  return h('details', { class: 'return' },
    h('summary', {}, 'Send back', h('span', { class: 'visually-hidden' }, ` ${item.title}`)),
    h('div', { class: 'return-form' },
      reason,
      h('button', {
        type: 'button', class: 'outline',
        onclick: () => {
          note(item.id, 'return', { reason: reason.value });
          store.giveBack(line, reason.value);
          notify(reason.value === 'dislike' ? 'Noted. The house will show you less of the kind.' : 'Your return is noted.');
        },
      }, 'Return it'),
    ),
  );
}
