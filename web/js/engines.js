// Which engine answers? The CPU's from the start; the GPU's once it has shown that it is right, and faster.
//
// Nobody waits for a GPU that was not asked for by name: its bundle is loaded, tested and timed beside the engine that
// answers. A GPU that fails, hangs, is lost or gives no numbers is replaced by the CPU within the same request.

import { readAhead } from './ahead.js';
import { BUILD } from './build.js';
import { startBundle } from './bundle.js';
import { chooseDevice } from './device.js';
import * as keeper from './keep.js';
import { leastRules } from './least-rules.js';
import { passesAfter, read } from './network.js';
import { VitrineError, toErrorRecord } from './protocol.js';
import { Retries } from './retries.js';
import { tokenizer } from './tokenizer.js';

/** A GPU engine that neither loads bytes nor answers for so long has hung: a lost device never rejects. */
const GPU_SILENCE_MS = 60_000;
/** The page is drawn and answered first; then there is time to look for something faster. */
const IMPROVE_AFTER_MS = 2_000;
/** Answers that are timed on each device; the middle one counts. */
const PROBES = 3;
/** A GPU that needs longer for one answer is not what we look for. */
const PROBE_LIMIT_MS = 10_000;
/** Changing engines has to be worth it. */
const FASTER = 1.1;
/** How often a page sets a GPU up: once, and again after a loss. */
const LIVES = 3;
/** What was read is written down when no answer was asked for so long. */
const SNAPSHOT_AFTER_MS = 1_000;

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * @typedef {{device: "cpu" | "gpu", because: string, cpu_ms?: number, gpu_ms?: number, from_before?: boolean}} Decision
 * @typedef {{passed: boolean, max_error: number}} SelfTest
 */

export class Engines {
  /** @type {{cpu: any, gpu: any}} */
  #engines = { cpu: null, gpu: null };
  /** @type {{cpu: any, gpu: any}} */
  #memories = { cpu: null, gpu: null };
  /** Whether the CPU bundle is the one that multiplies bytes. */
  #isRelaxed = false;
  /** @type {"cpu" | "gpu"} */
  #current = 'cpu';
  #package = '';
  /** Which package the page began with. @type {string | undefined} */
  #fingerprint;
  /** @type {Promise<string | undefined>} */
  #catalog = Promise.resolve(undefined);
  /** When the page leaves the processor to an engine. @type {Promise<void>} */
  #calm = Promise.resolve();
  /** The shop's rules, when they are there. @type {Promise<string | undefined>} */
  #rules = Promise.resolve(undefined);
  /** Why an engine answers without them. @type {import('./protocol.js').ErrorRecord | undefined} */
  #rulesError;
  /** Why it answers without the shop's own catalogue. @type {import('./protocol.js').ErrorRecord | undefined} */
  #catalogError;
  #persistent = false;
  /** Whether the page wants the GPU, faster or not. */
  #isForced = false;
  /** Which of a page's GPU devices is meant. */
  #life = 0;
  #losses = 0;
  /** @type {Decision | null} */
  #decision = null;
  /** @type {SelfTest | null} */
  #selfTest = null;
  /** @type {import('./protocol.js').ErrorRecord | undefined} */
  #fallback;
  #adapter = '';
  #snapshot = { restored: 0, saved_bytes: 0 };
  #snapshotTimer = 0;
  /** When an engine last gave a sign of life. */
  #heard_ms = 0;
  /** Its files may not come at once. */
  #improvement = new Retries(() => this.#tryGpu());
  /** Who waits for which engine. @type {Set<{device: "cpu" | "gpu", reject: (error: Error) => void}>} */
  #waiting = new Set();
  #options;

