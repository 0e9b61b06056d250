/**
 * The rules of group commit: facts and the time in, effects out. A lone request goes on at once and
 * only marks its lane as busy; while something is in flight the next ones are held and joined, and go
 * when it returns, when the batch is full, or when they have waited long enough.
 */
import { InferRequest, isCompatible } from '../wire/tensor-request.ts';
import {
  ALONE,
  ANSWERED,
  Batch,
  CALLED,
  FREE,
  GATHERED,
  Lane,
  Member,
  READING,
  RouteLine,
} from './batch.ts';
import { Budget } from './budget.ts';
import {
  answerEffect,
  batchEffect,
  Effect,
  memberEffect,
  RESUME,
  RETRY,
  TIME_UP,
  tickEffect,
} from './effect.ts';
import { BatcherProgram, RouteProgram } from './program.ts';
import { Waiting } from './queue.ts';

/** Verdicts on the request of the running callback. */
export const PASS: i32 = 0;
export const HELD: i32 = 1;
export const TOO_LARGE: i32 = 2;
export const OUT_OF_MEMORY: i32 = 3;
export const NOT_JOINABLE: i32 = 4;

/** Batches of different kinds that one lane gathers at most; beyond it the oldest goes. */
const MAX_KINDS: i32 = 16;

export class Batcher {
  /** To be carried out in order, then emptied. */
  effects: Effect[] = [];
  readonly lanes: Map<string, Lane> = new Map<string, Lane>();
  private program: BatcherProgram;
  private budget: Budget;
  private lines: Map<string, RouteLine> = new Map<string, RouteLine>();
  private lineList: RouteLine[] = [];
  private ticking: boolean = false;

  constructor(program: BatcherProgram, budget: Budget) {
    this.program = program;
    this.budget = budget;
  }

  /**
   * A request's headers are here; its body has `length` bytes, or -1 where that is unknown. `key` says
   * which requests it may meet. HELD, or the reason why it goes on.
   */
  arrive(
    member: Member,
    route: RouteProgram,
    key: string,
    cluster: string,
    length: i32,
    now: f64,
  ): i32 {
    const lane = this.laneOf(route, key, cluster);
    if (lane.inFlight < route.maxInFlight) {
      this.goAlone(member, lane);
      return PASS;
    }
    if (length > route.maxBytes) return TOO_LARGE;
    const known = length < 0 ? 0 : length;
    if (!this.budget.take(member, known, this.program.maxHeldBytes)) return OUT_OF_MEMORY;
    member.lane = lane;
    member.state = READING;
    member.heldSince = now;
    lane.held++;
    lane.line.reading.push(member, now);
    this.startTicking();
    return HELD;
  }

  /** Of a held request `size` bytes are here. HELD, or the reason why it is let go. */
  read(member: Member, size: i32): i32 {
    const lane = member.lane;
    if (lane === null || member.state != READING) return PASS;
    let reason = HELD;
    if (size > lane.line.route.maxBytes) reason = TOO_LARGE;
    else if (!this.budget.take(member, size, this.program.maxHeldBytes)) reason = OUT_OF_MEMORY;
    if (reason != HELD) this.release(member, lane);
    return reason;
  }

  /** A held request is whole. `request` is null where it cannot be joined. HELD, or the reason why not. */
  whole(member: Member, request: InferRequest | null, now: f64): i32 {
    const lane = member.lane;
    if (lane === null || member.state != READING) return PASS;
    if (request === null) {
      this.release(member, lane);
      return NOT_JOINABLE;
    }
    lane.line.reading.remove(member);
    member.request = request;
    member.rows = request.rows;
    const id = request.id;
    if (!id.missing) member.id = request.bytes.slice(id.start, id.end);
    this.gather(member, request, lane, now);
    return HELD;
  }

  /** A held request is let go, for a reason that only the adapter knows. */
  giveUp(member: Member): void {
    const lane = member.lane;
    if (lane !== null && member.state == READING) this.release(member, lane);
  }

  /** The request is over: answered, or its client has gone. It is never mentioned again. */
  ended(member: Member): void {
    const lane = member.lane;
    const state = member.state;
    if (lane === null) return;
    if (state == READING) {
      this.release(member, lane);
      return;
    }
    if (state == GATHERED) leaveBatch(member);
    if (state == ALONE) lane.inFlight--;
    else this.letGo(member, lane);
    this.leave(member, FREE);
    this.advance(lane);
  }

  /** The batch's call has brought an answer that can be cut. */
  answered(batch: Batch): void {
    const lane = batch.lane;
    lane.inFlight--;
    for (let i = 0; i < batch.members.length; i++) {
      const member = batch.members[i];
      if (member.state != CALLED) continue;
      this.letGo(member, lane);
      this.leave(member, ANSWERED);
      this.effects.push(answerEffect(batch, i));
    }
    this.advance(lane);
  }

  /** The batch's call has brought nothing that can be shared: each member goes on alone. */
  failed(batch: Batch, now: f64): void {
    const lane = batch.lane;
    lane.inFlight--;
    for (let i = 0; i < batch.members.length; i++) {
      const member = batch.members[i];
      if (member.state != CALLED) continue;
      this.letGo(member, lane);
      if (now - member.heldSince >= f64(lane.line.route.timeoutMs)) {
        this.leave(member, ANSWERED);
        this.effects.push(memberEffect(TIME_UP, member));
      } else {
        this.goAlone(member, lane);
        this.effects.push(memberEffect(RETRY, member));
      }
    }
    this.advance(lane);
  }

