/** Carries a journey out in Envoy: reads headers and bodies, sets headers, edits, counts, answers. */
import {
  CLUSTER_HEADER,
  PLAN,
  PLAN_HEADER,
  ROUTE_CLASS_HEADER,
  ROUTE_HEADER,
  SHADOW_CLUSTER_HEADER,
  SHOWN_VARIANT,
} from '../contract/headers.ts';
import { OPEN_INFERENCE_GRPC } from '../contract/protocols.ts';
import { chunk, REQUEST_BODY, readChunk } from '../host/body.ts';
import { random } from '../host/clock.ts';
import { HeaderBlock, HeaderName, headerNameOf, REQUEST_HEADERS } from '../host/headers.ts';
import { Property } from '../host/property.ts';
import { CONTINUE, clearRouteCache, HOLD, replyGrpc, replyJson, Stream } from '../host/stream.ts';
import { VectorStringRun } from '../host/string-run.ts';
import { editHeldBody } from '../rewriter/edited-body.ts';
import { RouterProgram } from '../router/program.ts';
import { tooManyHeld } from '../router/refusals.ts';
import { asciiBytes, errorBody, grpcStatusOf, Refusal } from '../wire/error-body.ts';
import { Circumstances } from './circumstances.ts';
import { choices, Holding, NO_ROUTE, requests, shadows } from './counts.ts';
import { noteChoice, noteRefusal } from './facts.ts';
import { ANSWER, ASK, Journey, PASS, REFUSE, SEND, WAIT } from './journey.ts';
import { askMetadata } from './metadata.ts';
import { ChainRoot, recent, splitters } from './root.ts';

/** Bytes read at a time: a window stays in the processor's cache, and the shared chunk small. */
const WINDOW_BYTES: i32 = 65536;
/** The first of them where that may be all that is ever read. */
const FIRST_WINDOW_BYTES: i32 = 2048;

const PATH = new HeaderName(':path');
const ORIGINAL_PATH = new HeaderName('x-envoy-original-path');
const CONTENT_LENGTH = new HeaderName('content-length');
const ROUTE_NAME = new HeaderName(ROUTE_HEADER);
const ROUTE_CLASS = new HeaderName(ROUTE_CLASS_HEADER);
const CLUSTER = new HeaderName(CLUSTER_HEADER);
const SHADOW_CLUSTER = new HeaderName(SHADOW_CLUSTER_HEADER);
const PLAN_NAME = new HeaderName(PLAN_HEADER);
const PLAN_FACT = new Property(PLAN);
const CLIENT = new Property('source\0address');
const SHOWN_FACT = new Property(SHOWN_VARIANT);

const STRING_RUN = new VectorStringRun();

class ProxyCircumstances extends Circumstances {
  below(bound: i32): i32 {
    return random(bound);
  }

  client(): string {
    return CLIENT.get();
  }
}
const CIRCUMSTANCES = new ProxyCircumstances();

/** What the body callbacks have to do. */
const IDLE: i32 = 0;
const SEARCHING: i32 = 1;
const WATCHING: i32 = 2;
/** Held until an answer of ours has come: nothing of it may go on. */
const ANSWERING: i32 = 3;

export class ChainStream extends Stream {
  private root: ChainRoot;
  private journey: Journey | null = null;
  private headers: HeaderBlock | null = null;
  private task: i32 = IDLE;
  /** Bytes of the held body that were read. */
  private scanned: i32 = 0;
  /** Bytes of the body, from its first on, that stand in the shared chunk during this callback. */
  private inChunk: i32 = 0;
  /** Null while nothing had to wait for a later callback. */
  private holding: Holding | null = null;

  constructor(root: ChainRoot) {
    super();
    this.root = root;
  }

  requestHeaders(endOfStream: bool): i32 {
    const program = this.root.router;
    if (program === null || program.disabled) return CONTINUE;
    if (program.passUnready && splitters.completeShards == 0) {
      requests.add(NO_ROUTE, 'passed');
      return CONTINUE;
    }
    const headers = new HeaderBlock(REQUEST_HEADERS);
    const journey = new Journey(program, splitters.set, recent, headers, STRING_RUN, CIRCUMSTANCES);
    this.headers = headers;
    this.journey = journey;
    const action = journey.begin(!endOfStream);
    if (action == PASS) {
      requests.add(NO_ROUTE, 'passed');
      return CONTINUE;
    }
    if (action != WAIT) return this.carryOut(action, journey, program, 0);
    this.task = SEARCHING;
    return HOLD;
  }

  /** While the headers are held, `size` is that of all that came; afterwards that of what just came. */
  requestBody(size: i32, endOfStream: bool): i32 {
    const journey = this.journey;
    const program = this.root.router;
    if (this.task == IDLE || journey === null || program === null) return CONTINUE;
    if (this.task == ANSWERING) return HOLD;
    const searching = this.task == SEARCHING;
    let at = searching ? this.scanned : 0;
    let decided = WAIT;
    this.inChunk = 0;
    while (at < size) {
      const first = searching && at == 0 && program.hasFast;
      const window = first ? FIRST_WINDOW_BYTES : WINDOW_BYTES;
      const read = readChunk(REQUEST_BODY, at, min(size - at, window));
      if (read == 0) break;
      this.inChunk = at == 0 ? read : 0;
      at += read;
      const action = journey.body(chunk(), read);
      if (action == REFUSE) return this.carryOut(action, journey, program, size);
      if (action != WAIT) decided = action;
      if (journey.variant !== null && !journey.request.watching) break;
    }
    this.scanned = at;
    if (endOfStream && (journey.variant === null || journey.request.watching)) {
      const last = journey.end();
      if (last == REFUSE || (last != PASS && decided == WAIT)) decided = last;
    }
    if (decided != WAIT) return this.carryOut(decided, journey, program, size);
    if (!searching) return CONTINUE;
    return this.hold(size, journey, program);
  }

