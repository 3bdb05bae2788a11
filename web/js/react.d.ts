// Types of the wrapper for React.

import type { DetailedHTMLProps, ForwardRefExoticComponent, HTMLAttributes, ReactNode, RefAttributes } from 'react';
import type { EngineInfo, HistoryEvent, Recommendation, Recommender, RecommenderOptions, RecommendOptions, VitrineError, VitrineRecs as VitrineRecsElement } from './vitrine.js';

/** Says where the kit is served, before anything is rendered; `/vitrine/` when left out. */
export function configure(options: { base: string }): void;

/** Remembers what the visitor did, with the page's recorder. */
export function observe(event: Omit<HistoryEvent, 'ts'> & { ts?: number }): Promise<void>;

/** Attributes of `<vitrine-recs>`. */
export interface VitrineRecsAttributes {
  package?: string | URL;
  limit?: number | string;
  heading?: string;
  headingLevel?: number | string;
  placement?: string;
  seed?: string;
  device?: 'auto' | 'cpu' | 'gpu';
  consent?: string | boolean;
  rules?: string;
  catalog?: string | URL;
  locale?: string;
  layout?: 'carousel' | 'grid';
  lazy?: boolean;
  live?: boolean;
  reasons?: boolean;
  reasonViewed?: string;
  reasonSaved?: string;
  reasonCart?: string;
  reasonBought?: string;
  reasonLiked?: string;
  cartSynced?: boolean;
  itemUrl?: string;
  dismissLabel?: string;
  previousLabel?: string;
  nextLabel?: string;
}

/** Set as properties of the element. Functions are compared by identity: keep them outside, or in `useCallback`. */
export type VitrineRecsProperties = Partial<Pick<VitrineRecsElement, 'exclude' | 'cart' | 'render' | 'transformItems'>>;

export interface VitrineRecsEvents {
  onVitrineReady?: (event: HTMLElementEventMap['vitrine-ready']) => void;
  onVitrineAnswer?: (event: HTMLElementEventMap['vitrine-answer']) => void;
  onVitrineImpression?: (event: HTMLElementEventMap['vitrine-impression']) => void;
  onVitrineClick?: (event: HTMLElementEventMap['vitrine-click']) => void;
  onVitrineError?: (event: HTMLElementEventMap['vitrine-error']) => void;
}

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
