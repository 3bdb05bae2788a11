// Types of the wrapper for React.

import type { DetailedHTMLProps, ForwardRefExoticComponent, HTMLAttributes, ReactNode, RefAttributes } from 'react';
import type { EngineInfo, ObservedEvent, Recommendation, Recommender, RecommenderOptions, RecommendOptions, VitrineError, VitrineRecs as VitrineRecsElement,
  VitrineRecsAttributes, VitrineRecsEvents, VitrineRecsProperties } from './vitrine.js';

/** Says where the kit is served, before anything is rendered; `/vitrine/` when left out. */
export function configure(options: { base: string }): void;

/** Remembers what the visitor did, with the page's recorder. */
export function observe(event: ObservedEvent): Promise<void>;

export type { VitrineRecsAttributes };

/** Functions are compared by identity: keep them outside, or in `useCallback`. */
export type { VitrineRecsProperties };

export type { VitrineRecsEvents };

export type VitrineRecsProps = VitrineRecsAttributes & VitrineRecsProperties & VitrineRecsEvents & Omit<HTMLAttributes<HTMLElement>, keyof VitrineRecsAttributes> & {
  /** The shop's own list, shown until there is something better. */
  children?: ReactNode;
};

export const VitrineRecs: ForwardRefExoticComponent<VitrineRecsProps & RefAttributes<VitrineRecsElement>>;
export const VitrinePrivacy: ForwardRefExoticComponent<HTMLAttributes<HTMLElement> & RefAttributes<HTMLElement>>;

export interface Recommendations {
  /** Best first; empty on a server, before there is an answer, and while nothing is known of the visitor. */
  recommendations: Recommendation[];
  /** Which engine answered. */
  info: EngineInfo | null;
  error: VitrineError | null;
  recommender: Recommender | null;
}

export function useRecommendations(options: RecommenderOptions & RecommendOptions): Recommendations;

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'vitrine-recs': DetailedHTMLProps<HTMLAttributes<HTMLElement>, HTMLElement> & Record<string, unknown>;
      'vitrine-privacy': DetailedHTMLProps<HTMLAttributes<HTMLElement>, HTMLElement> & Record<string, unknown>;
    }
  }
}