  /**
   * @param {{
   *   gpu: any,
   *   inQueue: <T>(job: () => Promise<T>) => Promise<T>,
   *   onProgress: (loaded_bytes: number, total_bytes: number) => void,
   *   onChange: (info: import('./protocol.js').EngineInfo) => void,
   *   isSaving?: boolean,
   *   start?: typeof startBundle,
   *   kept?: typeof keeper,
   *   improveAfter_ms?: number,
   * }} options  `inQueue` runs a job when no request is being answered; `isSaving` says that the visitor wants to
   *   load little; the last three are for tests
   */
  constructor(options) {
    this.#options = { start: startBundle, kept: keeper, isSaving: false, improveAfter_ms: IMPROVE_AFTER_MS, ...options };
  }

  /**
   * @param {{package: string, device: "auto" | "cpu" | "gpu", persistent?: boolean, rules?: Promise<string | undefined>, catalog?: Promise<string | undefined>, calm?: Promise<void>}} request
   *   `rules` is the text of `rules.json`, `catalog` that of the shop's own catalogue, written as a package's; before `calm`,
   *   everything is loaded and nothing compiled
   */
  async open({ package: folder, device, persistent = false, rules = Promise.resolve(undefined), catalog = Promise.resolve(undefined), calm = Promise.resolve() }) {
    this.#package = folder;
    this.#fingerprint = undefined;
    this.#calm = calm;
    this.#catalog = catalog;
    this.#rules = rules;
    this.#isForced = device === 'gpu';
    this.#persistent = persistent;
    // Of a try before this one.
    this.#fallback = this.#rulesError = this.#catalogError = undefined;
    /** When a GPU is worth a try. @type {number | undefined} */
    let after_ms;
    try {
      const choice = await chooseDevice(device, this.#options.gpu, () => this.#readRecipe());
      this.#adapter = choice.adapter;
      if (choice.device === 'gpu') {
        if (this.#isForced) {
          await this.#openGpu();
          this.#decision = { device: 'gpu', because: 'asked for' };
          this.#current = 'gpu';
          return this.info();
        }
        after_ms = 0;
      }
      this.#decision = { device: 'cpu', because: device === 'cpu' ? 'asked for' : choice.because };
    } catch (cause) {
      this.#fallback = toErrorRecord(cause);
      // The CPU engine would fetch the same package in vain.
      if (this.#fallback.code.startsWith('package_')) throw cause;
      after_ms = passesAfter(cause);
      this.#decision = { device: 'cpu', because: this.#fallback.message };
    }
    await this.#openCpu();
    if (after_ms !== undefined) this.#improveAfter(after_ms);
    return this.info();
  }

  /** Is an engine open? */
  get isOpen() {
    return this.#engine !== null;
  }

  get #engine() {
    return this.#engines[this.#current];
  }

  /** @returns {import('./protocol.js').EngineInfo} */
  info() {
    const fallback = this.#fallback ?? this.#rulesError ?? this.#catalogError;
    return {
      ...this.#engine.info(),
      device: this.#current,
      tier: this.#current === 'gpu' ? 3 : 2,
      ...(fallback && { fallback }),
    };
  }

  catalog() {
    return this.#engine.catalog();
  }

  /** @param {import('./protocol.js').HistoryEvent[]} events */
  interactions(events) {
    return this.#engine.interactions(events);
  }

  /**
   * @param {import('./protocol.js').HistoryEvent[]} events
   * @param {import('./protocol.js').EngineOptions} options
   * @returns {Promise<import('./protocol.js').EngineAnswer>}
   */
  async recommend(events, options) {
    let isDoubtful = false;
    if (this.#current === 'gpu') {
      try {
        const answer = await this.#watched('gpu', this.#engines.gpu.recommend(events, options), GPU_SILENCE_MS);
        // Items whose scores are no numbers are in no list: an empty one is believed only when the CPU gives it, too.
        if (answer.rows.length > 0 || events.length === 0) return answer;
        isDoubtful = true;
      } catch (cause) {
        const error = toErrorRecord(cause);
        if (error.code === 'bad_request') throw cause;
        await this.#demote(error);
      }
    }
    await this.#openCpu();
    const answer = await this.#watched('cpu', this.#engines.cpu.recommend(events, options));
    if (isDoubtful && answer.rows.length > 0) {
      await this.#demote({ code: 'engine_failed', message: 'the GPU gave no numbers' });
    }
    this.#saveSoon();
    return answer;
  }

  /** Nothing of the visitor stays: neither in memory nor on the device. */
  forget() {
    clearTimeout(this.#snapshotTimer);
    this.#engines.cpu?.forget?.();
    this.#engines.gpu?.forget?.();
  }

  /** @param {boolean} persistent  whether there is consent to keep anything */
  setPersistent(persistent) {
    this.#persistent = persistent;
    if (!persistent) this.forget();
  }

  /** Which engine answers and why, for people who want to know. */
  diagnostics() {
    const bytes = (/** @type {"cpu" | "gpu"} */ device) => this.#memories[device]?.buffer.byteLength ?? 0;
    return {
      build: BUILD,
      device: this.#current,
      adapter: this.#adapter,
      decision: this.#decision && { from_before: false, ...this.#decision },
      self_test: this.#selfTest,
      gpu_losses: this.#losses,
      snapshot: { ...this.#snapshot },
      memory_bytes: { cpu: bytes('cpu'), gpu: bytes('gpu') },
      relaxed_simd: this.#isRelaxed,
      ...(this.#fallback && { fallback: this.#fallback }),
    };
  }

  /** The life that a GPU device belongs to which is being set up now. */
  get life() {
    return this.#life;
  }

  /**
   * A GPU device is gone: whoever waits for it is answered by the CPU at once.
   *
   * @param {number} life
   * @param {string} reason
   */
  lost(life, reason) {
    if (life !== this.#life) return;
    const error = new VitrineError('engine_failed', `the GPU device was lost: ${reason}`);
    const isAwaited = this.#reject('gpu', error);
    // What was given back is no loss.
    if (!isAwaited && !this.#engines.gpu) return;
    this.#losses += 1;
    if (!isAwaited && this.#current === 'gpu') {
      this.#options.inQueue(() => this.#demote(toErrorRecord(error))).catch(() => {});
    }
    if (this.#life + 1 >= LIVES) return;
    this.#life += 1;
    this.#improveAfter(0);
  }

  /**
   * A panic in wasm surfaces as an error of the whole worker and leaves its promise open.
   *
   * @param {string} message
   * @param {string} place  address or stack that tells which bundle it was
   */
  trapped(message, place) {
    const error = new VitrineError('engine_failed', message);
    if (!place.includes('/cpu/')) this.#reject('gpu', error);
    if (!place.includes('/gpu/')) this.#reject('cpu', error);
  }

  /**
   * @param {"cpu" | "gpu"} device
   * @param {Error} error
   */
  #reject(device, error) {
    const waiting = [...this.#waiting].filter((each) => each.device === device);
    for (const each of waiting) each.reject(error);
    return waiting.length > 0;
  }

  async #openCpu() {
    if (this.#engines.cpu) return;
    this.#engines.cpu = await this.#watched('cpu', this.#openOn('cpu'));
    if (this.#isWorthKeeping) await this.#restore();
  }

  async #openGpu() {
    const opened = await this.#watched('gpu', this.#openOn('gpu', this.#life), GPU_SILENCE_MS);
    try {
      // Drivers miscompute silently; the package knows what the answers must be.
      this.#selfTest = await this.#watched('gpu', opened.self_test(), GPU_SILENCE_MS);
      if (!this.#selfTest?.passed) throw new VitrineError('engine_failed', `the GPU self-test is off by ${this.#selfTest?.max_error}`);
    } catch (cause) {
      opened.free?.();
      throw cause;
    }
    this.#engines.gpu = opened;
  }

  /**
   * @param {"cpu" | "gpu"} device
   * @param {number} [life]
   */
  async #openOn(device, life) {
    const starting = this.#options.start(device, life, this.#calm);
    const endAhead = readAhead(this.#package);
    let opened;
    try {
      const bundle = await starting;
      this.#memories[device] = bundle.memory;
      if (device === 'cpu') this.#isRelaxed = bundle.isRelaxed === true;
      opened = await bundle.Recommender.open(this.#package, device, (/** @type {number} */ loaded, /** @type {number} */ total) => {
        this.#heard_ms = performance.now();
        // What is loaded beside an engine that answers is nobody's wait.
        if (!this.#engine) this.#options.onProgress(loaded, total);
      }, this.#catalog, tokenizer);
    } finally {
      endAhead();
    }
    const { catalog_error, fingerprint } = opened.info();
    this.#fingerprint ??= fingerprint;
    // The other engine opens later, and the shop may have exported anew: the page knows the items of the first alone.
    if (fingerprint !== this.#fingerprint) {
      opened.free?.();
      throw new VitrineError('package_version', 'the package was changed while the page was open');
    }
    if (catalog_error) this.#catalogError = { code: 'bad_request', message: `the shop's catalogue: ${catalog_error}` };
    const rules = await this.#rules;
    if (rules !== undefined) this.#rule(opened, rules);
    return opened;
  }

  /** The shop's rules, where they came late: lists are made by them from here on. @param {string} text */
  setRules(text) {
    this.#rules = Promise.resolve(text);
    return this.#options.inQueue(async () => {
      for (const each of Object.values(this.#engines)) if (each) this.#rule(each, text);
    });
  }

  /** Were the shop's rules read, and wrong? */
  get areRulesRefused() {
    return this.#rulesError !== undefined;
  }

  /** @param {any} opened @param {string} text */
  #rule(opened, text) {
    try {
      opened.set_rules(text);
      this.#rulesError = undefined;
    } catch (cause) {
      this.#rulesError = toErrorRecord(cause);
      opened.set_rules(leastRules(text));
    }
  }

  /** Whatever goes wrong there, the CPU goes on answering. @param {number} after_ms */
  #improveAfter(after_ms) {
    setTimeout(() => this.#improvement.run().catch(() => {}), this.#options.improveAfter_ms + after_ms);
  }

  /** Brings the GPU in, if it is right and faster. */
  async #tryGpu() {
    if (this.#options.isSaving && !this.#isForced) return;
    const simd = this.#isRelaxed ? 'relaxed ' : '';
    const name = `decision ${this.#adapter} ${BUILD} ${simd}${this.#engine.info().fingerprint}`;
    const kept = this.#persistent && !this.#isForced ? await this.#options.kept.recall(name) : undefined;
    if (kept?.device === 'cpu') {
      this.#decision = { ...kept, from_before: true };
      return;
    }
    /** @type {Decision | undefined} */
    let decision = this.#isForced ? { device: 'gpu', because: 'asked for' } : kept && { ...kept, from_before: true };
    const life = this.#life;
    let failure;
    try {
      await this.#openGpu();
      decision ??= await this.#options.inQueue(() => this.#race());
      if (life !== this.#life) return;
    } catch (cause) {
      failure = cause;
      this.#fallback = toErrorRecord(cause);
      decision = { device: 'cpu', because: this.#fallback.message };
    }
    this.#decision = decision;
    // What was measured holds for this adapter and build; a failure may have been bad luck.
    if (this.#persistent && !kept && decision.cpu_ms) await this.#options.kept.keep(name, decision);
    await this.#options.inQueue(async () => {
      if (decision.device === 'gpu' && this.#engines.gpu) {
        this.#current = 'gpu';
        this.#fallback = undefined;
        this.#options.onChange(this.info());
      } else {
        this.#dropGpu();
      }
    });
    if (failure) throw failure;
  }

  /** Times both engines at the real shape: a full history, the whole catalogue. @returns {Promise<Decision>} */
  async #race() {
    const { context } = this.#engines.cpu.info();
    const items = this.#engines.cpu.catalog().map((/** @type {{id: string}} */ { id }) => id);
    const now_ms = Date.now();
    /** @type {{cpu: number[], gpu: number[]}} */
    const times = { cpu: [], gpu: [] };
    // One more than counts: the first compiles what the self-test did not need.
    for (let probe = 0; probe <= PROBES; probe += 1) {
      const events = Array.from({ length: context }, (_, place) => ({
        item: items[(probe + place * (PROBES + 1)) % items.length], type: 'purchase', ts: now_ms - (context - place) * DAY_MS,
      }));
      for (const device of /** @type {const} */ (['cpu', 'gpu'])) {
        const start_ms = performance.now();
        await this.#watched(device, this.#engines[device].recommend(events, { k: 10 }), PROBE_LIMIT_MS);
        if (probe > 0) times[device].push(performance.now() - start_ms);
      }
    }
    const middle = (/** @type {number[]} */ all) => all.sort((a, b) => a - b)[all.length >> 1];
    const [cpu_ms, gpu_ms] = [middle(times.cpu), middle(times.gpu)];
    const isFaster = gpu_ms * FASTER < cpu_ms;
    // The histories of the race are nobody's.
    this.#engines.cpu.forget?.();
    return { device: isFaster ? 'gpu' : 'cpu', because: isFaster ? 'measured: the GPU is faster' : 'measured: the GPU is not faster', cpu_ms, gpu_ms };
  }

  /** @param {import('./protocol.js').ErrorRecord} error */
  async #demote(error) {
    await this.#openCpu();
    this.#current = 'cpu';
    this.#fallback = error;
    this.#decision = { device: 'cpu', because: error.message };
    this.#dropGpu();
    this.#options.onChange(this.info());
  }

  #dropGpu() {
    // Freeing an engine that has panicked may panic, too.
    try {
      this.#engines.gpu?.free?.();
    } catch {}
    this.#engines.gpu = null;
  }

  get #snapshotName() {
    return `snapshot ${this.#package}`;
  }

  /** A compact model reads a whole history in less time than the storage needs. */
  get #isWorthKeeping() {
    return this.#persistent && this.#engines.cpu.info().recipe !== 'compact';
  }

  async #restore() {
    const bytes = await this.#options.kept.recall(this.#snapshotName);
    if (!bytes) return;
    try {
      this.#snapshot.restored = this.#engines.cpu.restore(bytes);
    } catch {
      // Of another package or build.
      await this.#options.kept.drop(this.#snapshotName);
    }
  }

  #saveSoon() {
    clearTimeout(this.#snapshotTimer);
    if (!this.#isWorthKeeping) return;
    this.#snapshotTimer = /** @type {any} */ (setTimeout(() => this.#options.inQueue(() => this.#save()).catch(() => {}), SNAPSHOT_AFTER_MS));
  }

  async #save() {
    const bytes = await this.#engines.cpu?.snapshot?.();
    if (!bytes || !this.#persistent) return;
    await this.#options.kept.keep(this.#snapshotName, bytes);
    this.#snapshot.saved_bytes = bytes.length;
  }

  /** The recipe decides about the device before any engine is there to read the manifest. */
  async #readRecipe() {
    const address = new URL('manifest.json', this.#package).href;
    const text = await read(address, { isShared: true });
    try {
      return JSON.parse(text).recipe;
    } catch {
      throw new VitrineError('package_corrupt', `${address} is not JSON`);
    }
  }

  /**
   * Waits for an engine, but not for one that is dead.
   *
   * @template T
   * @param {"cpu" | "gpu"} device
   * @param {Promise<T>} work
   * @param {number} [silence_ms]
   * @returns {Promise<T>}
   */
  #watched(device, work, silence_ms = Infinity) {
    this.#heard_ms = performance.now();
    /** @type {any} */
    let timer = 0;
    /** @type {{device: "cpu" | "gpu", reject: (error: Error) => void}} */
    let mine;
    /** @type {Promise<never>} */
    const failure = new Promise((_, reject) => {
      mine = { device, reject };
      this.#waiting.add(mine);
      if (silence_ms === Infinity) return;
      timer = setInterval(() => {
        if (performance.now() - this.#heard_ms < silence_ms) return;
        reject(new VitrineError('engine_failed', `the engine was silent for ${silence_ms / 1000} s`));
      }, 1000);
    });
    return Promise.race([work, failure]).finally(() => {
      clearInterval(timer);
      this.#waiting.delete(mine);
    });
  }
}
