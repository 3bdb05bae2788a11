// Which engine shall answer? `?device=cpu` or `?device=gpu` in the address, for demonstrations.
//
// A module of its own, because it has to come before the elements exist: the first list on the page chooses for all.

export const device = new URLSearchParams(location.search).get('device') ?? 'auto';

document.getElementById('home-recs')?.setAttribute('device', device);
