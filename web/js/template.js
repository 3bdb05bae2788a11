// What does an item look like in the shop's own `<template>`? Loaded where a row has one; without it the default look draws.

import { make, safeUrl } from './dom.js';
import { formatPrice } from './format.js';

/**
 * One item in the shop's own markup: elements with `data-slot` = link, image, brand, title, price or reason; what an item
 * does not have is taken out. The copy belongs into the light tree, where the shop's style sheets reach it.
 *
 * @param {HTMLTemplateElement} template
 * @param {import('./protocol.js').Item} item
 * @param {import('./recs-view.js').ViewOptions} options
 */
export function templateTile(template, item, { locale, reason }) {
  const content = make('div', {}, [template.content.cloneNode(true)]);
  /** @type {Record<string, string | undefined>} */
  const values = {
    link: safeUrl(item.url), image: item.image, title: item.title, brand: item.brand, price: formatPrice(item, locale), reason: reason?.text,
  };
  for (const node of /** @type {NodeListOf<HTMLElement>} */ (content.querySelectorAll('[data-slot]'))) {
    const slot = node.dataset.slot ?? '';
    if (!Object.hasOwn(values, slot)) continue;
    const value = values[slot];
    const attribute = /** @type {Record<string, string>} */ ({ link: 'href', image: 'src' })[slot];
    if (value && attribute) node.setAttribute(attribute, value);
    else if (value) node.textContent = value;
    // A link may hold the rest of the tile; without an address it leads nowhere.
    else if (slot !== 'link') node.remove();
  }
  return content;
}
