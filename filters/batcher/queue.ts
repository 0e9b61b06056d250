/** Things that wait, oldest first, and leave from anywhere at no cost. */
export class Waiting {
  /** When the wait began, in milliseconds. */
  since: f64 = 0;
  queue: WaitingQueue | null = null;
  before: Waiting | null = null;
  after: Waiting | null = null;

  /** Whether the wait has lasted `limitMs`. A clock that was set back ends it too. */
  isOver(now: f64, limitMs: i32): boolean {
    return now - this.since >= f64(limitMs) || now < this.since;
  }
}

export class WaitingQueue {
  first: Waiting | null = null;
  private last: Waiting | null = null;

  push(item: Waiting, now: f64): void {
    const last = this.last;
    item.since = now;
    item.queue = this;
    item.before = last;
    item.after = null;
    if (last === null) this.first = item;
    else last.after = item;
    this.last = item;
  }

  /** Does nothing for what is not in this queue. */
  remove(item: Waiting): void {
    if (item.queue !== this) return;
    const before = item.before;
    const after = item.after;
    if (before === null) this.first = after;
    else before.after = after;
    if (after === null) this.last = before;
    else after.before = before;
    item.queue = null;
    item.before = null;
    item.after = null;
  }
}
