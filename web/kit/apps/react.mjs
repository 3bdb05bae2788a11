// A page of a React shop, for tests: the element with the shop's own list, and a list that the page draws itself.

import { createElement as h, StrictMode, useRef, useState } from 'react';
import { observe, useRecommendations, VitrineRecs } from '../../js/react.js';

export function App() {
  const [away, setAway] = useState([]);
  const [isThere, setThere] = useState(true);
  const element = useRef(null);
  const { recommendations, info, error } = useRecommendations({ package: '/vitrine/model/', k: 3, seed: 'hat-ink' });
  const tell = (/** @type {any} */ event) => globalThis.told.push([event.type, event.detail.item ?? event.detail.device]);
  return h(StrictMode, null,
    h('button', { id: 'away', onClick: () => setAway(['hat-camel']) }, 'Away'),
    h('button', { id: 'buy', onClick: () => observe({ item: 'coat-ink', type: 'purchase' }) }, 'Buy'),
    h('button', { id: 'remove', onClick: () => setThere(false) }, 'Remove'),
    h('button', { id: 'ask', onClick: () => globalThis.told.push(['ref', element.current.localName]) }, 'Ask'),
    isThere && h(VitrineRecs, {
      ref: element, package: '/vitrine/model/', limit: 4, heading: 'Picked for you', itemUrl: '/item/{id}', placement: 'home', seed: 'hat-ink', live: true,
      lazy: false, className: 'row', 'data-test': 'yes', exclude: away, transformItems: markAll, onVitrineReady: tell, onVitrineClick: tell, onVitrineError: tell,
    }, h('ul', null, ['One', 'Two'].map((name) => h('li', { key: name }, name)))),
    isThere && h(VitrineRecs, { id: 'tiles', package: '/vitrine/model/', catalog: '/vitrine/model/catalog.json', limit: 2, seed: 'bag-ink' },
      h('template', { dangerouslySetInnerHTML: { __html: '<article><b data-slot="title"></b></article>' } }), h('ul', null, h('li', null, 'Three'))),
    h('ol', { id: 'own' }, recommendations.map(({ item, details }) => h('li', { key: item, 'data-item': item }, details.title))),
    h('p', { id: 'engine' }, error ? error.code : info ? `tier ${info.tier}` : 'nothing yet'),
  );
}

const markAll = (/** @type {any[]} */ items) => items.map((item) => ({ ...item, title: `${item.title} *` }));
