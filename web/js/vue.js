// How does a Vue shop use Vitrine? The elements as components, and recommendations as a composable.
//
// On a server the markup is the shop's own list inside the tag; the element starts once Vue has taken it over.

import { computed, defineComponent, h, onMounted, onUnmounted, onUpdated, ref, shallowRef, toValue, watch } from 'vue';
import { attributesOf, begin, configure, define, EVENTS, follow, NOTHING, observe } from './wrapper.js';

export { configure, observe };

/** `<vitrine-recs>`. The default slot is the shop's own list; `@vitrine-click` and the other events arrive as on the element. */
export const VitrineRecs = defineComponent({
  name: 'VitrineRecs',
  inheritAttrs: false,
  props: { exclude: Array, cart: Array, render: Function, transformItems: Function, package: null, catalog: null },
  setup(props, { attrs, slots, expose }) {
    const element = ref(/** @type {HTMLElement | null} */ (null));
    const start = () => {
      if (element.value) begin(element.value, props);
    };
    onMounted(() => {
      if (element.value) define(element.value, 'vitrine.js');
      start();
    });
    onUpdated(start);
    // Properties are not in the markup, so that a change of them alone renders nothing.
    // Lists are copied, so that what is pushed to one is a change.
    watch(() => Object.values(props).map((value) => (Array.isArray(value) ? [...value] : value)), start, { flush: 'post' });
    expose({ element });
    return () => {
      const listeners = Object.fromEntries(Object.keys(EVENTS).filter((name) => name in attrs).map((name) => [name, attrs[name]]));
      return h('vitrine-recs', { ...attributesOf(attrs), ...listeners, ref: element }, slots.default?.());
    };
  },
});

/** `<vitrine-privacy>`: what is stored, and the visitor's say in it. */
export const VitrinePrivacy = defineComponent({
  name: 'VitrinePrivacy',
  setup(_, { slots }) {
    const element = ref(/** @type {HTMLElement | null} */ (null));
    onMounted(() => {
      if (element.value) define(element.value, 'privacy.js');
    });
    return () => h('vitrine-privacy', { ref: element }, slots.default?.());
  },
});

/**
 * Recommendations to draw oneself. Empty on a server, before there is an answer, and while nothing is known of the visitor.
 *
 * @param {any} options  of `createRecommender` and of `recommend`; an object, a ref or a function
 */
export function useRecommendations(options) {
  const answer = shallowRef(/** @type {any} */ (NOTHING));
  let stop = () => {};
  // Not on a server, which mounts nothing.
  onMounted(() => {
    watch(() => JSON.stringify(toValue(options)), (words) => {
      stop();
      stop = follow(JSON.parse(words), (next) => (answer.value = next));
    }, { immediate: true });
  });
  onUnmounted(() => stop());
  const part = (/** @type {string} */ name) => computed(() => answer.value[name]);
  return { recommendations: part('recommendations'), info: part('info'), error: part('error'), recommender: part('recommender') };
}
