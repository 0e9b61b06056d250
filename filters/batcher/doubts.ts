/**
 * Lanes whose answers can never be cut. To join there costs a call for nothing, and then one more for each half:
 * such a lane has a rest, in which its requests go alone.
 */

/** One bad request among 64 makes fewer unreadable answers in a row. */
const MOST_IN_A_ROW: i32 = 8;
const REST_MS: f64 = 60000;
/** Beyond it all are forgotten: they will show again. */
const MAX_LANES: i32 = 1024;

class Doubt {
  unreadable: i32 = 0;
  restsUntilMs: f64 = 0;
}

export class Doubts {
  private byKey: Map<string, Doubt> = new Map<string, Doubt>();

  /** Whether the lane rests. A clock that was set back ends it. */
  rests(key: string, now: f64): boolean {
    if (this.byKey.size == 0 || !this.byKey.has(key)) return false;
    const left = (this.byKey.get(key) as Doubt).restsUntilMs - now;
    return left > 0 && left <= REST_MS;
  }

  /** An answer could not be cut. After a rest the first one is enough for another. */
  unreadable(key: string, now: f64): void {
    if (!this.byKey.has(key)) {
      if (this.byKey.size >= MAX_LANES) this.byKey.clear();
      this.byKey.set(key, new Doubt());
    }
    const doubt = this.byKey.get(key) as Doubt;
    doubt.unreadable++;
    if (doubt.unreadable >= MOST_IN_A_ROW) doubt.restsUntilMs = now + REST_MS;
  }

  readable(key: string): void {
    if (this.byKey.size > 0) this.byKey.delete(key);
  }
}