  /** Lets go what has waited long enough. */
  tick(now: f64): void {
    let waiting = false;
    for (let i = 0; i < this.lineList.length; i++) {
      const line = this.lineList[i];
      this.tickLine(line, now);
      if (line.batches.first !== null || line.reading.first !== null) waiting = true;
    }
    if (waiting) return;
    this.ticking = false;
    this.effects.push(tickEffect(0));
  }

  get isTicking(): boolean {
    return this.ticking;
  }

  private tickLine(line: RouteLine, now: f64): void {
    let first: Waiting | null = line.batches.first;
    while (first !== null && first.isOver(now, line.route.maxDelayMs)) {
      this.dispatch(first as Batch);
      first = line.batches.first;
    }
    first = line.reading.first;
    while (first !== null && first.isOver(now, line.route.timeoutMs)) {
      const member = first as Member;
      this.giveUp(member);
      this.effects.push(memberEffect(RESUME, member));
      first = line.reading.first;
    }
  }

  private gather(member: Member, request: InferRequest, lane: Lane, now: f64): void {
    const route = lane.line.route;
    const size = request.bytes.length;
    let batch = compatibleBatch(lane, request);
    if (batch !== null) {
      const full = batch.rows > route.maxRows - request.rows;
      if (full || batch.bytes > route.maxBytes - size) {
        this.dispatch(batch);
        batch = null;
      }
    }
    if (batch === null) batch = this.openBatch(lane, now);
    member.state = GATHERED;
    member.batch = batch;
    batch.members.push(member);
    batch.rows += request.rows;
    batch.bytes += size;
    if (batch.rows >= route.maxRows || batch.bytes >= route.maxBytes) this.dispatch(batch);
    this.advance(lane);
  }

  private openBatch(lane: Lane, now: f64): Batch {
    if (lane.gathering.length >= MAX_KINDS) this.dispatch(lane.gathering[0]);
    const batch = new Batch(lane);
    lane.gathering.push(batch);
    lane.line.batches.push(batch, now);
    this.startTicking();
    return batch;
  }

  /** Lets batches go while there is room in flight, and forgets a lane that nothing is in. */
  private advance(lane: Lane): void {
    const maxInFlight = lane.line.route.maxInFlight;
    while (lane.gathering.length > 0 && lane.inFlight < maxInFlight) {
      this.dispatch(lane.gathering[0]);
    }
    if (lane.inFlight > 0 || lane.held > 0) return;
    // A lane that was forgotten may have a successor under its key.
    if (this.lanes.has(lane.key) && this.lanes.get(lane.key) === lane) this.lanes.delete(lane.key);
  }

  private dispatch(batch: Batch): void {
    const lane = batch.lane;
    removeBatch(batch);
    if (batch.members.length == 1) {
      const member = batch.members[0];
      this.letGo(member, lane);
      this.goAlone(member, lane);
      this.effects.push(memberEffect(RESUME, member));
      return;
    }
    lane.inFlight++;
    for (let i = 0; i < batch.members.length; i++) batch.members[i].state = CALLED;
    this.effects.push(batchEffect(batch));
  }

  /** On its own way: its lane is busy until it ends. */
  private goAlone(member: Member, lane: Lane): void {
    member.state = ALONE;
    member.lane = lane;
    member.batch = null;
    member.request = null;
    lane.inFlight++;
  }

  /** Out of a body that is still read, and out of everything. */
  private release(member: Member, lane: Lane): void {
    lane.line.reading.remove(member);
    this.letGo(member, lane);
    this.leave(member, FREE);
    this.advance(lane);
  }

  /** No longer held. */
  private letGo(member: Member, lane: Lane): void {
    lane.held--;
    this.budget.release(member);
  }

  private leave(member: Member, state: i32): void {
    member.state = state;
    member.lane = null;
    member.batch = null;
    member.request = null;
  }

  private startTicking(): void {
    if (this.ticking) return;
    this.ticking = true;
    this.effects.push(tickEffect(this.program.tickMs));
  }

  private laneOf(route: RouteProgram, key: string, cluster: string): Lane {
    if (this.lanes.has(key)) return this.lanes.get(key) as Lane;
    const lane = new Lane(key, cluster, this.lineOf(route));
    this.lanes.set(key, lane);
    return lane;
  }

  private lineOf(route: RouteProgram): RouteLine {
    if (this.lines.has(route.name)) return this.lines.get(route.name) as RouteLine;
    const line = new RouteLine(route);
    this.lines.set(route.name, line);
    this.lineList.push(line);
    return line;
  }
}

/** The batch of the lane that the request may join, or null. */
function compatibleBatch(lane: Lane, request: InferRequest): Batch | null {
  for (let i = 0; i < lane.gathering.length; i++) {
    const batch = lane.gathering[i];
    const first = batch.members[0].request;
    if (first !== null && isCompatible(first, request)) return batch;
  }
  return null;
}

function removeBatch(batch: Batch): void {
  const lane = batch.lane;
  lane.line.batches.remove(batch);
  const index = lane.gathering.indexOf(batch);
  if (index >= 0) lane.gathering.splice(index, 1);
}

/** Its client has gone before the batch went. */
function leaveBatch(member: Member): void {
  const batch = member.batch;
  const request = member.request;
  if (batch === null || request === null) return;
  const index = batch.members.indexOf(member);
  if (index >= 0) batch.members.splice(index, 1);
  batch.rows -= request.rows;
  batch.bytes -= request.bytes.length;
  member.batch = null;
  if (batch.members.length == 0) removeBatch(batch);
}
