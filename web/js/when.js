// When does a row start? When the page has done its own, or when the visitor comes near.

/** A page that has not loaded by then, because of a picture perhaps, is not waited for. */
const LOADING_MS = 5_000;
/** A lazy list starts when it is so near. */
const NEAR = '400px';

/** The page comes first: after it has loaded, when it has nothing else to do. @param {() => void} task */
export function whenIdle(task) {
  // Safari has no idle callback, and a timer takes any object for no time.
  const idle = () => /** @type {any} */ (globalThis.requestIdleCallback ?? setTimeout)(task, { timeout: 2000 });
  if (document.readyState === 'complete') return idle();
  new Promise((done) => {
    addEventListener('load', done, { once: true });
    setTimeout(done, LOADING_MS);
  }).then(idle);
}

/** @param {Element} element @param {() => void} task */
export function whenNear(element, task) {
  const observer = new IntersectionObserver((changes) => {
    if (!changes.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    task();
  }, { rootMargin: NEAR });
  observer.observe(element);
}
