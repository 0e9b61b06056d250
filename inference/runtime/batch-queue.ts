/** What waits. Only items of one lane may share a batch. */
export interface Queued {
  readonly rows: number;
  readonly lane: string;
  /** Nobody waits for the answer any more. */
  readonly gone: boolean;
}

export interface QueueLimits {
  readonly maxBatchRows: number;
  readonly maxQueueRows: number;
}

/**
 * Requests waiting for one model, bounded in rows, with no timer: a batch is whatever waits when somebody
 * is free to run it. Lanes take turns, so a busy lane starves no other; within a lane the order is kept.
 */
export class BatchQueue<T extends Queued> {
  readonly #limits: QueueLimits;
  readonly #onGone: (item: T) => void;
  /** In the order of their turns. No lane is empty. */
  readonly #lanes = new Map<string, Lane<T>>();
  #rows = 0;

  /** `onGone` is told of each item that leaves the queue because it has gone. */
  constructor(limits: QueueLimits, onGone: (item: T) => void) {
    this.#limits = limits;
    this.#onGone = onGone;
  }

  get empty(): boolean {
    return this.#lanes.size === 0;
  }

  /** Rows that wait; a request of no rows counts as one, since it takes a place too. */
  get rows(): number {
    return this.#rows;
  }

  /** False when the queue is full. */
  offer(item: T): boolean {
    const cost = costOf(item);
    if (this.#rows + cost > this.#limits.maxQueueRows) return false;
    this.#rows += cost;
    const lane = this.#lanes.get(item.lane);
    if (lane) lane.items.push(item);
    else this.#lanes.set(item.lane, { items: [item], head: 0 });
    return true;
  }

  /**
   * The next batch: the longest run from the front of the next lane that fits in maxBatchRows, but at
   * least one item, however large. Items that have gone are left out. Empty only if nobody waits.
   */
  take(): T[] {
    const batch: T[] = [];
    for (const [name, lane] of this.#lanes) {
      this.#takeFrom(lane, batch);
      this.#lanes.delete(name);
      if (lane.head < lane.items.length) this.#lanes.set(name, lane);
      if (batch.length > 0) break;
    }
    return batch;
  }

  /** Forgets items that have gone, so that they fill no queue that nobody empties. */
  sweep(): void {
    this.#rows = 0;
    for (const [name, lane] of this.#lanes) {
      const items: T[] = [];
      for (const item of lane.items.slice(lane.head)) {
        if (item.gone) {
          this.#onGone(item);
        } else {
          items.push(item);
          this.#rows += costOf(item);
        }
      }
      if (items.length > 0) this.#lanes.set(name, { items, head: 0 });
      else this.#lanes.delete(name);
    }
  }

  #takeFrom(lane: Lane<T>, batch: T[]): void {
    let rows = 0;
    for (; lane.head < lane.items.length; lane.head++) {
      const item = lane.items[lane.head] as T;
      if (item.gone) {
        this.#onGone(item);
      } else {
        rows += costOf(item);
        if (batch.length > 0 && rows > this.#limits.maxBatchRows) break;
        batch.push(item);
      }
      this.#rows -= costOf(item);
    }
    // Amortised: at most half of the array is kept in vain.
    if (lane.head * 2 > lane.items.length) {
      lane.items.splice(0, lane.head);
      lane.head = 0;
    }
  }
}

interface Lane<T> {
  readonly items: T[];
  /** Items before it were taken. */
  head: number;
}

function costOf(item: Queued): number {
  return Math.max(1, item.rows);
}
