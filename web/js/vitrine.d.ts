// Types of the public modules of Vitrine: vitrine.js, recorder.js, privacy.js and debug.js.

export type ErrorCode =
  | 'package_unreachable'
  | 'package_corrupt'
  | 'package_version'
  | 'webgpu_unavailable'
  | 'engine_failed'
  | 'storage_unavailable'
  | 'bad_request';

export const ERROR_CODES: readonly ErrorCode[];

export interface ErrorRecord {
  code: ErrorCode;
  message: string;
}

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
  list_price?: number;
  /** ISO 4217 code. */
  currency?: string;
  available?: boolean;
  image?: string;
  url?: string;
  attrs?: Record<string, string>;
  tags?: string[];
  text?: string;
  group?: string;
  sku?: string;
  gtin?: string;
  mpn?: string;
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
  | 'revisit'
  | 'size_guide'
  | 'variant'
  | 'order_cancel';

/** What a visitor did. Fields that are not named here are dropped, not stored. */
export interface HistoryEvent {
  item: string;
  /** One of these, or a type of the shop's own that `start({ events })` names. */
  type: EventType | (string & {});
  /** Milliseconds since 1970-01-01 UTC. */
  ts: number;
  variant?: string;
  /** Active dwell, for `dwell`. */
  dwell_ms?: number;
  /** How far the page was scrolled, from 0 to 1. */
  depth?: number;
  zoom?: number;
  /** Pieces, for `cart_add` and `purchase`. */
  qty?: number;
  /** In minor units. */
  price?: number;
  currency?: string;
  /** Stars from 1 to 5, for `rate`. */
  rating?: number;
  /** For `return`. */
  reason?: 'size' | 'late' | 'defect' | 'dislike' | (string & {});
  /** The placement, position and answer that an event came from. */
  list?: string;
  pos?: number;
  rec_id?: string;
  /** Added by the recorder: schema version, its own id, the session, the running number, who told it. */
  v?: number;
  id?: string;
  session?: string;
  n?: number;
  src?: string;
}

/** An event as it is told: `ts` is now when left out. */
export type ObservedEvent = Pick<HistoryEvent, 'item' | 'type'> & { [Field in Exclude<keyof HistoryEvent, 'item' | 'type'>]?: HistoryEvent[Field] | undefined };

export interface Interaction {
  item: string;
  /** From -1 (rejected) to 1 (bought). */
  intensity: number;
  time_ms: number;
}

/** What the visitor did with the item that a recommendation is most like. */
export interface Reason {
  kind: 'viewed' | 'saved' | 'cart' | 'bought' | 'liked';
  item: string;
  title: string;
  /** The same as a line of English, `""` where the item has left the catalogue. Lists say it in the shop's words. */
  text: string;
}

/** 1: content rules, 2: the engine on the CPU, 3: the engine on the GPU. */
export type Tier = 1 | 2 | 3;

export interface Recommendation {
  item: string;
  score: number;
  details: Item;
  tier: Tier;
  reason?: Reason;
  /** Those of the shop's rules that moved the item. */
  rules?: string[];
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
  tier: Tier;
  /** What was tried and is done without: the GPU, the package, the shop's rules. */
  fallback?: ErrorRecord;
}

/** What answers, and why. */
export interface Diagnostics {
  build: string;
  device: 'cpu' | 'gpu';
  adapter: string;
  tier: Tier;
  /** `cpu_ms` and `gpu_ms` are medians of a full answer, when both were timed; `from_before` on an earlier page. */
  decision: { device: 'cpu' | 'gpu'; because: string; cpu_ms?: number; gpu_ms?: number; from_before: boolean } | null;
  self_test: { passed: boolean; max_error: number } | null;
  gpu_losses: number;
  /** `restored`: parts of the history that were read on an earlier page. */
  snapshot: { restored: number; saved_bytes: number };
  memory_bytes: { cpu: number; gpu: number };
  /** Whether the CPU's engine multiplies bytes with relaxed SIMD. */
  relaxed_simd: boolean;
  /** How long the catalogue, the engine and the last answer took. */
  took_ms: { catalogue?: number; engine?: number; answer?: number };
  /** What the worker asked the network for; `bytes` is 0 when the browser had the file. */
  requests: { address: string; bytes: number; took_ms: number; start_ms: number }[];
  fallback?: ErrorRecord;
}

export interface RecommendOptions {
  k?: number | undefined;
  candidates?: string[] | undefined;
  exclude?: string[] | undefined;
  /** The item that the visitor looks at just now; counts as one more view and is not remembered. */
  seed?: string | undefined;
  /** Chooses among the shop's rules. */
  placement?: string | undefined;
  cart?: string[] | undefined;
  /** Ids that the page shows elsewhere. */
  shown?: string[] | undefined;
}

