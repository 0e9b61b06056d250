/** One configuration of the batcher: carries out what the rules want, and makes the joined calls. */
import { decodeBatcherConfig } from '../contract/batcher-config.ts';
import { Problems } from '../contract/fields.ts';
import { NOTED_BATCH } from '../contract/headers.ts';
import { MAX_BATCH_REQUESTS } from '../contract/limits.ts';
import { call } from '../host/callout.ts';
import { nowMs, setTickMs } from '../host/clock.ts';
import { Property } from '../host/property.ts';
import {
  continueRequest,
  enterRoot,
  enterStream,
  leaveStream,
  noteDecoded,
  Root,
  reply,
  replyGrpc,
  replyJson,
  Stream,
} from '../host/stream.ts';
import { BatchRequest } from '../wire/batch/batch-request.ts';
import { shareOf } from '../wire/batch/batch-share.ts';
import { joinBatch } from '../wire/batch/join.ts';
import { asciiBytes, errorBody, Refusal } from '../wire/error-body.ts';
import { Batch, Member } from './batch.ts';
import { Budget } from './budget.ts';
import { BatchCall, headersOfCall } from './call.ts';
import { Batcher, NOT_CALLED } from './core.ts';
import { batchCounts, recordCall, requestCounts } from './counts.ts';
import { ANSWER, CALL, Effect, RESUME, RETRY, SHARE_FAILURE, TICK } from './effect.ts';
import { BatcherStream, StreamMember } from './filter.ts';
import { GRPC_DEADLINE_EXCEEDED } from './grpc-status.ts';
import { BatcherProgram, compile } from './program.ts';

const NO_BYTES = new Uint8Array(0);
const BATCH_FACT = new Property(NOTED_BATCH);

/** What this worker holds. One for all configurations: they share its memory. */
const budget = new Budget();

export class BatcherRoot extends Root {
  program: BatcherProgram = new BatcherProgram();
  core: Batcher = new Batcher(this.program, budget);
  /** The stream whose body callback is running: it is released by what that returns. */
  private running: Stream | null = null;
  private runningResumed: bool = false;
  /** Whether a callback of a request is running: while one is, nobody else may be answered. */
  private inRequest: bool = false;
  /** Requests that the running callback has answered. */
  private told: i32 = 0;
  /** Those whose time is up, and who are told so with the next tick. */
  private late: StreamMember[] = [];
  /** The call whose answer is being shared out. */
  private answering: BatchCall | null = null;

  configure(text: string): string {
    const problems = new Problems();
    const config = decodeBatcherConfig(text, problems);
    noteDecoded(text.length);
    if (config !== null) {
      this.program = compile(config);
      this.core = new Batcher(this.program, budget);
    }
    return problems.text();
  }

  createStream(): Stream {
    return new BatcherStream(this);
  }

  tick(): void {
    const late = this.late;
    const count = min(late.length, MAX_BATCH_REQUESTS);
    this.late = late.slice(count);
    for (let i = 0; i < count; i++) this.timeUpOf(late[i]);
    this.core.tick(nowMs());
    this.told = count;
    this.carryOutAll();
    if (this.late.length > 0) setTickMs(1);
  }

  ended(): void {
    if (this.core.isTicking) setTickMs(0);
  }

  /** Carries out what the rules want, also what they want because a call could not be made. */
  apply(): void {
    this.told = 0;
    this.carryOutAll();
  }

  private carryOutAll(): void {
    const effects = this.core.effects;
    for (let i = 0; i < effects.length; i++) this.carryOut(effects[i]);
    effects.length = 0;
  }

  /**
   * As `apply`, in a callback of `stream`. Returns whether that stream goes on. An answer to another stream
   * would have Envoy stop this one, whatever the callback returns, and keep nothing of its body.
   */
  applyFor(stream: Stream): bool {
    this.running = stream;
    this.runningResumed = false;
    this.inRequest = true;
    this.apply();
    this.inRequest = false;
    this.running = null;
    return this.runningResumed;
  }

  /** The call came back with what can be shared out. */
  answered(callout: BatchCall): void {
    batchCounts.add(callout.batch.lane.line.route.name, 'answered');
    this.answering = callout;
    this.core.answered(callout.batch, nowMs());
    this.apply();
    this.answering = null;
  }

  /** The call brought nothing that can be cut; `how` is for the rules, `outcome` for who counts. */
  failed(callout: BatchCall, how: i32, outcome: string): void {
    batchCounts.add(callout.batch.lane.line.route.name, outcome);
    this.answering = callout;
    this.core.failed(callout.batch, how, nowMs());
    this.apply();
    this.answering = null;
  }

  /** Answers a request that cannot wait for its turn. */
  timeUp(stream: BatcherStream, waitsMs: f64, outcome: string): void {
    if (!enterStream(stream)) return;
    replyLate(stream, 'no answer within ' + i32(Math.max(0, waitsMs)).toString() + ' ms');
    leaveStream();
    requestCounts.add(stream.route, outcome);
  }

