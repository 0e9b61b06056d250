/**
 * Makes the cluster hold the objects that are wanted of it, and no others of ours: by server-side apply, only
 * on change, only while this process leads, in stages. Owns what is still to be written and in which order;
 * must not know what an object means.
 */
import type { Logger } from 'pino';
import { keyText, type ObjectKey } from '../store/object-store.ts';
import type { KubeApi } from './api.ts';
import type { CachedObject, ObjectCache } from './object-cache.ts';
import { holds, keyOf, planWrites, type WantedObject } from './object-plan.ts';
import { applyObject, deleteObject, isRefusal } from './object-requests.ts';
import { type Backoff, WriteAttempts } from './write-attempts.ts';

/** What a family of objects has of its own. */
export interface WrittenFamily {
  readonly kinds: readonly string[];
  /** Path of an object. */
  pathOf(object: ObjectKey & { readonly apiVersion: string }): string;
  /** From 0: lower ones are written first, and deleted last. */
  stageOf(object: { readonly kind: string; readonly spec: object }): number;
  /** What an object is made before it is deleted, so that nobody is hurt meanwhile; null: it just goes. */
  retired(object: CachedObject): WantedObject | null;
}

export interface ObjectWriterOptions {
  /** Writes at one time. */
  readonly concurrency: number;
  /** Whoever reads objects has taken up a change by then: between what retires one and its end. */
  readonly settleMs: number;
  readonly backoff: Backoff;
  /** Larger ones are not sent: the API server takes a request of 1.5 MiB at most. */
  readonly maxObjectBytes: number;
}

export const OBJECT_WRITER_DEFAULTS: ObjectWriterOptions = {
  concurrency: 4,
  settleMs: 3000,
  backoff: { minMs: 250, maxMs: 30_000 },
  maxObjectBytes: 1_200_000,
};

/** What stands between an object and the cluster. */
export interface Hindrance {
  readonly object: WantedObject;
  readonly reason: 'Taken' | 'TooLarge' | 'NotWritten';
  readonly message: string;
}

interface Step {
  readonly key: string;
  readonly stage: number;
  /** What is written; empty for a delete. */
  readonly text: string;
  /** On the clock of `performance.now()`. */
  readonly dueAtMs: number;
  readonly log: string;
  run(): Promise<void>;
  /** The object as the cluster had it when this was planned. */
  readonly seen: CachedObject | undefined;
}

/** Deletes come after all that is applied. */
const LAST_STAGE = 100;

export class ObjectWriter {
  readonly #api: KubeApi;
  readonly #cache: ObjectCache;
  readonly #family: WrittenFamily;
  readonly #logger: Logger;
  readonly #options: ObjectWriterOptions;
  readonly #onChange: () => void;
  readonly #attempts: WriteAttempts;
  #wanted: readonly WantedObject[] | null = null;
  #kept: readonly WantedObject[] = [];
  /** What was done and has not come back by the watch yet. */
  readonly #done = new Map<string, Pick<Step, 'text' | 'seen'>>();
  readonly #unwantedSinceMs = new Map<string, number>();
  #lastDelete = { stage: -1, atMs: 0 };
  #isLeading = false;
  #isClosed = false;
  #isWorking = false;
  #isDirty = false;
  #timer: NodeJS.Timeout | null = null;

  /** `onChange` is called when something was written, or was refused. */
  constructor(
    api: KubeApi,
    cache: ObjectCache,
    family: WrittenFamily,
    { logger, onChange, ...options }: WriterContext,
  ) {
    this.#api = api;
    this.#cache = cache;
    this.#family = family;
    this.#logger = logger;
    this.#onChange = onChange;
    this.#options = { ...OBJECT_WRITER_DEFAULTS, ...options };
    this.#attempts = new WriteAttempts(this.#options.backoff);
  }

  /** From now on these shall be there, and nothing else of ours but what is kept. */
  offer(wanted: readonly WantedObject[], kept: readonly WantedObject[] = []): void {
    this.#wanted = wanted;
    this.#kept = kept;
    this.look();
  }

  lead(isLeading: boolean): void {
    this.#isLeading = isLeading;
    this.#done.clear();
    this.#attempts.clear();
    this.look();
  }

  /** The cluster may have changed. */
  look(): void {
    this.#isDirty = true;
    if (!this.#isWorking) void this.#work();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Why some of what is wanted is not there. Only who leads knows of writes that failed. */
  hindrances(): Hindrance[] {
    return (this.#wanted ?? []).flatMap((object) => {
      const found = this.#cache.get(keyOf(object));
      if (found?.isOurs === false) return [taken(object)];
      if (found !== undefined && holds(found, object)) return [];
      const { maxObjectBytes } = this.#options;
      const text = JSON.stringify(object);
      if (Buffer.byteLength(text) > maxObjectBytes) return [tooLarge(object, maxObjectBytes)];
      const failure = this.#attempts.failureOf(keyText(keyOf(object)), text);
      return failure === null ? [] : [{ object, reason: 'NotWritten', message: failure.message }];
    });
  }

  /** Whether all that is wanted is there, and nothing else of ours. */
  isDone(): boolean {
    if (this.#wanted === null || !this.#cache.isListed) return false;
    const { applies, deletes, taken } = planWrites(this.#wanted, this.#kept, this.#present());
    return applies.length + deletes.length + taken.length === 0;
  }

  #present(): CachedObject[] {
    return this.#family.kinds.flatMap((kind) => this.#cache.list(kind));
  }

  #mayWrite(): boolean {
    return this.#isLeading && !this.#isClosed && this.#wanted !== null && this.#cache.isListed;
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#isDirty && this.#mayWrite()) {
      this.#isDirty = false;
      await this.#pass();
    }
    this.#isWorking = false;
  }

