const START = 1000;
const MAX = 10_000;
const PER_SECOND = 100;

/**
 * Frames that ask for work and carry no request are paid from what requests bring in. A client that sends little else
 * (pings, settings, streams that it resets at once) runs out.
 */
export class FrameCredit {
  #credit = START;
  #sinceMs = performance.now();

  earn(amount: number): void {
    this.#credit = Math.min(MAX, this.#credit + amount);
  }

  /** @returns false when there is none left. */
  spend(amount: number): boolean {
    this.#credit -= amount;
    if (this.#credit >= 0) return true;
    const nowMs = performance.now();
    this.#credit = Math.min(START, this.#credit + ((nowMs - this.#sinceMs) / 1000) * PER_SECOND);
    this.#sinceMs = nowMs;
    return this.#credit >= 0;
  }
}
