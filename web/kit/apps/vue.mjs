// A page of a Vue shop, for tests: the element with the shop's own list, and a list that the page draws itself.

import { createSSRApp, defineComponent, h, ref } from 'vue';
import { observe, useRecommendations, VitrineRecs } from '../../js/vue.js';

const App = defineComponent({
  setup() {
    const away = ref([]);
    const isThere = ref(true);
    const element = ref(null);
    const { recommendations, info, error } = useRecommendations(() => ({ package: '/vitrine/model/', k: 3, seed: 'hat-ink' }));
    const tell = (event) => globalThis.told.push([event.type, event.detail.item ?? event.detail.device]);
    return () => [
      h('button', { id: 'away', onClick: () => away.value.push('hat-camel') }, 'Away'),
      h('button', { id: 'buy', onClick: () => observe({ item: 'coat-ink', type: 'purchase' }) }, 'Buy'),
      h('button', { id: 'remove', onClick: () => (isThere.value = false) }, 'Remove'),
      h('button', { id: 'ask', onClick: () => globalThis.told.push(['ref', element.value.element.localName]) }, 'Ask'),
      isThere.value ? h(VitrineRecs, {
        ref: element, package: '/vitrine/model/', limit: 4, heading: 'Picked for you', itemUrl: '/item/{id}', placement: 'home', seed: 'hat-ink', live: true,
        lazy: false, class: 'row', 'data-test': 'yes', exclude: away.value, transformItems: markAll, onVitrineReady: tell, onVitrineClick: tell, onVitrineError: tell,
      }, () => h('ul', null, ['One', 'Two'].map((name) => h('li', { key: name }, name)))) : null,
      h('ol', { id: 'own' }, recommendations.value.map(({ item, details }) => h('li', { key: item, 'data-item': item }, details.title))),
      h('p', { id: 'engine' }, error.value ? error.value.code : info.value ? `tier ${info.value.tier}` : 'nothing yet'),
    ];
  },
});

const markAll = (items) => items.map((item) => ({ ...item, title: `${item.title} *` }));

export const app = () => createSSRApp(App);
