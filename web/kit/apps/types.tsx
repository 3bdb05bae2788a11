// Does a TypeScript shop get along with the types? Compiled, never run; a line that must be an error says so.

import { createRecommender, recorder, VitrineError } from './vitrine.js';
import { configure, observe, useRecommendations, VitrinePrivacy, VitrineRecs } from './react.js';
import * as vue from './vue.js';

configure({ base: '/static/vitrine/' });

export function Page() {
  const { recommendations, info, error } = useRecommendations({ package: '/vitrine/model/', k: 4, seed: 'coat-07' });
  const title: string | undefined = recommendations[0]?.details.title;
  const tier: number | undefined = info?.tier;
  const code: string | undefined = error?.code;
  return (
    <>
      <VitrineRecs package="/vitrine/model/" limit={8} heading="Picked for you" itemUrl="/item/{id}" exclude={['coat-07']} reasons lazy
        onVitrineClick={(event) => observe({ item: event.detail.item, type: 'click' })}
        onVitrineError={(event) => console.warn(event.detail.code)}>
        <ul><li>{title ?? tier ?? code}</li></ul>
      </VitrineRecs>
      <VitrinePrivacy />
      <vitrine-recs package="/vitrine/model/" />
      {/* @ts-expect-error a layout is a carousel or a grid */}
      <VitrineRecs layout="circle" />
      {/* @ts-expect-error ids are texts */}
      <VitrineRecs exclude={[1, 2]} />
    </>
  );
}

export const row = vue.useRecommendations(() => ({ package: '/vitrine/model/', seed: 'coat-07' }));
export const first: string | undefined = row.recommendations.value[0]?.item;

const recommender = createRecommender({ package: '/vitrine/model/' });
export const asked = recommender.recommend({ k: 3 }).catch((error: VitrineError) => error.code);
// @ts-expect-error an event names its item
recommender.observe({ type: 'view' });

// What the guide writes, compiles.
document.addEventListener('vitrine-answer', ({ detail }) => console.log(detail.tier, detail.took_ms, detail.recommendations));
addEventListener('vitrine-error', ({ detail }) => console.log(detail.code));
const element = document.querySelector('vitrine-recs');
if (element) element.transformItems = (items) => items.filter(({ price = 0 }) => price > 0);
recorder.addEventListener('error', ({ detail }) => console.log(detail.code));
recommender.addEventListener('engine', ({ detail }) => console.log(detail.tier));
recommender.addEventListener('change', () => {});
// @ts-expect-error a change is no error
recorder.addEventListener('change', ({ detail }) => console.log(detail.code));

// With exactOptionalPropertyTypes a value that may be undefined is another than one that is left out.
export const ofPage = (seed?: string) => [recommender.recommend({ seed }), <VitrineRecs package="/vitrine/model/" seed={seed} exclude={seed ? [seed] : undefined} />];

export const props: InstanceType<typeof vue.VitrineRecs>['$props'] = {
  package: '/vitrine/model/', placement: 'home', itemUrl: '/p/{id}', exclude: ['coat-07'], onVitrineClick: ({ detail }) => console.log(detail.item),
};
