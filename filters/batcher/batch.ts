/** Requests, the batches they form, and the lanes that say which requests may meet. */
import { BatchRequest } from '../wire/batch/batch-request.ts';
import { RouteProgram } from './program.ts';
import { Waiting, WaitingQueue } from './queue.ts';

/** Not the batcher's: it passes, or is over. */
export const FREE: i32 = 0;
/** On its own way through Envoy's router; its lane is busy until it ends. */
export const ALONE: i32 = 1;
/** Held, its body still coming in. */
export const READING: i32 = 2;
/** Held in a batch that has not gone yet. */
export const GATHERED: i32 = 3;
/** Held in a batch that is being answered. */
export const CALLED: i32 = 4;
/** Answered by the batcher. */
export const ANSWERED: i32 = 5;

/** One request, as the rules see it. */
export class Member extends Waiting {
  state: i32 = FREE;
  lane: Lane | null = null;
  batch: Batch | null = null;
  /** What it takes of the budget. */
  heldBytes: i32 = 0;
  /** When it came. */
  arrivedMs: f64 = 0;
  /** When its caller waits no longer. */
  deadlineMs: f64 = 0;
  /** Whether the caller itself said how long it waits. */
  isHurried: boolean = false;
  /** How long it was held before its first call. */
  waitMs: f64 = 0;
  /** Set from when it is whole until its batch goes. */
  request: BatchRequest | null = null;
}

/** Requests that share one call. */
export class Batch extends Waiting {
  readonly lane: Lane;
  members: Member[] = [];
  rows: i32 = 0;
  /** Sum of the members' bodies: at least what the joined body takes. */
  bytes: i32 = 0;
  /** The earliest of its members. */
  deadlineMs: f64 = f64.MAX_VALUE;
  /** When its call began. */
  calledMs: f64 = 0;

  constructor(lane: Lane) {
    super();
    this.lane = lane;
  }

  add(member: Member): void {
    this.members.push(member);
    member.batch = this;
    if (member.deadlineMs < this.deadlineMs) this.deadlineMs = member.deadlineMs;
  }

  /** Members that still wait for its answer. */
  waiting(): Member[] {
    const waiting: Member[] = [];
    for (let i = 0; i < this.members.length; i++) {
      if (this.members[i].state == CALLED) waiting.push(this.members[i]);
    }
    return waiting;
  }
}

/** Requests of one route to one cluster, host and path from one identity: those that may meet. */
export class Lane {
  readonly key: string;
  readonly cluster: string;
  readonly line: RouteLine;
  /** Calls, and requests on their own way, that have not come back. */
  inFlight: i32 = 0;
  /** Requests that are held. */
  held: i32 = 0;
  /** Batches that have not gone, oldest first; those of one lane differ in what they ask for. */
  gathering: Batch[] = [];
  /** About how long a call takes; 0: not known yet. */
  callMs: f64 = 0;

  constructor(key: string, cluster: string, line: RouteLine) {
    this.key = key;
    this.cluster = cluster;
    this.line = line;
  }

  /**
   * A call has come back. A fast one counts at once and a slow one only in part: who is refused for this must
   * have had no chance.
   */
  took(ms: f64): void {
    if (ms < 0) return;
    const first = this.callMs == 0;
    this.callMs = first || ms < this.callMs ? ms : this.callMs + (ms - this.callMs) * SLOW_SHARE;
  }
}

const SLOW_SHARE: f64 = 0.2;

/** All that waits for one route. Its limits are the same for all, so the first has waited the longest. */
export class RouteLine {
  readonly route: RouteProgram;
  batches: WaitingQueue = new WaitingQueue();
  /** Batches whose call may last longer than one of their members waits. */
  calling: WaitingQueue = new WaitingQueue();
  reading: WaitingQueue = new WaitingQueue();

  constructor(route: RouteProgram) {
    this.route = route;
  }

  /** Whether anything depends on the tick. */
  get isWaiting(): boolean {
    return (
      this.batches.first !== null || this.calling.first !== null || this.reading.first !== null
    );
  }
}