export interface HistoryExport {
  format: 'vitrine-history';
  version: 1;
  exported_ms: number;
  events: HistoryEvent[];
}

/** What knows whether there is consent: an adaptor, a callback, or the shop itself. */
export type Consent = boolean | 'granted' | 'denied' | 'none' | 'tcf' | 'google' | 'shopify' | ((report: (granted: boolean) => void) => void);

export interface StartOptions {
  /** Without it events stay in memory. */
  consent?: Consent | (string & {}) | undefined;
  /** Adaptors of event sources, for example `ga4`. */
  sources?: string[] | undefined;
  /** Whether the page's own markup is watched; true when left out. */
  watch?: boolean | undefined;
  /** Types of the shop's own that the package's signals know; others are refused as typing errors. */
  events?: string[] | undefined;
}

/** What happened to the history. */
export interface HistoryChange {
  kind: 'added' | 'erased' | 'forgot' | 'consent' | 'paused';
}

export interface RecorderEventMap {
  /** As kept. */
  event: CustomEvent<HistoryEvent>;
  change: CustomEvent<HistoryChange>;
  error: CustomEvent<ErrorRecord>;
}

export interface RecommenderEventMap {
  change: CustomEvent<HistoryChange>;
  progress: CustomEvent<{ loaded_bytes: number; total_bytes: number }>;
  engine: CustomEvent<EngineInfo>;
}

/**
 * The one recorder of the page. Fires `event` (as kept), `change` (`{kind}`: added, erased, forgot, consent, paused) and
 * `error` (`{code, message}`).
 */
