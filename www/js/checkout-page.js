// The till: a form as shops have one, which goes nowhere. What is written in it is not even read.

import { h } from './dom.js';
import { brief } from './bag-page.js';
import { note } from './notes.js';
import { totals } from './store.js';

/** Filled in already, so that nobody writes their own: name, label, value, and whether it takes the whole line. */
const FIELDS = /** @type {[string, string, string, boolean?][]} */ ([
  ['name', 'Name', 'Adèle Marchand', true],
  ['street', 'Street', '14 rue des Orfèvres', true],
  ['code', 'Postcode', '75001'],
  ['town', 'Town', 'Paris'],
]);

const WAYS = [['courier', 'By courier, in two days'], ['house', 'At the house, from tomorrow']];

/** @param {import('./app.js').House} house */
export function showCheckout({ store }) {
  if (store.cart.length === 0) {
    return h('div', { class: 'view bag-view is-empty' },
      h('h1', { tabindex: '-1' }, 'Checkout'),
      h('p', { class: 'quiet' }, 'Your bag is empty. ', h('a', { href: '#/' }, 'See the collection'), '.'));
  }
  const { cart } = store;
  for (const { item, qty } of cart) note(item.id, 'checkout', { qty });
  return h('div', { class: 'view bag-view' },
    h('h1', { tabindex: '-1' }, 'Checkout'),
    h('form', {
      class: 'page-columns', autocomplete: 'off',
      onsubmit: (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        for (const { item, qty } of cart) note(item.id, 'purchase', { qty, price: item.price, currency: item.currency });
        store.checkOut();
        location.hash = '#/orders';
      },
    },
      h('div', { class: 'form' },
        h('p', { class: 'aside-note' }, 'A demonstration. The form is filled in with somebody who does not exist; it is not read, not stored and not sent.'),
        h('fieldset', {}, h('legend', {}, 'Where shall it go?'), h('div', { class: 'fields' }, ...FIELDS.map(([name, label, value, isWide]) =>
          h('label', { class: isWide ? 'field wide' : 'field' }, h('span', {}, label), h('input', { name, value, required: true, autocomplete: 'off' }))))),
        h('fieldset', {}, h('legend', {}, 'How shall it come?'), ...WAYS.map(([value, label], index) =>
          h('label', { class: 'choice' }, h('input', { type: 'radio', name: 'way', value, checked: index === 0 }), h('span', {}, label)))),
      ),
      h('section', { class: 'summary', 'aria-label': 'Summary' },
        brief(cart),
        h('dl', { class: 'sums' },
          h('div', {}, h('dt', {}, 'Delivery'), h('dd', {}, 'With our compliments')),
          h('div', { class: 'sum' }, h('dt', {}, 'Total'), h('dd', {}, totals(cart).join(', '))),
        ),
        h('button', { class: 'solid' }, 'Place the order'),
        h('p', { class: 'fine' }, 'Nothing is charged, nothing is sent. The order is noted in this browser alone.'),
      ),
    ),
  );
}
