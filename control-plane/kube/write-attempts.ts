/** When a write that failed, or that somebody undid, may be tried again: later each time, within bounds. */

export interface WriteFailure {
  readonly message: string;
  /** The server said no: others need not wait for it. */
  readonly isRefused: boolean;
}

export interface Backoff {
  readonly minMs: number;
  readonly maxMs: number;
}

interface Record {
  /** What was to be written. */
  readonly text: string;
  readonly count: number;
  readonly atMs: number;
  readonly failure: WriteFailure | null;
}

/** Writes of the same that are this far apart have nothing to do with each other. */
const FORGET_MS = 60_000;
/** An object that was written so often in a row and never stayed is somebody's else as well. */
const MAX_REPEATS = 4;

export class WriteAttempts {
  readonly #records = new Map<string, Record>();
  readonly #backoff: Backoff;

  constructor(backoff: Backoff) {
    this.#backoff = backoff;
  }

  wrote(key: string, text: string): void {
    const count = this.#countOf(key, text, false) + 1;
    const message = 'somebody else changes it again and again';
    const failure = count >= MAX_REPEATS ? { message, isRefused: true } : null;
    this.#records.set(key, { text, count, atMs: performance.now(), failure });
  }

  failed(key: string, text: string, failure: WriteFailure): void {
    const count = this.#countOf(key, text, true) + 1;
    // What fails so often is not waited for any more, whatever the reason is.
    const isRefused = failure.isRefused || count >= MAX_REPEATS;
    this.#records.set(key, {
      ...{ text, count, atMs: performance.now() },
      failure: { ...failure, isRefused },
    });
  }

  /** On the clock of `performance.now()`. */
  dueAtMs(key: string, text: string): number {
    const record = this.#records.get(key);
    if (record?.text !== text) return 0;
    const { minMs, maxMs } = this.#backoff;
    return record.atMs + Math.min(maxMs, minMs * 2 ** (record.count - 1));
  }

  /** Null: nothing went wrong with it. */
  failureOf(key: string, text: string): WriteFailure | null {
    const record = this.#records.get(key);
    return record?.text === text ? record.failure : null;
  }

  /** Forgets all others but those that were written just now, and may come again. */
  keep(keys: ReadonlySet<string>): void {
    const nowMs = performance.now();
    for (const [key, { failure, atMs }] of this.#records) {
      if (!keys.has(key) && (failure !== null || nowMs - atMs > FORGET_MS)) {
        this.#records.delete(key);
      }
    }
  }

  clear(): void {
    this.#records.clear();
  }

  #countOf(key: string, text: string, isFailing: boolean): number {
    const record = this.#records.get(key);
    if (record?.text !== text) return 0;
    if (performance.now() - record.atMs > FORGET_MS) return 0;
    // A write that went well at last begins anew.
    return !isFailing && record.failure !== null && record.count < MAX_REPEATS ? 0 : record.count;
  }
}