  private carryOut(effect: Effect): void {
    const batch = effect.batch;
    const member = effect.member;
    if (effect.kind == TICK) {
      if (!enterRoot(this)) return;
      setTickMs(effect.ms);
      leaveStream();
    } else if (effect.kind == CALL) {
      if (batch !== null) this.callFor(batch, effect.ms);
    } else if (member !== null) {
      const stream = (member as StreamMember).stream;
      if (effect.kind == RESUME) this.resume(stream, 'passed');
      else if (effect.kind == RETRY) this.resume(stream, 'retried_alone');
      else if (effect.kind == ANSWER) this.answer(stream, member, effect.index);
      else if (effect.kind == SHARE_FAILURE) this.shareFailure(stream, member);
      else if (this.mayTell(stream)) this.timeUpOf(member as StreamMember);
      else this.late.push(member as StreamMember);
    }
  }

  /** Now: each answer begins within the end of the one before it, so there cannot be any number. */
  private mayTell(stream: Stream): bool {
    if (this.inRequest && stream !== this.running) return false;
    return this.told++ < MAX_BATCH_REQUESTS;
  }

  private timeUpOf(member: StreamMember): void {
    this.timeUp(member.stream, member.deadlineMs - member.arrivedMs, 'timed_out');
  }

  private resume(stream: BatcherStream, outcome: string): void {
    requestCounts.add(stream.route, outcome);
    if (this.running === stream) {
      this.runningResumed = true;
      stream.limitTime(nowMs());
    } else if (enterStream(stream)) {
      stream.limitTime(nowMs());
      continueRequest();
      leaveStream();
    }
  }

  private callFor(batch: Batch, timeoutMs: i32): void {
    const route = batch.lane.line.route;
    const requests = requestsOf(batch);
    const first = (batch.members[0] as StreamMember).stream;
    const joined = requests.length == batch.members.length ? joinBatch(requests) : null;
    const share = shareOf(requests);
    const callout = new BatchCall(this, batch, share);
    let called = false;
    if (joined !== null && enterStream(first)) {
      const headers = headersOfCall(route, joined, timeoutMs);
      leaveStream();
      recordCall(route.name, requests.length, share.totalRows, batch.members[0].waitMs);
      called = call(this, batch.lane.cluster, headers, joined.bytes, timeoutMs, callout);
    }
    if (called) return;
    batchCounts.add(route.name, 'not_called');
    // Each on its own way, whatever the route wants of a server that failed: none was asked.
    this.core.failed(batch, NOT_CALLED, nowMs());
  }

  private answer(stream: BatcherStream, member: Member, index: i32): void {
    const callout = this.answering;
    if (callout === null) return;
    const answer = callout.answer;
    if (answer === null || !enterStream(stream)) return;
    const part = answer.slice(index);
    BATCH_FACT.set(callout.noteFor(member));
    if (stream.isGrpc) {
      stream.grpcAnswer = part.bytes;
      reply(200, 'modelweir_batch', callout.grpcHeadersFor(member), NO_BYTES);
    } else {
      reply(200, 'modelweir_batch', callout.headersFor(member, part.jsonBytes), part.bytes);
    }
    leaveStream();
    requestCounts.add(stream.route, 'joined');
  }

  private shareFailure(stream: BatcherStream, member: Member): void {
    const callout = this.answering;
    if (callout === null || !enterStream(stream)) return;
    BATCH_FACT.set(callout.noteFor(member));
    if (callout.status > 0 && stream.isGrpc) {
      reply(200, 'modelweir_batch_failed', callout.grpcFailureFor(member), NO_BYTES);
    } else if (callout.status > 0) {
      const headers = callout.headersFor(member, -1);
      reply(callout.status, 'modelweir_batch_failed', headers, callout.body);
    } else replyLate(stream, 'the backend did not answer in time');
    leaveStream();
    requestCounts.add(stream.route, 'failed_together');
  }
}

function replyLate(stream: BatcherStream, message: string): void {
  if (stream.isGrpc) {
    replyGrpc(504, 'modelweir_batch_timeout', GRPC_DEADLINE_EXCEEDED, message);
    return;
  }
  const refusal = new Refusal(504, 'timeout', message);
  replyJson(504, 'modelweir_batch_timeout', asciiBytes(errorBody(stream.protocol(), refusal)));
}

/** The requests of a batch, which are given away: a called batch needs them no more, and may read them again. */
function requestsOf(batch: Batch): BatchRequest[] {
  const requests: BatchRequest[] = [];
  for (let i = 0; i < batch.members.length; i++) {
    const member = batch.members[i] as StreamMember;
    const request = member.request === null ? member.stream.readAgain() : member.request;
    member.request = null;
    if (request !== null) requests.push(request);
  }
  return requests;
}
