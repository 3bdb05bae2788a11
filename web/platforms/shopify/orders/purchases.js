// What did this visitor just buy? The checkout has no recorder: the ids wait in the shop's localStorage until the next page.
//
// A custom pixel: paste it under Settings > Customer events, permission "Preferences". Nothing is sent; order number, name,
// address and prices are never read.

const KEY = 'vitrine-purchases';
const MOST = 50;

let privacy = init.customerPrivacy;
api.customerPrivacy.subscribe('visitorConsentCollected', (event) => {
  privacy = event.customerPrivacy;
  // Taken back: what was left here goes, too.
  if (!privacy.preferencesProcessingAllowed) browser.localStorage.removeItem(KEY);
});

analytics.subscribe('checkout_completed', async ({ timestamp, data }) => {
  if (!privacy.preferencesProcessingAllowed) return;
  const bought = data.checkout.lineItems.map(({ variant, quantity }) => ({
    item: variant?.product?.id, variant: variant?.id, sku: variant?.sku, qty: quantity, ts: Date.parse(timestamp),
  }));
  let waiting = [];
  try {
    waiting = JSON.parse(await browser.localStorage.getItem(KEY)) ?? [];
  } catch {
    // Not ours, or cut short: begun anew.
  }
  await browser.localStorage.setItem(KEY, JSON.stringify([...waiting, ...bought.filter(({ item }) => item)].slice(-MOST)));
});