export interface Recorder extends EventTarget {
  addEventListener<Type extends keyof RecorderEventMap>(type: Type, listener: (this: Recorder, event: RecorderEventMap[Type]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<Type extends keyof RecorderEventMap>(type: Type, listener: (this: Recorder, event: RecorderEventMap[Type]) => void, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
  /** May be called again: what is named then is added. */
  start(options?: StartOptions): void;
  observe(event: ObservedEvent): Promise<void>;
  /** Oldest first. */
  events(): Promise<HistoryEvent[]>;
  readonly consent: 'granted' | 'denied' | 'unknown';
  /** The visitor's own word: it beats adaptors and Global Privacy Control. */
  setConsent(granted: boolean): Promise<void>;
  isPersistent(): Promise<boolean>;
  pause(): void;
  resume(): void;
  readonly isPaused: boolean;
  forget(item: string): Promise<void>;
  erase(): Promise<void>;
  export(): Promise<HistoryExport>;
  /** Rows of the catalogue, by which other ids of events (variant, SKU, GTIN) are understood. */
  know(items: Record<string, unknown>[]): Promise<void>;
  /** Ids that the catalogue does not have, and how often they came. */
  readonly unmatched: Map<string, number>;
}

export const recorder: Recorder;
export function observe(event: ObservedEvent): Promise<void>;

/** Fires `change` when the history changed, `progress` while the package loads, `engine` when another tier answers. */
export interface Recommender extends EventTarget {
  addEventListener<Type extends keyof RecommenderEventMap>(type: Type, listener: (this: Recommender, event: RecommenderEventMap[Type]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<Type extends keyof RecommenderEventMap>(type: Type, listener: (this: Recommender, event: RecommenderEventMap[Type]) => void, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
  /** Accepts events of these types too. */
  accept(types: string[]): void;
  observe(event: ObservedEvent): Promise<void>;
  events(): Promise<HistoryEvent[]>;
  isPersistent(): Promise<boolean>;
  recommend(options?: RecommendOptions): Promise<Recommendation[]>;
  /** The same, whether the shop's rules want nothing in the place of an empty list, and their experiment that made it. */
  answer(options?: RecommendOptions): Promise<{ recommendations: Recommendation[]; isHidden: boolean; experiment: string | null }>;
  /** How these items rank; what may not be shown is left out. */
  score(candidates: string[], options?: RecommendOptions): Promise<Recommendation[]>;
  /** Why an item would be recommended, or null. */
  explain(item: string, options?: RecommendOptions): Promise<Reason | null>;
  /** The page has drawn its first rows, and leaves the processor to the engine, which waits half a second otherwise. */
  drawn(): void;
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
  package?: string | URL | undefined;
  /** Address of the shop's own list of items: for content rules without a package, and for what came after its export. */
  catalog?: string | URL | undefined;
  /** Address of `rules.json`. */
  rules?: string | URL | undefined;
  device?: 'auto' | 'cpu' | 'gpu' | undefined;
  consent?: StartOptions['consent'] | undefined;
  events?: string[] | undefined;
}

/** One recommender, and one worker, per package and page. */
export function createRecommender(options: RecommenderOptions): Recommender;

/** The price in the page's language; empty when the item has none. */
export function formatPrice(item: Item, locale?: string): string;

/** What a list shows. */
export interface Answer {
  placement: string;
  /** Links impression, click, cart and purchase, on the device. */
  rec_id: string;
  tier: Tier | 0;
  took_ms: number;
  /** The experiment of the shop's rules that the visitor is in. */
  experiment: string | null;
  recommendations: Recommendation[];
}

export class VitrineRecs extends HTMLElement {
  /** Ids that must not be recommended. */
  exclude: string[];
  /** Ids of what is in the cart. */
  cart: string[];
  /** Draws an item in markup of the shop's own. `reason` is null unless the attribute `reasons` is there. */
  render: ((item: Item, context: { reason: Reason | null }) => HTMLElement) | null;
  /** Receives the items best first, returns the items to draw. */
  transformItems: ((items: Item[]) => Item[]) | null;
  readonly recommender: Recommender | null;
  /** Null while the shop's own list stands. */
  readonly answer: Answer | null;
}

/** Set as properties of the element. */
export type VitrineRecsProperties = { [Name in 'exclude' | 'cart' | 'render' | 'transformItems']?: VitrineRecs[Name] | undefined };

/** Attributes of `<vitrine-recs>`, as the wrappers for React and Vue take them. */
export interface VitrineRecsAttributes {
  package?: string | URL | undefined;
  limit?: number | string | undefined;
  heading?: string | undefined;
  headingLevel?: number | string | undefined;
  placement?: string | undefined;
  seed?: string | undefined;
  device?: 'auto' | 'cpu' | 'gpu' | undefined;
  consent?: string | boolean | undefined;
  rules?: string | undefined;
  catalog?: string | URL | undefined;
  locale?: string | undefined;
  layout?: 'carousel' | 'grid' | undefined;
  lazy?: boolean | undefined;
  live?: boolean | undefined;
  reasons?: boolean | undefined;
  reasonViewed?: string | undefined;
  reasonSaved?: string | undefined;
  reasonCart?: string | undefined;
  reasonBought?: string | undefined;
  reasonLiked?: string | undefined;
  cartSynced?: boolean | undefined;
  itemUrl?: string | undefined;
  dismissLabel?: string | undefined;
  previousLabel?: string | undefined;
  nextLabel?: string | undefined;
}

/** Listeners, as the wrappers for React and Vue take them. */
export interface VitrineRecsEvents {
  onVitrineReady?: ((event: VitrineEventMap['vitrine-ready']) => void) | undefined;
  onVitrineAnswer?: ((event: VitrineEventMap['vitrine-answer']) => void) | undefined;
  onVitrineImpression?: ((event: VitrineEventMap['vitrine-impression']) => void) | undefined;
  onVitrineClick?: ((event: VitrineEventMap['vitrine-click']) => void) | undefined;
  onVitrineError?: ((event: VitrineEventMap['vitrine-error']) => void) | undefined;
}

export class VitrinePrivacy extends HTMLElement {
  /** Brings the note of an item into view, and the keyboard to it. */
  show(item: string): Promise<void>;
  /** Resolves when the panel shows what there is. */
  readonly updated: Promise<void>;
}

export class VitrineDebug extends HTMLElement {}

export interface PlacedItem {
  item: string;
  rec_id: string;
  position: number;
  placement: string;
  experiment: string | null;
}

/** What the elements tell; it bubbles up to the document and the window. */
export interface VitrineEventMap {
  'vitrine-ready': CustomEvent<{ tier: Tier; device: 'cpu' | 'gpu'; info: EngineInfo }>;
  'vitrine-answer': CustomEvent<Answer>;
  'vitrine-impression': CustomEvent<PlacedItem>;
  'vitrine-click': CustomEvent<PlacedItem>;
  'vitrine-error': CustomEvent<ErrorRecord>;
}

declare global {
  interface HTMLElementTagNameMap {
    'vitrine-recs': VitrineRecs;
    'vitrine-privacy': VitrinePrivacy;
    'vitrine-debug': VitrineDebug;
  }
  interface HTMLElementEventMap extends VitrineEventMap {}
  interface DocumentEventMap extends VitrineEventMap {}
  interface WindowEventMap extends VitrineEventMap {}
}
