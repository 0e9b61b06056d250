/** What waits. Only items of one lane may share a batch. */
export interface Queued {
  readonly rows: number;
  readonly lane: string;
  /** 0 is the most urgent. */
  readonly level: number;
  readonly sinceMs: number;
  /** Nobody waits for the answer any more. */
  readonly gone: boolean;
}

export interface QueueLimits {
  readonly maxBatchRows: number;
  readonly maxQueueRows: number;
  /** How long an item may wait for others; 0: not at all. */
  readonly maxDelayMs?: number | undefined;
  /** Sizes that a batch should have rather than others, up to maxBatchRows. */
  readonly preferredRows?: readonly number[] | undefined;
  readonly levels?: number | undefined;
}

/** So many batches may begin with something more urgent while a level waits; the next begins with that level. */
const MAX_PASSED_OVER = 8;

/**
 * Requests waiting for one model, bounded in rows: a batch is whatever waits when somebody is free to run
 * it, unless a delay makes it wait for more. More urgent levels go first, with the others filling up their
 * batches. Lanes take turns, so a busy lane starves no other; in a level of a lane the order is kept.
 */
export class BatchQueue<T extends Queued> {
  readonly #maxBatchRows: number;
  readonly #maxQueueRows: number;
  readonly #maxDelayMs: number;
  /** Largest first. */
  readonly #preferredRows: readonly number[];
  readonly #onGone: (item: T) => void;
  /** In the order of their turns. No lane is empty. */
  readonly #lanes = new Map<string, Lane<T>>();
  /** By level: batches that began with a more urgent one while it waited. */
  readonly #passedOver: number[];
  #rows = 0;

  /** `onGone` is told of each item that leaves the queue because it has gone. */
  constructor(limits: QueueLimits, onGone: (item: T) => void) {
    this.#maxBatchRows = limits.maxBatchRows;
    this.#maxQueueRows = limits.maxQueueRows;
    this.#maxDelayMs = limits.maxDelayMs ?? 0;
    this.#preferredRows = (limits.preferredRows ?? [])
      .filter((rows) => rows <= limits.maxBatchRows)
      .sort((a, b) => b - a);
    this.#passedOver = new Array(limits.levels ?? 1).fill(0);
    this.#onGone = onGone;
  }

  get empty(): boolean {
    return this.#lanes.size === 0;
  }

