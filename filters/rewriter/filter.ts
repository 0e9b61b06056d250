/**
 * Carries out in Envoy what one attempt needs: writes the names of its backend into the request before
 * anything of it has left, notes what became of the attempt, and hands its answer on.
 */
import { ENDPOINT_METADATA, ENDPOINT_TARGET, PLAN, PLAN_HEADER } from '../contract/headers.ts';
import { OPEN_INFERENCE_GRPC } from '../contract/protocols.ts';
import { chunk, REQUEST_BODY, readChunk } from '../host/body.ts';
import {
  HeaderBlock,
  HeaderName,
  headerNameOf,
  REQUEST_HEADERS,
  RESPONSE_HEADERS,
} from '../host/headers.ts';
import { Property } from '../host/property.ts';
import { CONTINUE, HOLD, replyGrpc, replyJson, Stream } from '../host/stream.ts';
import { asciiBytes, errorBody, grpcStatusOf, Refusal } from '../wire/error-body.ts';
import { AnswerStream } from './answer-stream.ts';
import { countAttempt, MISMATCHED, SENT } from './counts.ts';
import { editHeldBody } from './edited-body.ts';
import { noteAnswer, noteAttempt, noteChosen, noteFallback } from './facts.ts';
import { decodePlan, Plan } from './plan.ts';
import { RewriterProgram, TargetProgram } from './program.ts';
import { changeOf, isPlausible, RequestChange } from './request-change.ts';
import { RewriterRoot } from './root.ts';

const PATH = new HeaderName(':path');
const ORIGINAL_PATH = new HeaderName('x-envoy-original-path');
const CONTENT_LENGTH = new HeaderName('content-length');
const PLAN_FACT = new Property(PLAN);
const ENDPOINT = new Property(
  'xds\0upstream_host_metadata\0filter_metadata\0' + ENDPOINT_METADATA + '\0' + ENDPOINT_TARGET,
);

const DETAILS: string = 'modelweir_rewriter_mismatch';
const OTHER_PLAN: string = 'what the router says of the request is in another form than expected';
const NO_BODY: string = 'the router found the model in a body, and there is none';
const CUT_OFF: string = 'the body ends before the model that the router found';
const NOT_THERE: string = 'the body does not name the model where the router found it';

export class RewriterStream extends Stream {
  private root: RewriterRoot;
  /** As it was when the attempt began. */
  private program: RewriterProgram;
  /** Null: nothing is done with this request. */
  private plan: Plan | null = null;
  private target: TargetProgram | null = null;
  /** Whether the endpoint says to which target it belongs. */
  private known: bool = false;
  /** What has still to be done to the body; the headers are held as long. */
  private change: RequestChange | null = null;
  /** The answer is our own. */
  private refused: bool = false;
  private answer: AnswerStream | null = null;

  constructor(root: RewriterRoot) {
    super();
    this.root = root;
    this.program = root.program;
  }

  requestHeaders(endOfStream: bool): i32 {
    const program = this.program;
    if (program.idle) return CONTINUE;
    const headers = new HeaderBlock(REQUEST_HEADERS);
    const told = PLAN_FACT.get();
    const text = told.length > 0 ? told : headers.get(PLAN_HEADER);
    if (text.length == 0) return CONTINUE;
    const target = this.findTarget();
    this.target = target;
    if (program.notesAttempts) noteAttempt(target.variant);
    const plan = decodePlan(text);
    if (plan === null) return this.refuse(OTHER_PLAN);
    this.plan = plan;
    if (program.readsAnswers) {
      this.answer = new AnswerStream(this.root, program, target, plan);
    }
    const change = changeOf(plan, target.served, headers);
    if (change.problem.length > 0) return this.refuse(change.problem);
    if (change.edit !== null && endOfStream) return this.refuse(NO_BODY);
    write(change, plan);
    if (change.edit === null) return this.sent();
    this.change = change;
    return HOLD;
  }