  /** Does what is due of the first stage that is not done, and comes again for the rest. */
  async #pass(): Promise<void> {
    const steps = this.#steps();
    const nowMs = performance.now();
    const awaited = steps.filter(({ key, text }) => {
      return this.#attempts.failureOf(key, text)?.isRefused !== true;
    });
    const first = Math.min(...awaited.map(({ stage }) => stage), LAST_STAGE);
    const due = steps.filter(({ stage, dueAtMs }) => stage <= first && dueAtMs <= nowMs);
    if (due.length > 0) {
      await this.#runAll(due);
      this.#isDirty = true;
      this.#onChange();
      return;
    }
    const times = steps.filter(({ stage }) => stage <= first).map(({ dueAtMs }) => dueAtMs);
    if (times.length > 0) this.#comeAgain(Math.min(...times) - nowMs);
  }

  #comeAgain(delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => this.look(), Math.max(delayMs, 10));
  }

  async #runAll(steps: readonly Step[]): Promise<void> {
    const queue = [...steps];
    const work = async () => {
      for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
        // The lead may have been lost meanwhile.
        if (this.#mayWrite()) await this.#attempt(step);
      }
    };
    await Promise.all(Array.from({ length: this.#options.concurrency }, work));
  }

  async #attempt({ key, text, seen, stage, log, run }: Step): Promise<void> {
    const [kind, namespace, name] = key.split('\0');
    const object = { kind, namespace, name };
    try {
      await run();
      this.#done.set(key, { text, seen });
      this.#attempts.wrote(key, text);
      if (text === '') this.#lastDelete = { stage, atMs: performance.now() };
      this.#logger.info(object, log);
    } catch (error) {
      const { message } = error as Error;
      this.#attempts.failed(key, text, { message, isRefused: isRefusal(error) });
      this.#logger.warn({ ...object, reason: message }, `not ${log}`);
    }
  }

  #steps(): Step[] {
    const { applies, deletes } = planWrites(this.#wanted ?? [], this.#kept, this.#present());
    this.#noteUnwanted(deletes);
    const steps = [
      ...applies.map((object) => this.#applyStep(object, this.#family.stageOf(object))),
      ...deletes.map((object) => this.#deleteStep(object)),
    ];
    this.#attempts.keep(new Set(steps.map(({ key }) => key)));
    const { maxObjectBytes } = this.#options;
    return steps.filter(({ key, text, seen }) => {
      const done = this.#done.get(key);
      if (done?.seen !== seen) this.#done.delete(key);
      else if (done !== undefined && done.text === text) return false;
      return Buffer.byteLength(text) <= maxObjectBytes;
    });
  }

  #noteUnwanted(deletes: readonly CachedObject[]): void {
    const keys = new Set(deletes.map(keyText));
    for (const key of this.#unwantedSinceMs.keys()) {
      if (!keys.has(key)) this.#unwantedSinceMs.delete(key);
    }
    const nowMs = performance.now();
    for (const key of keys) {
      if (!this.#unwantedSinceMs.has(key)) this.#unwantedSinceMs.set(key, nowMs);
    }
  }

  #applyStep(object: WantedObject, stage: number): Step {
    const key = keyText(keyOf(object));
    const text = JSON.stringify(object);
    const seen = this.#cache.get(keyOf(object));
    const path = this.#family.pathOf({ ...keyOf(object), apiVersion: object.apiVersion });
    return {
      ...{ key, stage, text, seen },
      dueAtMs: this.#attempts.dueAtMs(key, text),
      log: 'written',
      run: () => applyObject(this.#api, path, object, seen),
    };
  }

  #deleteStep(object: CachedObject): Step {
    const stage = LAST_STAGE - this.#family.stageOf(object);
    const retired = this.#family.retired(object);
    if (retired !== null && !holds(object, retired)) return this.#applyStep(retired, stage);
    const key = keyText(object);
    const { settleMs } = this.#options;
    const isFirst = this.#lastDelete.stage >= stage;
    const settledAtMs = isFirst ? 0 : this.#lastDelete.atMs + settleMs;
    const since = this.#unwantedSinceMs.get(key) ?? 0;
    return {
      ...{ key, stage, text: '', seen: object },
      dueAtMs: Math.max(since + settleMs, settledAtMs, this.#attempts.dueAtMs(key, '')),
      log: 'deleted',
      run: () => deleteObject(this.#api, this.#family.pathOf(object), object.uid),
    };
  }
}

interface WriterContext extends Partial<ObjectWriterOptions> {
  readonly logger: Logger;
  readonly onChange: () => void;
}

function taken(object: WantedObject): Hindrance {
  const message = 'somebody else has an object of this name: it is left alone; rename or delete it';
  return { object, reason: 'Taken', message };
}

function tooLarge(object: WantedObject, maxBytes: number): Hindrance {
  const bytes = Buffer.byteLength(JSON.stringify(object));
  const message = `${bytes} bytes, and an object may have ${maxBytes}: fewer routes or names, or --istio direct`;
  return { object, reason: 'TooLarge', message };
}
