// How is markup made so that nothing in it is ever read as markup? From names, attributes and text.

/**
 * @typedef {Node | string | null | false | undefined} Child  what is nothing, or an empty text, is left out
 *
 * @param {string} name
 * @param {Record<string, string | boolean | null | undefined>} [attributes]  true: present; false, null, undefined: left out
 * @param {Child[]} [children]
 * @returns {HTMLElement}
 */
export function make(name, attributes = {}, children = []) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(key, '');
    else if (typeof value === 'string') node.setAttribute(key, value);
  }
  node.append(.../** @type {(Node | string)[]} */ (children.filter(Boolean)));
  return node;
}

/**
 * One sheet for all elements of a kind, made when the first is: a strict Content-Security-Policy refuses inline styles
 * and lets constructed sheets pass, and a server has neither.
 *
 * @param {string} text
 * @returns {() => CSSStyleSheet}
 */
export function styleSheet(text) {
  /** @type {CSSStyleSheet | undefined} */
  let sheet;
  return () => {
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(text);
    }
    return sheet;
  };
}

/** Lets the page do something else first. */
export function nextTask() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Catalogues come from feeds: a link may lead to a page, and never run a script. */
export function safeUrl(/** @type {string | undefined} */ url) {
  try {
    return url && /^https?:$/.test(new URL(url, document.baseURI).protocol) ? url : undefined;
  } catch {
    return undefined;
  }
}
