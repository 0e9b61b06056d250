/** Runs an action soon after it is asked for, and not more often than a budget allows. */

export interface ThrottleOptions {
  /** What comes within this time after the first request is done together. */
  readonly gatherMs: number;
  /** So many runs may follow each other without a pause ... */
  readonly burst: number;
  /** ... and then one in this time. */
  readonly refillMs: number;
}

export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #action: () => void;
  #tokens: number;
  #refilledAtMs: number;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ThrottleOptions, action: () => void) {
    this.#options = options;
    this.#action = action;
    this.#tokens = options.burst;
    this.#refilledAtMs = performance.now();
  }

  request(): void {
    if (this.#timer !== null) return;
    const { gatherMs, refillMs } = this.#options;
    this.#refill();
    const waitMs = this.#tokens >= 1 ? 0 : (1 - this.#tokens) * refillMs;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#refill();
        this.#tokens -= 1;
        this.#action();
      },
      Math.max(gatherMs, waitMs),
    );
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    // Requests after the end come to nothing.
    this.#timer = setTimeout(() => {}, 0);
  }

  #refill(): void {
    const { burst, refillMs } = this.#options;
    const nowMs = performance.now();
    this.#tokens = Math.min(burst, this.#tokens + (nowMs - this.#refilledAtMs) / refillMs);
    this.#refilledAtMs = nowMs;
  }
}