  /** Until the names have come everything is held, so `size` is that of the body so far. */
  requestBody(size: i32, endOfStream: bool): i32 {
    const change = this.change;
    const plan = this.plan;
    if (this.refused) return HOLD;
    if (change === null || plan === null) return CONTINUE;
    const edit = change.edit;
    if (edit === null) return CONTINUE;
    if (size < edit.end()) return endOfStream ? this.refuse(CUT_OFF) : HOLD;
    const read = readChunk(REQUEST_BODY, 0, size);
    if (read != size || !isPlausible(plan, chunk(), size)) return this.refuse(NOT_THERE);
    if (!editHeldBody(edit, size, size)) return this.refuse('the body could not be edited');
    this.change = null;
    return this.sent();
  }

  /** The body is over; what was to be edited has not come. */
  requestTrailers(): i32 {
    if (this.refused) return HOLD;
    return this.change === null ? CONTINUE : this.refuse(CUT_OFF);
  }

  responseHeaders(endOfStream: bool): i32 {
    const program = this.program;
    const target = this.target;
    if (target === null || !program.hearsAnswers) return CONTINUE;
    const headers = new HeaderBlock(RESPONSE_HEADERS);
    if (program.notesAttempts) noteAnswer(headers);
    const plan = this.plan;
    if (plan === null || this.refused) return CONTINUE;
    if (program.fallsBack) {
      if (target.variant == plan.variant) noteChosen(target.variant);
      else noteFallback(target.variant);
    }
    const answer = this.answer;
    return answer === null ? CONTINUE : answer.headers(headers, endOfStream);
  }

  responseBody(size: i32, endOfStream: bool): i32 {
    const answer = this.answer;
    return answer === null ? CONTINUE : answer.body(size, endOfStream);
  }

  responseTrailers(): i32 {
    const answer = this.answer;
    return answer === null ? CONTINUE : answer.trailers();
  }

  ended(): void {
    this.leaveAnswer();
    this.change = null;
    this.plan = null;
    this.target = null;
  }

  /** The backend that this attempt goes to, as the endpoint says where there are several. */
  private findTarget(): TargetProgram {
    const targets = this.program.targets;
    const only = targets.length == 1;
    const target = only ? targets[0] : this.program.find(ENDPOINT.get());
    this.known = target !== null;
    return target === null ? targets[0] : target;
  }

  private leaveAnswer(): void {
    const answer = this.answer;
    if (answer !== null) answer.ended();
    this.answer = null;
  }

  private sent(): i32 {
    const target = this.target;
    if (target !== null) countAttempt(target, this.known ? SENT : MISMATCHED);
    return CONTINUE;
  }

  /** The mesh is at fault, and no byte has left: rather no answer than a wrong model's. */
  private refuse(reason: string): i32 {
    this.refused = true;
    this.leaveAnswer();
    this.change = null;
    const target = this.target;
    if (target !== null) countAttempt(target, MISMATCHED);
    const plan = this.plan;
    const protocol = plan === null ? '' : plan.protocol;
    const refusal = new Refusal(500, 'rewrite_mismatch', 'model not rewritten: ' + reason);
    if (protocol == OPEN_INFERENCE_GRPC) {
      replyGrpc(refusal.status, DETAILS, grpcStatusOf(refusal), refusal.message);
    } else {
      replyJson(refusal.status, DETAILS, asciiBytes(errorBody(protocol, refusal)));
    }
    return HOLD;
  }
}

function write(change: RequestChange, plan: Plan): void {
  if (change.path.length > 0) {
    if (change.path != plan.path) ORIGINAL_PATH.set(REQUEST_HEADERS, plan.path);
    PATH.set(REQUEST_HEADERS, change.path);
  }
  if (change.model.length > 0) headerNameOf(plan.modelHeader).set(REQUEST_HEADERS, change.model);
  if (change.contentLength.length > 0) CONTENT_LENGTH.set(REQUEST_HEADERS, change.contentLength);
  if (change.dropsLength) CONTENT_LENGTH.remove(REQUEST_HEADERS);
}
