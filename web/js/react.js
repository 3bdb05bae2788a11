'use client';
// How does a React shop (18 or 19) use Vitrine? The elements as components, and recommendations as a hook.
//
// React 18 knows neither properties nor events of custom elements, so both are set by hand. On a server the markup is the
// shop's own list inside the tag; the element starts after hydration.

import { createElement, forwardRef, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from 'react';
import { attributesOf, begin, configure, define, EVENTS, follow, NOTHING, observe } from './wrapper.js';

export { configure, observe };

/** React 18 warns of layout effects on a server, where there is no layout. */
const useEffectBeforePaint = typeof document === 'undefined' ? useEffect : useLayoutEffect;

/** `<vitrine-recs>`. Children are the shop's own list. */
export const VitrineRecs = forwardRef(function VitrineRecs(/** @type {any} */ { children, className, ...props }, ref) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const latest = useRef(props);
  useImperativeHandle(ref, () => element.current);
  useEffectBeforePaint(() => {
    latest.current = props;
  });
  useEffectBeforePaint(() => {
    const { current } = element;
    if (!current) return undefined;
    const listeners = Object.entries(EVENTS).map(([prop, type]) => {
      const listener = (/** @type {Event} */ event) => /** @type {any} */ (latest.current)[prop]?.(event);
      current.addEventListener(type, listener);
      return () => current.removeEventListener(type, listener);
    });
    define(current, 'vitrine.js');
    return () => listeners.forEach((remove) => remove());
  }, []);
  useEffectBeforePaint(() => {
    if (element.current) begin(element.current, props);
  });
  // What an element that was there before React marks on itself is no mismatch.
  return createElement('vitrine-recs', { ...attributesOf(props), class: className, ref: element, suppressHydrationWarning: true }, children);
});

/** `<vitrine-privacy>`: what is stored, and the visitor's say in it. */
export const VitrinePrivacy = forwardRef(function VitrinePrivacy(/** @type {any} */ { children, className, ...props }, ref) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  useImperativeHandle(ref, () => element.current);
  useEffect(() => {
    if (element.current) define(element.current, 'privacy.js');
  }, []);
  return createElement('vitrine-privacy', { ...props, class: className, ref: element, suppressHydrationWarning: true }, children);
});

/**
 * Recommendations to draw oneself. Empty on a server, before there is an answer, and while nothing is known of the visitor.
 *
 * @param {Record<string, any>} options  of `createRecommender` and of `recommend`
 */
export function useRecommendations(options) {
  const [answer, setAnswer] = useState(NOTHING);
  // Options are usually written in place and new at every rendering: what they say counts.
  const words = JSON.stringify(options);
  useEffect(() => follow(JSON.parse(words), setAnswer), [words]);
  return answer;
}
