/**
 * The rules of group commit: facts and the time in, effects out. A lone request goes on at once and
 * only marks its lane as busy; while something is in flight the next ones are held and joined, and go
 * when it returns, when the batch is full, or when they have waited long enough.
 */
import { MAX_BATCH_REQUESTS } from '../contract/limits.ts';
import { BatchRequest } from '../wire/batch/batch-request.ts';
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
import { Doubts } from './doubts.ts';
import {
  ANSWER,
  answerEffect,
  callEffect,
  Effect,
  memberEffect,
  RESUME,
  RETRY,
  SHARE_FAILURE,
  TIME_UP,
  tickEffect,
} from './effect.ts';
import {
  batchFor,
  isDue,
  lateInCall,
  leaveBatch,
  mostUrgent,
  removeBatch,
  takeLate,
} from './gathering.ts';
import { Lanes } from './lanes.ts';
import { BatcherProgram, RouteProgram } from './program.ts';
import { Waiting } from './queue.ts';

/** Verdicts on the request of the running callback. */
export const PASS: i32 = 0;
export const HELD: i32 = 1;
export const TOO_LARGE: i32 = 2;
export const OUT_OF_MEMORY: i32 = 3;
export const NOT_JOINABLE: i32 = 4;
/** It would not be answered before its deadline: it has to be answered at once. */
export const TOO_LATE: i32 = 5;
/** Answers of its lane could not be cut, again and again. */
export const RESTING: i32 = 6;

/** Why a call brought no answer to all of its members: the server refused it, and one member may be the reason. */
export const REFUSED: i32 = 1;
/** The server failed, or nobody answered. */
export const BROKEN: i32 = 2;
/** What all members have in common was refused. */
export const DENIED: i32 = 3;
/** Nobody was asked. */
export const NOT_CALLED: i32 = 4;
/** The answer cannot be shared out: one member may be the reason, or the server. */
export const UNREADABLE: i32 = 5;

/** Batches of different kinds that one lane gathers at most; beyond it the oldest goes. */
const MAX_KINDS: i32 = 16;

/** Envoy ends a call as much too early at times: by then the time of those who waited for it is up, too. */
export const EARLY_MS: f64 = 2;

export class Batcher {
  /** To be carried out in order, then emptied. */
  effects: Effect[] = [];
  readonly lanes: Lanes = new Lanes();
  private program: BatcherProgram;
  private budget: Budget;
  private doubts: Doubts = new Doubts();
  private ticking: boolean = false;

  constructor(program: BatcherProgram, budget: Budget) {
    this.program = program;
    this.budget = budget;
  }

  /**
   * A request's headers are here; its body has `length` bytes, or -1 where that is unknown. `key` says
   * which requests it may meet; `waitsMs` how long its caller waits. HELD, TOO_LATE, or why it goes on.
   */
  arrive(
    member: Member,
    route: RouteProgram,
    key: string,
    cluster: string,
    length: i32,
    waitsMs: f64,
    now: f64,
  ): i32 {
    member.arrivedMs = now;
    member.deadlineMs = now + waitsMs;
    if (this.doubts.rests(key, now)) return RESTING;
    const lane = this.lanes.of(route, key, cluster);
    if (lane.inFlight < route.maxInFlight) {
      this.goAlone(member, lane, now);
      return PASS;
    }
    if (length > route.maxBytes) return TOO_LARGE;
    if (waitsMs < lane.callMs) return TOO_LATE;
    const known = length < 0 ? 0 : length;
    if (!this.budget.take(member, known, this.program.maxHeldBytes)) return OUT_OF_MEMORY;
    member.lane = lane;
    member.state = READING;
    lane.held++;
    lane.line.reading.push(member, now);
    this.startTicking();
    return HELD;
  }

  /** Of a held request `size` bytes are here. HELD, or the reason why it is let go. */
  read(member: Member, size: i32, now: f64): i32 {
    const lane = member.lane;
    if (lane === null || member.state != READING) return PASS;
    let reason = HELD;
    if (size > lane.line.route.maxBytes) reason = TOO_LARGE;
    else if (!this.budget.take(member, size, this.program.maxHeldBytes)) reason = OUT_OF_MEMORY;
    if (reason != HELD) this.release(member, lane, now);
    return reason;
  }

  /** A held request is whole. `request` is null where it cannot be joined. HELD, or the reason why not. */
  whole(member: Member, request: BatchRequest | null, now: f64): i32 {
    const lane = member.lane;
    if (lane === null || member.state != READING) return PASS;
    if (request === null) {
      this.release(member, lane, now);
      return NOT_JOINABLE;
    }
    lane.line.reading.remove(member);
    if (member.deadlineMs <= now + EARLY_MS) {
      this.timeUp(member, lane);
      this.advance(lane, now);
      return HELD;
    }
    member.request = request;
    this.gather(member, request, lane, now);
    return HELD;
  }

