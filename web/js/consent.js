// May the visitor's history be stored? What the shop's consent tool says, each in its own words, as yes or no.
//
// A tool that has not asked yet, or was not found, says nothing: then memory is all there is.

import { VitrineError } from './protocol.js';
import { onPush, whenPresent } from './page-queue.js';

/** @typedef {(granted: boolean) => void} Report */

const page = /** @type {Record<string, any>} */ (globalThis);

/** @type {Record<string, (report: Report) => void>} */
const ADAPTORS = {
  /** The shop needs no consent, or has it before the page is shown. */
  none: (report) => report(true),

  /** IAB Transparency and Consent Framework 2: purpose 1 is storing and reading on the device. */
  tcf: (report) =>
    whenPresent(
      () => page.__tcfapi,
      (tcf) =>
        tcf('addEventListener', 2, (/** @type {any} */ data, /** @type {boolean} */ success) => {
          // Anything else (`cmpuishown`, or no status yet): the visitor is still being asked, and has refused nothing.
          if (!success || !/^(tcloaded|useractioncomplete)$/.test(data.eventStatus)) return;
          report(data.gdprApplies === false || data.purpose?.consents?.[1] === true);
        }),
    ),

  /** Google Consent Mode: what `gtag('consent', …)` says of `personalization_storage`. */
  google(report) {
    /** Whether nothing may be made of the defaults: the visitor has answered, or one of them denies. */
    let isSettled = false;
    onPush('dataLayer', (pushed) => {
      const storage = pushed?.[0] === 'consent' && pushed[2]?.personalization_storage;
      if (!storage) return;
      const granted = storage === 'granted';
      // Every page begins with the defaults, and the visitor's answer follows as an update. A default that denies says that
      // nobody was asked yet: taken for a refusal, it would erase the history on every page. Defaults may hold for some
      // countries only, and which one this is only Google knows: of several, one that denies wins, in whatever order.
      if (pushed[1] === 'default' && granted) queueMicrotask(() => isSettled || report(true));
      else isSettled = true;
      if (pushed[1] === 'update') report(granted);
    });
  },

  /** Shopify's customer privacy: preferences, of which recommendations are. */
  shopify: (report) =>
    whenPresent(
      () => page.Shopify,
      (shopify) => {
        const ask = () => {
          const privacy = shopify.customerPrivacy;
          if (privacy) report(privacy.preferencesProcessingAllowed());
        };
        document.addEventListener('visitorConsentCollected', ask);
        if (shopify.customerPrivacy) ask();
        else shopify.loadFeatures([{ name: 'consent-tracking-api', version: '0.1' }], ask);
      },
    ),
};

/** What listens already. @type {Set<unknown>} */
const watched = new Set();

/**
 * Every row and every route that names an adaptor comes here. It is started once: listening again, it would tell again
 * what the page said first, against what the visitor has said since.
 *
 * @param {string | ((report: Report) => void)} adaptor
 * @param {Report} report  called at once or later, and again whenever the visitor changes their mind
 */
export function watchConsent(adaptor, report) {
  const watch = typeof adaptor === 'function' ? adaptor : Object.hasOwn(ADAPTORS, adaptor) && ADAPTORS[adaptor];
  if (!watch) throw new VitrineError('bad_request', `consent is ${adaptor}, not ${Object.keys(ADAPTORS).join(', ')} or a function`);
  if (watched.has(watch)) return;
  watched.add(watch);
  watch(report);
}