  /** Items that wait. */
  get size(): number {
    let size = 0;
    for (const lane of this.#lanes.values()) size += lane.size;
    return size;
  }

  /** Rows that wait; a request of no rows counts as one, since it takes a place too. */
  get rows(): number {
    return this.#rows;
  }

  /** False when the queue is full. */
  offer(item: T): boolean {
    const cost = costOf(item);
    if (this.#rows + cost > this.#maxQueueRows) return false;
    this.#rows += cost;
    let lane = this.#lanes.get(item.lane);
    if (!lane) {
      lane = new Lane(this.#passedOver.length);
      this.#lanes.set(item.lane, lane);
    }
    lane.push(item);
    return true;
  }

  /**
   * The next batch: from the front of the next lane what fits, but at least one item, however large. Items
   * that have gone are left out, so it may be empty. Lanes that begin with an item of more than `maxRows` have
   * no turn.
   * @returns undefined if nothing waits, or all of it still waits for more.
   */
  take(nowMs: number, maxRows = Number.POSITIVE_INFINITY): T[] | undefined {
    const turn = this.#nextTurn(nowMs, maxRows);
    if (!turn) return undefined;
    const { name, lane, level } = turn;
    const batch = this.#takeFrom(lane, level, maxRows);
    this.#lanes.delete(name);
    if (!lane.empty) this.#lanes.set(name, lane);
    return batch;
  }

  /** When to ask again if `take` found nothing; infinite when nothing waits. */
  dueMs(maxRows = Number.POSITIVE_INFINITY): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes.values()) {
      if (lane.fits(maxRows)) dueMs = Math.min(dueMs, lane.sinceMs + this.#maxDelayMs);
    }
    return dueMs;
  }

  /** Forgets items that have gone, so that they fill no queue that nobody empties. */
  sweep(): void {
    for (const [name, lane] of this.#lanes) {
      this.#rows -= lane.rows;
      lane.sweep(this.#onGone);
      this.#rows += lane.rows;
      if (lane.empty) this.#lanes.delete(name);
    }
  }

  #nextTurn(
    nowMs: number,
    maxRows: number,
  ): { name: string; lane: Lane<T>; level: number } | undefined {
    const first = this.#passedOver.findIndex((times) => times >= MAX_PASSED_OVER);
    const levels = this.#passedOver.length;
    for (let i = first < 0 ? 0 : -1; i < levels; i++) {
      const level = i < 0 ? first : i;
      for (const [name, lane] of this.#lanes) {
        if (!lane.has(level) || !lane.fits(maxRows) || !this.#isDue(lane, nowMs)) continue;
        this.#countTurn(level);
        return { name, lane, level };
      }
    }
    return undefined;
  }

  #isDue(lane: Lane<T>, nowMs: number): boolean {
    if (this.#maxDelayMs === 0 || nowMs - lane.sinceMs >= this.#maxDelayMs) return true;
    return lane.rows >= (this.#preferredRows.at(-1) ?? this.#maxBatchRows);
  }

  #countTurn(begun: number): void {
    if (this.#passedOver.length === 1) return;
    this.#passedOver[begun] = 0;
    for (let level = begun + 1; level < this.#passedOver.length; level++) {
      let waits = false;
      for (const lane of this.#lanes.values()) waits ||= lane.has(level);
      this.#passedOver[level] = waits ? (this.#passedOver[level] ?? 0) + 1 : 0;
    }
  }

  /** Begins with `level`, then the others, the most urgent first. */
  #takeFrom(lane: Lane<T>, level: number, maxRows: number): T[] {
    const batch: T[] = [];
    const before = lane.rows;
    const preferred = this.#preferredRows.find((rows) => rows <= before);
    const max = Math.min(preferred ?? this.#maxBatchRows, maxRows);
    let room = lane.take(level, max, batch, this.#onGone);
    for (let other = 0; room > 0 && other < this.#passedOver.length; other++) {
      if (other !== level) room = lane.take(other, room, batch, this.#onGone);
    }
    this.#rows -= before - lane.rows;
    return batch;
  }
}

/** Items that may share batches, by level. */
class Lane<T extends Queued> {
  readonly #levels: { items: T[] /** Items before it were taken. */; head: number }[];
  #rows = 0;

  constructor(levels: number) {
    this.#levels = Array.from({ length: levels }, () => ({ items: [], head: 0 }));
  }

  get rows(): number {
    return this.#rows;
  }

  get size(): number {
    return this.#levels.reduce((sum, { items, head }) => sum + items.length - head, 0);
  }

  get empty(): boolean {
    return this.#rows === 0;
  }

  /** Of the item that waits longest. */
  get sinceMs(): number {
    let sinceMs = Number.POSITIVE_INFINITY;
    for (const { items, head } of this.#levels) {
      sinceMs = Math.min(sinceMs, items[head]?.sinceMs ?? Number.POSITIVE_INFINITY);
    }
    return sinceMs;
  }

  has(level: number): boolean {
    const queue = this.#levels[level];
    return queue !== undefined && queue.head < queue.items.length;
  }

  /** Whether no level begins with an item that has more rows. */
  fits(maxRows: number): boolean {
    if (maxRows === Number.POSITIVE_INFINITY) return true;
    return this.#levels.every(({ items, head }) => (items[head]?.rows ?? 0) <= maxRows);
  }

  push(item: T): void {
    this.#levels[item.level]?.items.push(item);
    this.#rows += costOf(item);
  }

  /** @returns the room that is left; 0 once an item did not fit. */
  take(level: number, room: number, batch: T[], onGone: (item: T) => void): number {
    const queue = this.#levels[level];
    if (!queue) return room;
    let left = room;
    for (; queue.head < queue.items.length; queue.head++) {
      const item = queue.items[queue.head] as T;
      const cost = costOf(item);
      if (item.gone) onGone(item);
      else {
        if (batch.length > 0 && cost > left) {
          left = 0;
          break;
        }
        batch.push(item);
        left = Math.max(0, left - cost);
      }
      this.#rows -= cost;
    }
    // Amortised: at most half of the array is kept in vain.
    if (queue.head * 2 > queue.items.length) {
      queue.items.splice(0, queue.head);
      queue.head = 0;
    }
    return left;
  }

  sweep(onGone: (item: T) => void): void {
    this.#rows = 0;
    for (const queue of this.#levels) {
      const items: T[] = [];
      for (const item of queue.items.slice(queue.head)) {
        if (item.gone) onGone(item);
        else {
          items.push(item);
          this.#rows += costOf(item);
        }
      }
      queue.items = items;
      queue.head = 0;
    }
  }
}

function costOf(item: Queued): number {
  return Math.max(1, item.rows);
}
