/** Requests, the batches they form, and the lanes that say which requests may meet. */
import { InferRequest } from '../wire/tensor-request.ts';
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

const NO_ID: Uint8Array = new Uint8Array(0);

/** One request, as the rules see it. */
export class Member extends Waiting {
  state: i32 = FREE;
  lane: Lane | null = null;
  batch: Batch | null = null;
  /** What it takes of the budget. */
  heldBytes: i32 = 0;
  /** When it was held. */
  heldSince: f64 = 0;
  /** Known once it is whole. */
  rows: i32 = 0;
  /** Its id with quotes, to put into its answer; empty without one. */
  id: Uint8Array = NO_ID;
  /** Set from when it is whole until its batch goes. */
  request: InferRequest | null = null;
}

/** Requests that share one call. */
export class Batch extends Waiting {
  readonly lane: Lane;
  members: Member[] = [];
  rows: i32 = 0;
  /** Sum of the members' bodies: at least what the joined body takes. */
  bytes: i32 = 0;

  constructor(lane: Lane) {
    super();
    this.lane = lane;
  }

  /** Rows of each member, in order. */
  memberRows(): i32[] {
    const rows: i32[] = [];
    for (let i = 0; i < this.members.length; i++) rows.push(this.members[i].rows);
    return rows;
  }

  /** The members' requests, in order. They are given away: a called batch needs them no more. */
  takeRequests(): InferRequest[] {
    const requests: InferRequest[] = [];
    for (let i = 0; i < this.members.length; i++) {
      const request = this.members[i].request;
      this.members[i].request = null;
      if (request !== null) requests.push(request);
    }
    return requests;
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

  constructor(key: string, cluster: string, line: RouteLine) {
    this.key = key;
    this.cluster = cluster;
    this.line = line;
  }
}

/** All that waits for one route. Its limits are the same for all, so the first is due first. */
export class RouteLine {
  readonly route: RouteProgram;
  batches: WaitingQueue = new WaitingQueue();
  reading: WaitingQueue = new WaitingQueue();

  constructor(route: RouteProgram) {
    this.route = route;
  }
}
