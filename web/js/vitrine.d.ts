// Types of the public module of Vitrine.

export type ErrorCode =
  | 'package_unreachable'
  | 'package_corrupt'
  | 'package_version'
  | 'webgpu_unavailable'
  | 'engine_failed'
  | 'storage_unavailable'
  | 'bad_request';

export const ERROR_CODES: readonly ErrorCode[];

export class VitrineError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string);
}

export interface Item {
  id: string;
  title: string;
  brand?: string;
  category?: string[];
  /** In minor units (cents). */
  price?: number;
  /** ISO 4217 code. */
  currency?: string;
  available?: boolean;
  image?: string;
  url?: string;
  attrs?: Record<string, string>;
  text?: string;
}

/** The events that every package knows; a package's signals may know more. */
export type EventType =
  | 'impression'
  | 'click'
  | 'view'
  | 'dwell'
  | 'zoom'
  | 'review'
  | 'compare'
  | 'share'
  | 'search'
  | 'list_view'
  | 'wishlist_add'
  | 'wishlist_remove'
  | 'cart_add'
  | 'cart_remove'
  | 'cart_view'
  | 'checkout'
  | 'purchase'
  | 'return'
  | 'rate'
  | 'dismiss'
  | 'revisit';

/** What a visitor did. Fields that are not named here are dropped, not stored. */
export interface HistoryEvent {
  item: string;
  /** One of these, or a type of the shop's own that `createRecommender({ events })` names. */
  type: EventType | (string & {});
  /** Milliseconds since 1970-01-01 UTC. */
  ts: number;
  /** Active dwell, for `dwell`. */
  dwell_ms?: number;
  /** Pieces, for `cart_add` and `purchase`. */
  qty?: number;
  /** Stars from 1 to 5, for `rate`. */
  rating?: number;
  /** For `return`. */
  reason?: 'size' | 'late' | 'defect' | 'dislike';
  /** The placement, position and answer that an event came from. */
  list?: string;
  pos?: number;
  rec_id?: string;
}

export interface Interaction {
  item: string;
  /** From -1 (rejected) to 1 (bought). */
  intensity: number;
  time_ms: number;
}

export interface Recommendation {
  item: string;
  score: number;
  details: Item;
}

export interface EngineInfo {
  recipe: string;
  parameters: number;
  device: 'cpu' | 'gpu';
  quantisation: string;
  items: number;
  /** Interactions that the model reads at most. */
  context: number;
  /** Pins model, catalogue and signals. */
  fingerprint: string;
  /** For how many days an item stays away after an event of a type, for example `dismiss`. */
  filter_days: Record<string, number>;
  /** 2: the engine on the CPU, 3: the engine on the GPU. */
  tier: 2 | 3;
  /** Why the GPU was tried and did not answer. */
  fallback?: { code: ErrorCode; message: string };
}

/** Which engine answers, and why. */
export interface Diagnostics {
  build: string;
  device: 'cpu' | 'gpu';
  adapter: string;
  /** `cpu_ms` and `gpu_ms` are medians of a full answer, when both were timed; `from_before` on an earlier page. */
  decision: { device: 'cpu' | 'gpu'; because: string; cpu_ms?: number; gpu_ms?: number; from_before: boolean } | null;
  self_test: { passed: boolean; max_error: number } | null;
  gpu_losses: number;
  /** `restored`: parts of the history that were read on an earlier page. */
  snapshot: { restored: number; saved_bytes: number };
  memory_bytes: { cpu: number; gpu: number };
  fallback?: { code: ErrorCode; message: string };
}

export interface RecommendOptions {
  k?: number;
  candidates?: string[];
  exclude?: string[];
  /** The item that the visitor looks at just now; counts as one more view and is not remembered. */
  seed?: string;
}

export interface HistoryExport {
  format: 'vitrine-history';
  version: 1;
  exported_ms: number;
  events: HistoryEvent[];
}

/** Fires `change` when the history changed, `progress` while the package loads, `engine` when another engine answers. */
export interface Recommender extends EventTarget {
  /** Accepts events of these types too. */
  accept(types: string[]): void;
  observe(event: Omit<HistoryEvent, 'ts'> & { ts?: number }): Promise<void>;
  events(): Promise<HistoryEvent[]>;
  isPersistent(): Promise<boolean>;
  recommend(options?: RecommendOptions): Promise<Recommendation[]>;
  interactions(): Promise<Interaction[]>;
  export(): Promise<HistoryExport>;
  erase(): Promise<void>;
  setConsent(consent: boolean): Promise<void>;
  open(): Promise<EngineInfo>;
  info(): Promise<EngineInfo>;
  diagnostics(): Promise<Diagnostics>;
  catalog(): Promise<Item[]>;
}

export interface RecommenderOptions {
  package: string | URL;
  device?: 'auto' | 'cpu' | 'gpu';
  /** Without it events stay in memory; true when left out. */
  consent?: boolean;
  /** Types of the shop's own that the package's signals know; others are refused as typing errors. */
  events?: string[];
}

/** One recommender, and one worker, per package and page. */
export function createRecommender(options: RecommenderOptions): Recommender;

/** The price in the page's language; empty when the item has none. */
export function formatPrice(item: Item, locale?: string): string;

export class VitrineRecs extends HTMLElement {
  /** Ids that must not be recommended. */
  exclude: string[];
  transformItems: ((items: Item[]) => Item[]) | null;
  readonly recommender: Recommender | null;
}

export interface PlacedItem {
  item: string;
  rec_id: string;
  position: number;
  placement: string;
}

declare global {
  interface HTMLElementTagNameMap {
    'vitrine-recs': VitrineRecs;
  }
  interface HTMLElementEventMap {
    'vitrine-ready': CustomEvent<{ tier: 2 | 3; device: 'cpu' | 'gpu'; info: EngineInfo }>;
    'vitrine-impression': CustomEvent<PlacedItem>;
    'vitrine-click': CustomEvent<PlacedItem>;
    'vitrine-error': CustomEvent<{ code: ErrorCode; message: string }>;
  }
}