  /** A held request is let go, for a reason that only the adapter knows. */
  giveUp(member: Member, now: f64): void {
    const lane = member.lane;
    if (lane !== null && member.state == READING) this.release(member, lane, now);
  }

  /** The request is over: answered, or its client has gone. It is never mentioned again. */
  ended(member: Member, now: f64): void {
    const lane = member.lane;
    const state = member.state;
    if (lane === null) return;
    if (state == READING) {
      this.release(member, lane, now);
      return;
    }
    if (state == GATHERED) leaveBatch(member);
    if (state == ALONE) {
      lane.inFlight--;
      lane.took(now - member.since);
    } else this.letGo(member, lane);
    this.leave(member, FREE);
    this.advance(lane, now);
  }

  /** The batch's call has brought an answer that can be cut. */
  answered(batch: Batch, now: f64): void {
    this.doubts.readable(batch.lane.key);
    this.shareOut(batch, ANSWER, now);
  }

  /**
   * The batch's call has brought nothing that can be cut, but what `how` says. One bad member is looked for by
   * halves, until it is alone; a server that failed is asked once more by each, if the route wants it.
   */
  failed(batch: Batch, how: i32, now: f64): void {
    const lane = batch.lane;
    const waiting = batch.waiting();
    if (how == DENIED || (how == BROKEN && !lane.line.route.retryFailed)) {
      this.shareOut(batch, SHARE_FAILURE, now);
      return;
    }
    this.returned(batch, how != NOT_CALLED, now);
    if (how == UNREADABLE) this.doubts.unreadable(lane.key, now);
    const mayHalve = how == REFUSED || (how == UNREADABLE && !this.doubts.rests(lane.key, now));
    if (mayHalve && waiting.length > 1) {
      const half = (waiting.length + 1) >> 1;
      this.callAgain(lane, waiting.slice(0, half), now);
      this.callAgain(lane, waiting.slice(half), now);
    } else {
      for (let i = 0; i < waiting.length; i++) this.sendAlone(waiting[i], lane, now);
    }
    this.advance(lane, now);
  }

