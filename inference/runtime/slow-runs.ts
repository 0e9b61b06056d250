/** Each run counts for about as long as a hundred more. */
const KEPT = 0.99;
/** Sum of what counts: about so many of a hundred runs. Fewer may be those that other processes interrupted. */
const MAX_SLOW = 25;
/** One run for which the thread itself worked so long is enough. */
const STALL_MS = 10;

/** Notices when runs on the event loop take longer than they were measured to. */
export class SlowRuns {
  readonly #slowMs: number;
  #slow = 0;

  constructor(slowMs: number) {
    this.#slowMs = slowMs;
  }

  /** @returns what is wrong, once it is. */
  add(runMs: number, threadMs: number): string | undefined {
    this.#slow = this.#slow * KEPT + (runMs > this.#slowMs ? 1 : 0);
    if (threadMs > STALL_MS) return `a run took ${runMs.toFixed(1)} ms`;
    if (this.#slow <= MAX_SLOW) return undefined;
    return `more than ${MAX_SLOW} of 100 runs took over ${this.#slowMs * 1000} us`;
  }
}
