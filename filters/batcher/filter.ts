/**
 * Carries the rules' effects out in Envoy: holds and releases requests, makes the joined calls, answers.
 * Who waits for whom, and for how long, is `core.ts`.
 */
import { decodeBatcherConfig } from '../contract/batcher-config.ts';
import { Problems } from '../contract/fields.ts';
import {
  BATCH_ROWS_HEADER,
  BATCH_SIZE_HEADER,
  CLUSTER_HEADER,
  PLAN,
  PLAN_HEADER,
  ROUTE_HEADER,
} from '../contract/headers.ts';
import { OPEN_INFERENCE } from '../contract/protocols.ts';
import { CALLOUT_BODY, REQUEST_BODY, readCopy } from '../host/body.ts';
import { call } from '../host/callout.ts';
import { nowMs, setTickMs } from '../host/clock.ts';
import {
  CALLOUT_HEADERS,
  HeaderList,
  HeaderName,
  headerNameOf,
  headerTable,
  REQUEST_HEADERS,
} from '../host/headers.ts';
import { CounterTable, Histogram } from '../host/metrics.ts';
import { Property } from '../host/property.ts';
import {
  Callout,
  CONTINUE,
  continueRequest,
  enterRoot,
  enterStream,
  HOLD,
  leaveStream,
  noteDecoded,
  Root,
  reply,
  replyJson,
  Stream,
} from '../host/stream.ts';
import { decodePlan, Plan } from '../rewriter/plan.ts';
import { asciiBytes, errorBody, Refusal } from '../wire/error-body.ts';
import { joinRequests } from '../wire/tensor-join.ts';
import { readInferRequest } from '../wire/tensor-request.ts';
import { InferResponse, readInferResponse } from '../wire/tensor-response.ts';
import { Batch, CALLED, GATHERED, Member, READING } from './batch.ts';
import { Budget } from './budget.ts';
import { Batcher, HELD, NOT_JOINABLE, OUT_OF_MEMORY, TOO_LARGE } from './core.ts';
import { ANSWER, CALL, Effect, RESUME, RETRY, TICK } from './effect.ts';
import { isForCall, isForMembers, isInferCall, isJson, lengthOf } from './eligibility.ts';
import { BatcherProgram, compile, RouteProgram } from './program.ts';

const ROUTE = new HeaderName(ROUTE_HEADER);
const CLUSTER = new HeaderName(CLUSTER_HEADER);
const METHOD = new HeaderName(':method');
const PATH = new HeaderName(':path');
const AUTHORITY = new HeaderName(':authority');
const STATUS = new HeaderName(':status');
const CONTENT_TYPE = new HeaderName('content-type');
const CONTENT_LENGTH = new HeaderName('content-length');
const CONTENT_ENCODING = new HeaderName('content-encoding');
const BINARY_LENGTH = new HeaderName('inference-header-content-length');
const PLAN_FACT = new Property(PLAN);

/** What this worker holds. One for all configurations: they share its memory. */
const budget = new Budget();
const requestCounts = new CounterTable('modelweir_batcher_requests_total', 'route', 'outcome');
const batchCounts = new CounterTable('modelweir_batcher_batches_total', 'route', 'outcome');
const rowHistograms = new Map<string, Histogram>();

function recordRows(route: string, rows: i32): void {
  if (!rowHistograms.has(route)) {
    rowHistograms.set(route, new Histogram('modelweir_batcher_batch_rows;route=' + route));
  }
  rowHistograms.get(route).record(rows);
}

function outcomeOf(verdict: i32): string {
  if (verdict == TOO_LARGE) return 'too_large';
  if (verdict == OUT_OF_MEMORY) return 'out_of_memory';
  return verdict == NOT_JOINABLE ? 'not_joinable' : 'passed';
}

export class BatcherRoot extends Root {
  program: BatcherProgram = new BatcherProgram();
  core: Batcher = new Batcher(this.program, budget);
  /** The stream whose body callback is running: it is released by what that returns. */
  private running: Stream | null = null;
  private runningResumed: bool = false;
  /** The call whose answer is being shared out. */
  private answering: BatchCall | null = null;

  configure(text: string): string {
    const problems = new Problems();
    const config = decodeBatcherConfig(text, problems);
    noteDecoded(text.length);
    if (config === null) return problems.text();
    this.program = compile(config);
    this.core = new Batcher(this.program, budget);
    return '';
  }

  createStream(): Stream {
    return new BatcherStream(this);
  }

  tick(): void {
    this.core.tick(nowMs());
    this.apply();
  }

  ended(): void {
    if (this.core.isTicking) setTickMs(0);
  }

