/**
 * Averages in which what happened weighs less and less with its age: after `windowMs` 37 % of its weight is
 * left. They are exact whenever they are asked, and keep two numbers. Times are those of performance.now().
 */

/** The average of a level that stays as it is until it is set again. It starts as 0. */
export class DecayingLevel {
  readonly #windowMs: number;
  #average = 0;
  #level = 0;
  #atMs: number;

  constructor(windowMs: number, nowMs: number) {
    this.#windowMs = windowMs;
    this.#atMs = nowMs;
  }

  set(level: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#level = level;
  }

  /** For a level that is known only afterwards: it has been this one since the last call. */
  setPast(level: number, nowMs: number): void {
    this.#level = level;
    this.#advance(nowMs);
  }

  at(nowMs: number): number {
    this.#advance(nowMs);
    return this.#average;
  }

  #advance(nowMs: number): void {
    const kept = keptShare(nowMs - this.#atMs, this.#windowMs);
    this.#average = this.#average * kept + this.#level * (1 - kept);
    this.#atMs = nowMs;
  }
}

/** How often something happens, per second. */
export class DecayingRate {
  readonly #windowMs: number;
  #perSecond = 0;
  #atMs: number;

  constructor(windowMs: number, nowMs: number) {
    this.#windowMs = windowMs;
    this.#atMs = nowMs;
  }

  /**
   * Counts what took from `startMs` until now, each moment with its part of it. Counted as one moment, what
   * takes longer than the window would look faster just after its end than it is.
   */
  add(count: number, startMs: number, nowMs: number): void {
    this.#advance(nowMs);
    // Never 0: the limit of the quotient is then 1 / windowMs, which it is close to already.
    const tookMs = Math.max(nowMs - startMs, 0.001);
    const weight = -Math.expm1(-tookMs / this.#windowMs);
    this.#perSecond += (count * weight * 1000) / tookMs;
  }

  at(nowMs: number): number {
    this.#advance(nowMs);
    return this.#perSecond;
  }

  #advance(nowMs: number): void {
    this.#perSecond *= keptShare(nowMs - this.#atMs, this.#windowMs);
    this.#atMs = nowMs;
  }
}

function keptShare(elapsedMs: number, windowMs: number): number {
  return Math.exp(-elapsedMs / windowMs);
}
