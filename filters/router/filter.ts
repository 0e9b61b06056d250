/** Carries the router's decisions out: reads headers and body windows, sets headers, answers. */

import { Problems } from '../contract/fields.ts';
import {
  MODEL_HEADER,
  MODEL_SPAN_HEADER,
  ROUTE_CLASS_HEADER,
  ROUTE_HEADER,
} from '../contract/headers.ts';
import { decodeRouterConfig } from '../contract/router-config.ts';
import { chunk, REQUEST_BODY, readChunk } from '../host/body.ts';
import { HeaderName, REQUEST_HEADERS } from '../host/headers.ts';
import { CounterTable } from '../host/metrics.ts';
import { CONTINUE, HOLD, Root, replyJson, Stream } from '../host/stream.ts';
import { WordStringRun } from '../host/string-run.ts';
import { asciiBytes, errorBody } from '../wire/error-body.ts';
import { isOpenAiPath, PASS, REFUSE, ROUTE, RouterRequest, WAIT } from './core.ts';
import { canonicalHost, compileRouter, RouterProgram } from './program.ts';

/** Bytes read at a time: a window stays in the processor's cache, and the shared chunk small. */
const WINDOW_BYTES: i32 = 65536;
/** Route of what has none: it passed, or no route owns its model. */
const NO_ROUTE: string = '';

const PATH = new HeaderName(':path');
const METHOD = new HeaderName(':method');
const AUTHORITY = new HeaderName(':authority');
const CONTENT_ENCODING = new HeaderName('content-encoding');
const ROUTE_NAME = new HeaderName(ROUTE_HEADER);
const ROUTE_CLASS = new HeaderName(ROUTE_CLASS_HEADER);
const MODEL = new HeaderName(MODEL_HEADER);
const MODEL_SPAN = new HeaderName(MODEL_SPAN_HEADER);

/** By outcome: `passed`, `routed`, or the code of a refusal. */
const requests = new CounterTable('modelweir_router_requests_total', 'route', 'outcome');
const STRING_RUN = new WordStringRun();

/** What the body callbacks have to do. */
const IDLE: i32 = 0;
const SEARCHING: i32 = 1;
const WATCHING: i32 = 2;

export class RouterRoot extends Root {
  program: RouterProgram | null = null;

  configure(text: string): string {
    const problems = new Problems();
    const config = decodeRouterConfig(text, problems);
    if (config !== null) {
      const program = compileRouter(config, problems);
      if (program !== null) this.program = program;
    }
    return problems.text();
  }

  createStream(): Stream {
    return new RouterStream(this);
  }
}

class RouterStream extends Stream {
  private root: RouterRoot;
  private request: RouterRequest | null = null;
  private task: i32 = IDLE;
  /** Bytes of the held body that were read. */
  private scanned: i32 = 0;

  constructor(root: RouterRoot) {
    super();
    this.root = root;
  }

  requestHeaders(endOfStream: bool): i32 {
    const program = this.root.program;
    if (program === null || program.disabled) return CONTINUE;
    const path = PATH.get(REQUEST_HEADERS);
    if (path.startsWith('/v2/models/')) {
      const request = new RouterRequest(program, STRING_RUN);
      return this.decided(request, request.openInference(path, this.host(program)));
    }
    // What has a body is taken for a POST: anything else is for the backend to refuse, if routed.
    if (isOpenAiPath(path) && (!endOfStream || METHOD.get(REQUEST_HEADERS) == 'POST')) {
      const request = new RouterRequest(program, STRING_RUN);
      return this.decided(request, request.openAi(this.host(program), !endOfStream));
    }
    requests.add(NO_ROUTE, 'passed');
    return CONTINUE;
  }

  /** While the headers are held, `size` is that of all that came; afterwards that of what just came. */
  requestBody(size: i32, endOfStream: bool): i32 {
    const request = this.request;
    if (this.task == IDLE || request === null) return CONTINUE;
    let at = this.task == SEARCHING ? this.scanned : 0;
    while (at < size) {
      const read = readChunk(REQUEST_BODY, at, min(size - at, WINDOW_BYTES));
      if (read == 0) break;
      at += read;
      const action = request.body(chunk(), read);
      if (action == WAIT) continue;
      this.decided(request, action);
      if (this.task != WATCHING) return action == REFUSE ? HOLD : CONTINUE;
    }
    this.scanned = at;
    if (endOfStream) return this.requestTrailers();
    return this.task == SEARCHING ? HOLD : CONTINUE;
  }

  /** The body is over, with trailers or without. */
  requestTrailers(): i32 {
    const request = this.request;
    if (this.task == IDLE || request === null) return CONTINUE;
    return this.decided(request, request.end());
  }

  private host(program: RouterProgram): string {
    return program.needsHost ? canonicalHost(AUTHORITY.get(REQUEST_HEADERS)) : '';
  }

  private decided(request: RouterRequest, action: i32): i32 {
    if (action == WAIT) {
      this.request = request;
      this.task = SEARCHING;
      return HOLD;
    }
    if (action == REFUSE) {
      this.refuse(request);
      return HOLD;
    }
    this.task = action == ROUTE && request.watching ? WATCHING : IDLE;
    if (action == ROUTE) this.route(request);
    else if (action == PASS && request.entry === null) requests.add(NO_ROUTE, 'passed');
    return CONTINUE;
  }

  /**
   * Envoy forgets the route that it had chosen when a module of our ABI version sets a header. The
   * splitter, which sets the last of them, says so aloud too: once more here would only cost a crossing.
   */
  private route(request: RouterRequest): void {
    const entry = request.entry!;
    ROUTE_NAME.set(REQUEST_HEADERS, entry.route.name);
    ROUTE_CLASS.set(REQUEST_HEADERS, entry.route.routeClass);
    MODEL.set(REQUEST_HEADERS, entry.modelHeader);
    if (request.spanLength > 0) {
      const span = request.spanOffset.toString() + '+' + request.spanLength.toString();
      MODEL_SPAN.set(REQUEST_HEADERS, span);
    }
    requests.add(entry.route.name, 'routed');
  }

  /** After the request was let go this is still an answer, unless one has begun: then it resets. */
  private refuse(request: RouterRequest): void {
    this.task = IDLE;
    const refusal = request.refusal!;
    const encoding = CONTENT_ENCODING.get(REQUEST_HEADERS);
    if (refusal.code == 'invalid_json' && encoding.length > 0 && encoding != 'identity') {
      refusal.status = 415;
      refusal.code = 'unsupported_encoding';
      refusal.message =
        'the body must not be encoded, so that its model can be read; send it without content-encoding';
    }
    const entry = request.entry;
    requests.add(entry === null ? NO_ROUTE : entry.route.name, refusal.code);
    const body = asciiBytes(errorBody(request.protocol, refusal));
    replyJson(refusal.status, 'modelweir_router_' + refusal.code, body);
  }
}
