/**
 * Answers of one worker that wait for the answer of their shadow, or the other way round. Whichever comes
 * first is kept, for a time and within a number of bytes.
 */
import { CapturedAnswer } from './captured-answer.ts';
import { compareAnswers } from './compare.ts';
import { AGREE, DISAGREE, INCOMPARABLE } from './outcome.ts';

export { AGREE, DISAGREE, INCOMPARABLE };

/** What a half costs beside its body: its names, its place in line, and our own notes. */
const HALF_BYTES: i32 = 512;
/** Halves that wait at one time, so that a small answer is not kept in any number. */
const MAX_HALVES: i32 = 16384;

export class Comparison {
  /** AGREE, DISAGREE or INCOMPARABLE. */
  outcome: i32;
  /** Variant that gave the answer. */
  variant: string;
  /** Variant of the shadow. */
  shadow: string;

  constructor(outcome: i32, variant: string, shadow: string) {
    this.outcome = outcome;
    this.variant = variant;
    this.shadow = shadow;
  }
}

/** The one of two answers that came first. */
class Half {
  readonly id: string;
  readonly shadow: boolean;
  readonly variant: string;
  /** Null where it failed, or where there was no room for it. */
  readonly answer: CapturedAnswer | null;
  readonly sinceMs: f64;
  readonly heldBytes: i32;
  before: Half | null = null;
  after: Half | null = null;

  constructor(
    id: string,
    shadow: boolean,
    variant: string,
    answer: CapturedAnswer | null,
    sinceMs: f64,
  ) {
    this.id = id;
    this.shadow = shadow;
    this.variant = variant;
    this.answer = answer;
    this.sinceMs = sinceMs;
    this.heldBytes = HALF_BYTES + (answer === null ? 0 : answer.bytes.length);
  }
}

export class Comparisons {
  /** Of all halves that wait, and what they cost beside their bodies. */
  heldBytes: i32 = 0;

  private maxHeldBytes: i32 = 0;
  private timeoutMs: i32 = 0;
  private halves: Map<string, Half> = new Map<string, Half>();
  /** In order of arrival. */
  private first: Half | null = null;
  private last: Half | null = null;
  private lost: i32 = 0;
  private overLimit: i32 = 0;

  /** The largest of what configurations ask for counts, for as long as the worker lives. */
  configure(maxHeldBytes: i32, timeoutMs: i32): void {
    if (maxHeldBytes > this.maxHeldBytes) this.maxHeldBytes = maxHeldBytes;
    if (timeoutMs > this.timeoutMs) this.timeoutMs = timeoutMs;
  }

  /**
   * One half has come, `answer` being null where it failed or is too long: such a pair is INCOMPARABLE.
   * Returns the comparison if the other half is there, else keeps this one. One that comes again, as after
   * a retry, takes the place of that before it. The answer must not be written to any more.
   */
  offer(
    id: string,
    shadow: boolean,
    variant: string,
    answer: CapturedAnswer | null,
    by: string,
    toleranceMillionths: i32,
    nowMs: f64,
  ): Comparison | null {
    this.expire(nowMs);
    if (this.halves.has(id)) {
      const other = this.halves.get(id)!;
      this.remove(other);
      if (other.shadow != shadow) {
        const outcome = compareHalves(by, toleranceMillionths, answer, other.answer);
        if (shadow) return new Comparison(outcome, other.variant, variant);
        return new Comparison(outcome, variant, other.variant);
      }
    }
    this.keep(new Half(id, shadow, variant, answer, nowMs));
    return null;
  }

  /** Drops what has waited too long. `offer` does it too; without offers somebody else must. */
  expire(nowMs: f64): void {
    let half = this.first;
    // A clock that was set back ends a wait too.
    while (half !== null && (nowMs - half.sinceMs >= f64(this.timeoutMs) || nowMs < half.sinceMs)) {
      this.remove(half);
      this.lost++;
      half = this.first;
    }
  }

  /** Halves whose other one did not come in time, since last asked. */
  takeLost(): i32 {
    const lost = this.lost;
    this.lost = 0;
    return lost;
  }

  /** Answers that there was no room for, since last asked. Their pairs are INCOMPARABLE, or lost. */
  takeOverLimit(): i32 {
    const overLimit = this.overLimit;
    this.overLimit = 0;
    return overLimit;
  }

  private keep(half: Half): void {
    if (this.hasRoom(half)) {
      this.push(half);
      return;
    }
    this.overLimit++;
    // Without its answer: the other one then finds that there is nothing to wait for.
    const empty = new Half(half.id, half.shadow, half.variant, null, half.sinceMs);
    if (this.hasRoom(empty)) this.push(empty);
  }

  private hasRoom(half: Half): boolean {
    return this.halves.size < MAX_HALVES && half.heldBytes <= this.maxHeldBytes - this.heldBytes;
  }

  private push(half: Half): void {
    const last = this.last;
    half.before = last;
    if (last === null) this.first = half;
    else last.after = half;
    this.last = half;
    this.halves.set(half.id, half);
    this.heldBytes += half.heldBytes;
  }

  private remove(half: Half): void {
    const before = half.before;
    const after = half.after;
    if (before === null) this.first = after;
    else before.after = after;
    if (after === null) this.last = before;
    else after.before = before;
    half.before = null;
    half.after = null;
    this.halves.delete(half.id);
    this.heldBytes -= half.heldBytes;
  }
}

function compareHalves(
  by: string,
  toleranceMillionths: i32,
  a: CapturedAnswer | null,
  b: CapturedAnswer | null,
): i32 {
  if (a === null || b === null) return INCOMPARABLE;
  return compareAnswers(by, toleranceMillionths, a, b);
}
