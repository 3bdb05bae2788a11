// Types of the wrapper for Vue.

import type { ComputedRef, DefineComponent, MaybeRefOrGetter } from 'vue';
import type { EngineInfo, ObservedEvent, Recommendation, Recommender, RecommenderOptions, RecommendOptions, VitrineError, VitrineRecsAttributes, VitrineRecsEvents,
  VitrineRecsProperties } from './vitrine.js';

/** Says where the kit is served, before anything is rendered; `/vitrine/` when left out. */
export function configure(options: { base: string }): void;

/** Remembers what the visitor did, with the page's recorder. */
export function observe(event: ObservedEvent): Promise<void>;

/**
 * Attributes of `<vitrine-recs>` are handed on (`heading`, `:limit="8"`, `item-url`, …), and so are its events
 * (`@vitrine-click`, …). The default slot is the shop's own list.
 */
export const VitrineRecs: DefineComponent<VitrineRecsAttributes & VitrineRecsProperties & VitrineRecsEvents>;
/** Attributes of `<vitrine-privacy>` are handed on: its words (`text-heading`, …) and those that it has in common with a row. */
export const VitrinePrivacy: DefineComponent<Pick<VitrineRecsAttributes, 'package' | 'catalog' | 'locale' | 'headingLevel' | 'itemUrl'> & { [words: `text${string}`]: string | undefined }>;

export interface Recommendations {
  /** Best first; empty on a server, before there is an answer, and while nothing is known of the visitor. */
  recommendations: ComputedRef<Recommendation[]>;
  /** Which engine answered. */
  info: ComputedRef<EngineInfo | null>;
  error: ComputedRef<VitrineError | null>;
  recommender: ComputedRef<Recommender | null>;
}

export function useRecommendations(options: MaybeRefOrGetter<RecommenderOptions & RecommendOptions>): Recommendations;
