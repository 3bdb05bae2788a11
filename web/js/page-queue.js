// How does one listen to what a page tells others, without being in the way? Globals that come late, and queues.
//
// Whatever fails in a listener stays here: the page's own call goes through, with its own result.

const RETRY_MS = 500;

/** After this many looks (two minutes) nobody comes any more. */
const LOOKS = 240;

/**
 * Calls `use` with what `find` finds, as soon as it finds anything: vendors load when they please.
 *
 * @template T
 * @param {() => T} find
 * @param {(found: NonNullable<T>) => void} use
 */
export function whenPresent(find, use, looks = LOOKS) {
  const found = safely(find);
  if (found) safely(() => use(found));
  else if (looks) setTimeout(whenPresent, RETRY_MS, find, use, looks - 1);
}

/**
 * Tells what lies in the array `name` of the page already, then what is pushed. The array is made where there is none.
 *
 * What is pushed is told before the vendor's code sees it and merges it with what was pushed before.
 *
 * @param {string} name
 * @param {(pushed: any) => void} receive
 */
export function onPush(name, receive) {
  const page = /** @type {Record<string, any>} */ (globalThis);
  const queue = (page[name] ??= []);
  const tell = (/** @type {any} */ pushed) => safely(() => receive(pushed));
  if (Array.isArray(queue)) queue.forEach(tell);
  const push = queue.push;
  queue.push = function (/** @type {any[]} */ ...pushed) {
    pushed.forEach(tell);
    return push.apply(this, pushed);
  };
}

/**
 * Tells the calls of the page's function `name`: those that wait in its queue because the vendor's code has not loaded
 * yet, then those to come. Only the call is seen: whatever the vendor hangs upon the function stays where it is.
 *
 * @param {string} name
 * @param {(args: any[]) => void} receive
 */
export function onCall(name, receive) {
  const page = /** @type {Record<string, any>} */ (globalThis);
  whenPresent(
    () => typeof page[name] === 'function' && page[name],
    (original) => {
      const tell = (/** @type {Iterable<any>} */ args) => safely(() => receive([...args]));
      for (const queue of [original.q, original.queue]) if (Array.isArray(queue)) queue.forEach(tell);
      page[name] = new Proxy(original, {
        apply(target, self, args) {
          tell(args);
          return Reflect.apply(target, self, args);
        },
      });
    },
  );
}

/** @template T @param {() => T} task @returns {T | undefined} */
export function safely(task) {
  try {
    return task();
  } catch {
    return undefined;
  }
}
