// How does a thing get a name that nothing else has? By chance, of which there is enough for one visitor's events and lists.

/** `crypto.randomUUID` exists on secure origins only; shops are also tried out on plain addresses. */
export function newId() {
  return Math.random().toString(36).slice(2);
}
