// What the visitor bought, and the way back: a return with its reason.

import { formatPrice } from '../vitrine/vitrine.js';
import { byId, h, notify } from './dom.js';
import { itemAddress, picture } from './tiles.js';

/** The reasons that the model understands, in the visitor's words. */
export const REASONS = {
  size: 'It did not fit',
  late: 'It came too late',
  defect: 'Something was wrong with it',
  dislike: 'I did not like it',
};

/** @param {import('./app.js').House} house */
export function showOrders(house) {
  const orders = house.store.orders;
  byId('orders-view').replaceChildren(
    h('h1', { tabindex: '-1' }, 'Your orders'),
    orders.length === 0
      ? h('p', { class: 'quiet' }, 'No orders yet. ', h('a', { href: '#/' }, 'See the collection'), '.')
      : h('ol', { class: 'orders', role: 'list' }, ...orders.map((order) => orderEntry(order, house))),
  );
}

/** @param {import('./store.js').Order} order @param {import('./app.js').House} house */
function orderEntry(order, house) {
  const date = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'long' }).format(order.ts);
  return h('li', { class: 'order' },
    h('h2', {}, date),
    h('ul', { class: 'lines', role: 'list' }, ...order.lines.map((line) => orderLine(line, house))),
  );
}

/** @param {import('./store.js').OrderLine} line @param {import('./app.js').House} house */
function orderLine(line, house) {
  const item = /** @type {import('./store.js').Item} */ (house.store.itemById.get(line.item));
  return h('li', { class: 'line' },
    h('a', { class: 'line-picture', href: itemAddress(item.id), tabindex: '-1', 'aria-hidden': 'true' }, picture(item)),
    h('div', {},
      item.brand && h('p', { class: 'tile-brand' }, item.brand),
      h('p', { class: 'line-title' }, h('a', { href: itemAddress(item.id) }, item.title)),
      h('p', { class: 'quiet' }, line.qty > 1 ? `${line.qty} × ${formatPrice(item)}` : formatPrice(item)),
      line.returned
        ? h('p', { class: 'quiet' }, `Returned: ${REASONS[/** @type {keyof REASONS} */ (line.returned)]?.toLowerCase()}`)
        : returnForm(line, item, house),
    ),
  );
}

/**
 * @param {import('./store.js').OrderLine} line
 * @param {import('./store.js').Item} item
 * @param {import('./app.js').House} house
 */
function returnForm(line, item, house) {
  const reason = h('select', { 'aria-label': `Why do you return ${item.title}?` },
    ...Object.entries(REASONS).map(([value, label]) => h('option', { value }, label)),
  );
  return h('details', { class: 'return' },
    h('summary', {}, 'Return'),
    h('div', { class: 'return-form' },
      reason,
      h('button', {
        type: 'button', class: 'outline',
        onclick: () => {
          house.store.giveBack(line, reason.value);
          house.recorder.record(item.id, 'return', { reason: reason.value });
          notify('Your return is noted.');
          showOrders(house);
          byId('orders-view').querySelector('h1').focus();
        },
      }, 'Send back'),
    ),
  );
}