  /** Carries out what the rules want, also what they want because a call could not be made. */
  apply(): void {
    const effects = this.core.effects;
    for (let i = 0; i < effects.length; i++) this.carryOut(effects[i]);
    effects.length = 0;
  }

  /** As `apply`, in the body callback of `stream`. Returns whether that stream goes on. */
  applyFor(stream: Stream): bool {
    this.running = stream;
    this.runningResumed = false;
    this.apply();
    this.running = null;
    return this.runningResumed;
  }

  private carryOut(effect: Effect): void {
    const batch = effect.batch;
    const member = effect.member;
    if (effect.kind == TICK) {
      if (!enterRoot(this)) return;
      setTickMs(effect.ms);
      leaveStream();
    } else if (effect.kind == CALL) {
      if (batch !== null) this.callFor(batch);
    } else if (member !== null) {
      const stream = (member as StreamMember).stream;
      if (effect.kind == RESUME) this.resume(stream, 'passed');
      else if (effect.kind == RETRY) this.resume(stream, 'retried_alone');
      else if (effect.kind == ANSWER && batch !== null) this.answer(stream, batch, effect.index);
      else this.timeUp(stream);
    }
  }

  private resume(stream: BatcherStream, outcome: string): void {
    requestCounts.add(stream.route, outcome);
    if (this.running === stream) this.runningResumed = true;
    else if (enterStream(stream)) {
      continueRequest();
      leaveStream();
    }
  }

  private callFor(batch: Batch): void {
    const route = batch.lane.line.route;
    const first = (batch.members[0] as StreamMember).stream;
    const requests = batch.takeRequests();
    recordRows(route.name, batch.rows);
    let called = false;
    if (enterStream(first)) {
      const headers = callHeaders(HeaderList.read(REQUEST_HEADERS), route);
      const plan = decodePlan(PLAN_FACT.get());
      leaveStream();
      if (plan !== null) headers.add(PLAN_HEADER, planOfAll(plan));
      const callout = new BatchCall(this, batch);
      const body = joinRequests(requests);
      called = call(this, batch.lane.cluster, headers, body, route.timeoutMs, callout);
    }
    if (!called) this.failed(batch, 'not_called');
  }

  /** The batch's call came back with what can be shared out. */
  answered(callout: BatchCall): void {
    batchCounts.add(callout.batch.lane.line.route.name, 'answered');
    this.answering = callout;
    this.core.answered(callout.batch);
    this.apply();
    this.answering = null;
  }

  /** The batch's call brought nothing that can be shared out. `apply` must follow. */
  failed(batch: Batch, outcome: string): void {
    const route = batch.lane.line.route.name;
    batchCounts.add(route, outcome);
    this.core.failed(batch, nowMs());
  }

  private answer(stream: BatcherStream, batch: Batch, index: i32): void {
    const callout = this.answering;
    if (callout === null || callout.batch !== batch) return;
    const response = callout.answer;
    if (response === null || !enterStream(stream)) return;
    const body = response.slice(index, stream.member.id);
    reply(200, 'modelweir_batch', callout.headers, body);
    leaveStream();
    requestCounts.add(batch.lane.line.route.name, 'joined');
  }

  private timeUp(stream: BatcherStream): void {
    if (!enterStream(stream)) return;
    const message = 'no answer within ' + stream.timeoutMs.toString() + ' ms';
    const refusal = new Refusal(504, 'timeout', message);
    const body = asciiBytes(errorBody(OPEN_INFERENCE, refusal));
    replyJson(504, 'modelweir_batch_timeout', body);
    leaveStream();
    requestCounts.add(stream.route, 'timed_out');
  }
}

/** One joined call on its way. */
class BatchCall extends Callout {
  readonly batch: Batch;
  /** What came back, and the headers of each member's part of it. */
  answer: InferResponse | null = null;
  headers: HeaderList = new HeaderList();
  private owner: BatcherRoot;

  constructor(owner: BatcherRoot, batch: Batch) {
    super();
    this.owner = owner;
    this.batch = batch;
  }

  response(bodySize: i32): void {
    if (STATUS.get(CALLOUT_HEADERS) != '200') {
      this.unusable('status');
      return;
    }
    const bytes = readCopy(CALLOUT_BODY, 0, bodySize);
    this.answer = readInferResponse(bytes, this.batch.memberRows());
    if (this.answer === null) {
      this.unusable('unreadable');
      return;
    }
    this.headers = answerHeaders(HeaderList.read(CALLOUT_HEADERS), this.batch);
    this.owner.answered(this);
  }

  failure(): void {
    this.unusable('no_answer');
  }

  private unusable(outcome: string): void {
    this.owner.failed(this.batch, outcome);
    this.owner.apply();
  }
}