  /** The body is over, and trailers follow it. */
  requestTrailers(): i32 {
    const journey = this.journey;
    const program = this.root.router;
    if (this.task == IDLE || journey === null || program === null) return CONTINUE;
    if (this.task == ANSWERING) return HOLD;
    this.inChunk = 0;
    const action = journey.end();
    return action == PASS ? CONTINUE : this.carryOut(action, journey, program, this.scanned);
  }

  ended(): void {
    const holding = this.holding;
    if (holding !== null) holding.release();
    this.holding = null;
    this.journey = null;
  }

  /** `size`: bytes of the body that are held. */
  private carryOut(action: i32, journey: Journey, program: RouterProgram, size: i32): i32 {
    const holding = this.holding;
    if (holding !== null) holding.decided();
    this.holding = null;
    this.task = IDLE;
    if (action == SEND) return this.send(journey, program, size);
    if (action == ANSWER) {
      requests.add(this.routeName(journey), 'answered');
      replyJson(200, 'modelweir_router_answer', asciiBytes(journey.request.answer));
    } else if (action == ASK) {
      requests.add(this.routeName(journey), 'answered');
      const headers = this.headers;
      if (headers === null) return HOLD;
      this.task = ANSWERING;
      askMetadata(this.root, this, journey, headers.list(), program.metadataTimeoutMs);
    } else if (action == REFUSE) this.refuse(journey);
    return HOLD;
  }

  private hold(size: i32, journey: Journey, program: RouterProgram): i32 {
    let holding = this.holding;
    if (holding === null) {
      holding = new Holding();
      this.holding = holding;
    }
    if (holding.grow(size, program.maxHeldBytes)) return HOLD;
    journey.request.refuse(tooManyHeld(program.maxHeldBytes));
    return this.carryOut(REFUSE, journey, program, size);
  }

  private send(journey: Journey, program: RouterProgram, size: i32): i32 {
    const route = journey.request.route;
    const variant = journey.variant;
    if (route === null || variant === null) return CONTINUE;
    if (!this.edit(journey, size)) {
      journey.request.refuse(new Refusal(500, 'edit_failed', 'the body could not be edited'));
      this.refuse(journey);
      return HOLD;
    }
    if (journey.plan !== null) this.plan(journey);
    // Who is joined with others has no request of its own that could be copied.
    if (route.batched && journey.shadow === null) {
      ROUTE_NAME.setBytes(REQUEST_HEADERS, journey.split!.nameBytes());
    }
    if (route.routeClass.length > 0) ROUTE_CLASS.set(REQUEST_HEADERS, route.routeClass);
    CLUSTER.setBytes(REQUEST_HEADERS, variant.clusterBytes());
    clearRouteCache();
    choices.add(route.name, variant.name);
    noteChoice(journey, program, route, variant);
    if (journey.split!.variantHeader) SHOWN_FACT.setBytes(variant.nameBytes());
    if (journey.request.watching) this.task = WATCHING;
    else this.journey = null;
    return CONTINUE;
  }

  /** Writes the backend's name of the model, before anything of the request has left. */
  private edit(journey: Journey, size: i32): bool {
    if (journey.path.length > 0) {
      ORIGINAL_PATH.set(REQUEST_HEADERS, journey.request.question.headers.get(':path'));
      PATH.set(REQUEST_HEADERS, journey.path);
    }
    if (journey.modelHeader.length > 0) {
      const program = this.root.router;
      if (program !== null) {
        headerNameOf(program.modelHeader).set(REQUEST_HEADERS, journey.modelHeader);
      }
    }
    const edit = journey.edit;
    if (edit === null) return true;
    const before = journey.request.question.headers.get('content-length');
    const length = before.length > 0 ? edit.contentLength(before) : '';
    if (before.length > 0 && length.length == 0) return false;
    if (!editHeldBody(edit, size, this.inChunk)) return false;
    if (length.length > 0) CONTENT_LENGTH.set(REQUEST_HEADERS, length);
    return true;
  }

  /** Tells the rewriters of the cluster what to change. A copy sees headers only, the request itself both. */
  private plan(journey: Journey): void {
    const text = journey.plan!.encode();
    PLAN_FACT.set(text);
    const shadow = journey.shadow;
    if (shadow === null) return;
    PLAN_NAME.set(REQUEST_HEADERS, text);
    SHADOW_CLUSTER.setBytes(REQUEST_HEADERS, shadow.clusterBytes());
    shadows.add(this.routeName(journey), shadow.variant);
  }

  private routeName(journey: Journey): string {
    const route = journey.request.route;
    return route === null ? NO_ROUTE : route.name;
  }

  /** After the request was let go this is still an answer, unless one has begun: then it resets. */
  private refuse(journey: Journey): void {
    const request = journey.request;
    const refusal = request.refusal;
    if (refusal === null) return;
    requests.add(this.routeName(journey), refusal.code);
    noteRefusal(request, this.root.router);
    const details = 'modelweir_router_' + refusal.code;
    if (request.call.protocol == OPEN_INFERENCE_GRPC) {
      replyGrpc(refusal.status, details, grpcStatusOf(refusal), refusal.message);
      return;
    }
    replyJson(refusal.status, details, asciiBytes(errorBody(request.call.protocol, refusal)));
  }
}