  /** Lets go what has waited long enough. */
  tick(now: f64): void {
    let waiting = false;
    const lines = this.lanes.lines;
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i];
      this.tickLine(line, now);
      if (line.isWaiting) waiting = true;
    }
    if (waiting) return;
    this.ticking = false;
    this.effects.push(tickEffect(0));
  }

  get isTicking(): boolean {
    return this.ticking;
  }

  private tickLine(line: RouteLine, now: f64): void {
    let next: Waiting | null = line.batches.first;
    while (next !== null) {
      const batch = next as Batch;
      next = batch.after;
      if (isDue(batch, now, this.program.tickMs)) this.dispatch(batch, now);
    }
    next = line.calling.first;
    while (next !== null) {
      const batch = next as Batch;
      next = batch.after;
      if (batch.deadlineMs > now) continue;
      this.timeUpFor(lateInCall(batch, now), batch.lane);
      if (batch.deadlineMs == f64.MAX_VALUE) line.calling.remove(batch);
    }
    let first: Waiting | null = line.reading.first;
    // The rest with the next tick: each goes on within the end of the one before it.
    let count = 0;
    while (first !== null && first.isOver(now, line.route.timeoutMs)) {
      if (count++ >= MAX_BATCH_REQUESTS) break;
      const member = first as Member;
      this.giveUp(member, now);
      this.effects.push(memberEffect(RESUME, member));
      first = line.reading.first;
    }
  }

  private gather(member: Member, request: BatchRequest, lane: Lane, now: f64): void {
    const route = lane.line.route;
    const size = request.bytes.length;
    let batch = batchFor(lane, request);
    if (batch !== null) {
      const full =
        batch.members.length >= MAX_BATCH_REQUESTS || batch.rows > route.maxRows - request.rows;
      if (full || batch.bytes > route.maxBytes - size) {
        this.dispatch(batch, now);
        batch = null;
      }
    }
    if (batch === null) batch = this.openBatch(lane, now);
    member.state = GATHERED;
    batch.add(member);
    batch.rows += request.rows;
    batch.bytes += size;
    if (batch.rows >= route.maxRows || batch.bytes >= route.maxBytes) this.dispatch(batch, now);
    this.advance(lane, now);
  }

  private openBatch(lane: Lane, now: f64): Batch {
    if (lane.gathering.length >= MAX_KINDS) this.dispatch(mostUrgent(lane), now);
    const batch = new Batch(lane);
    lane.gathering.push(batch);
    lane.line.batches.push(batch, now);
    this.startTicking();
    return batch;
  }

  /** Lets batches go while there is room in flight, and forgets a lane that nothing is in. */
  private advance(lane: Lane, now: f64): void {
    const maxInFlight = lane.line.route.maxInFlight;
    while (lane.gathering.length > 0 && lane.inFlight < maxInFlight) {
      this.dispatch(mostUrgent(lane), now);
    }
    if (lane.inFlight > 0 || lane.held > 0) return;
    this.lanes.forget(lane);
  }

  private dispatch(batch: Batch, now: f64): void {
    const lane = batch.lane;
    removeBatch(batch);
    this.timeUpFor(takeLate(batch, now), lane);
    const members = batch.members;
    if (members.length == 0) return;
    for (let i = 0; i < members.length; i++) members[i].waitMs = now - members[i].arrivedMs;
    if (members.length > 1) {
      this.call(batch, now);
      return;
    }
    const member = members[0];
    this.letGo(member, lane);
    this.goAlone(member, lane, now);
    this.effects.push(memberEffect(RESUME, member));
  }

  /** For as long as any of its members waits. */
  private call(batch: Batch, now: f64): void {
    let latestMs: f64 = 0;
    for (let i = 0; i < batch.members.length; i++) {
      const member = batch.members[i];
      member.state = CALLED;
      if (member.deadlineMs > latestMs) latestMs = member.deadlineMs;
    }
    const route = batch.lane.line.route;
    const ms = Math.max(1, Math.min(f64(route.timeoutMs), Math.ceil(latestMs - now)));
    batch.lane.inFlight++;
    batch.calledMs = now;
    if (batch.deadlineMs < now + ms) {
      batch.lane.line.calling.push(batch, now);
      this.startTicking();
    }
    this.effects.push(callEffect(batch, i32(ms)));
  }

  /** A part of a call that was refused. They are the requests of that call, so they need no room of their own. */
  private callAgain(lane: Lane, members: Member[], now: f64): void {
    if (members.length == 1) {
      this.sendAlone(members[0], lane, now);
      return;
    }
    const batch = new Batch(lane);
    for (let i = 0; i < members.length; i++) batch.add(members[i]);
    this.timeUpFor(takeLate(batch, now), lane);
    if (batch.members.length == 1) this.sendAlone(batch.members[0], lane, now);
    else if (batch.members.length > 1) this.call(batch, now);
  }

  /** Its call is over. What it took says nothing where `asked` is false. */
  private returned(batch: Batch, asked: boolean, now: f64): void {
    const lane = batch.lane;
    lane.line.calling.remove(batch);
    lane.inFlight--;
    if (asked) lane.took(now - batch.calledMs);
  }

  private timeUpFor(late: Member[], lane: Lane): void {
    for (let i = 0; i < late.length; i++) this.timeUp(late[i], lane);
  }

  private timeUp(member: Member, lane: Lane): void {
    this.letGo(member, lane);
    this.leave(member, ANSWERED);
    this.effects.push(memberEffect(TIME_UP, member));
  }

  private sendAlone(member: Member, lane: Lane, now: f64): void {
    if (member.deadlineMs <= now) {
      this.timeUp(member, lane);
      return;
    }
    this.letGo(member, lane);
    this.goAlone(member, lane, now);
    this.effects.push(memberEffect(RETRY, member));
  }

  private shareOut(batch: Batch, kind: i32, now: f64): void {
    const lane = batch.lane;
    this.returned(batch, true, now);
    for (let i = 0; i < batch.members.length; i++) {
      const member = batch.members[i];
      if (member.state != CALLED) continue;
      this.letGo(member, lane);
      this.leave(member, ANSWERED);
      this.effects.push(answerEffect(kind, batch, i));
    }
    this.advance(lane, now);
  }

  /** On its own way: its lane is busy until it ends. */
  private goAlone(member: Member, lane: Lane, now: f64): void {
    member.state = ALONE;
    member.since = now;
    member.lane = lane;
    member.batch = null;
    member.request = null;
    lane.inFlight++;
  }

  /** Out of a body that is still read, and out of everything. */
  private release(member: Member, lane: Lane, now: f64): void {
    lane.line.reading.remove(member);
    this.letGo(member, lane);
    this.leave(member, FREE);
    this.advance(lane, now);
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
}