/** What the members of a batch have in common of their plans: the path. Nothing in a body is edited by it. */
function planOfAll(plan: Plan): string {
  plan.contentLength = '';
  plan.comparison = '';
  return plan.encode();
}

function callHeaders(all: HeaderList, route: RouteProgram): HeaderList {
  const headers = new HeaderList();
  for (let i = 0; i + 1 < all.items.length; i += 2) {
    if (isForCall(all.items[i], route)) headers.add(all.items[i], all.items[i + 1]);
  }
  return headers;
}

function answerHeaders(all: HeaderList, batch: Batch): HeaderList {
  const headers = new HeaderList();
  for (let i = 0; i + 1 < all.items.length; i += 2) {
    if (isForMembers(all.items[i])) headers.add(all.items[i], all.items[i + 1]);
  }
  if (!batch.lane.line.route.sizeHeaders) return headers;
  headers.add(BATCH_SIZE_HEADER, batch.members.length.toString());
  return headers.add(BATCH_ROWS_HEADER, batch.rows.toString());
}

/** A member that the adapter can find its stream by. */
class StreamMember extends Member {
  readonly stream: BatcherStream;

  constructor(stream: BatcherStream) {
    super();
    this.stream = stream;
  }
}

export class BatcherStream extends Stream {
  readonly root: BatcherRoot;
  readonly member: StreamMember = new StreamMember(this);
  /** Name and limit of the route, for what is said when all is over. */
  route: string = '';
  timeoutMs: i32 = 0;

  constructor(root: BatcherRoot) {
    super();
    this.root = root;
  }

  requestHeaders(endOfStream: bool): i32 {
    const routes = this.root.program.routes;
    if (endOfStream || routes.size == 0) return CONTINUE;
    const headers = headerTable;
    headers.read(REQUEST_HEADERS);
    const name = headers.get(ROUTE);
    if (name.length == 0 || !routes.has(name)) return CONTINUE;
    const route = routes.get(name);
    const path = headers.get(PATH);
    if (!isInferCall(headers.get(METHOD), path)) return CONTINUE;
    this.route = name;
    this.timeoutMs = route.timeoutMs;
    return this.isJoinable() ? this.arrive(route, path) : this.goOn('not_json');
  }

  requestBody(size: i32, endOfStream: bool): i32 {
    const member = this.member;
    if (member.state != READING) return CONTINUE;
    const core = this.root.core;
    const verdict = core.read(member, size);
    if (verdict != HELD) return this.letGo(verdict);
    if (!endOfStream) return HOLD;
    const request = readInferRequest(readCopy(REQUEST_BODY, 0, size));
    const whole = core.whole(member, request, nowMs());
    if (whole != HELD) return this.letGo(whole);
    return this.root.applyFor(this) ? CONTINUE : HOLD;
  }

  /** Trailers would be lost in a joined call. */
  requestTrailers(): i32 {
    if (this.member.state != READING) return CONTINUE;
    this.root.core.giveUp(this.member);
    return this.letGo(NOT_JOINABLE);
  }

  ended(): void {
    const state = this.member.state;
    if (state == GATHERED || state == CALLED) requestCounts.add(this.route, 'gone');
    this.root.core.ended(this.member);
    this.root.apply();
  }

  /** Reads the header table that `requestHeaders` filled. */
  private isJoinable(): bool {
    return (
      isJson(headerTable.get(CONTENT_TYPE)) &&
      headerTable.get(BINARY_LENGTH).length == 0 &&
      headerTable.get(CONTENT_ENCODING).length == 0
    );
  }

  private arrive(route: RouteProgram, path: string): i32 {
    const cluster = headerTable.get(CLUSTER);
    if (cluster.length == 0) return this.goOn('no_cluster');
    const names = route.identityHeaders;
    const parts = [route.name, cluster, headerTable.get(AUTHORITY), path];
    for (let i = 0; i < names.length; i++) {
      parts.push(headerTable.get(headerNameOf(names[i])));
    }
    // No header's value has a line break.
    const key = parts.join('\n');
    const length = lengthOf(headerTable.get(CONTENT_LENGTH));
    const verdict = this.root.core.arrive(this.member, route, key, cluster, length, nowMs());
    if (verdict != HELD) return this.goOn(outcomeOf(verdict));
    this.root.apply();
    return HOLD;
  }

  private goOn(outcome: string): i32 {
    requestCounts.add(this.route, outcome);
    return CONTINUE;
  }

  /** The running callback lets its request go; others may move up. */
  private letGo(verdict: i32): i32 {
    this.root.apply();
    return this.goOn(outcomeOf(verdict));
  }
}
