/**
 * One request at the batcher: what it is and whether it can be joined, told from its headers and body. Who
 * waits for whom, and for how long, is `core.ts`.
 */
import { CLUSTER_HEADER, PLAN, ROUTE_HEADER } from '../contract/headers.ts';
import { KSERVE_V1, OPEN_INFERENCE, OPEN_INFERENCE_GRPC, OPENAI } from '../contract/protocols.ts';
import { REQUEST_BODY, RESPONSE_BODY, readCopy, replaceAll } from '../host/body.ts';
import { nowMs } from '../host/clock.ts';
import { HeaderBlock, HeaderName, REQUEST_HEADERS, RESPONSE_TRAILERS } from '../host/headers.ts';
import { Property } from '../host/property.ts';
import { CONTINUE, enterStream, HOLD, leaveStream, Stream } from '../host/stream.ts';
import {
  BATCH_EMBEDDINGS,
  BATCH_GRPC,
  BATCH_KSERVE_V1,
  BATCH_OPEN_INFERENCE,
  BatchRequest,
} from '../wire/batch/batch-request.ts';
import { GrpcRequestReader } from '../wire/batch/grpc-request.ts';
import { readBatchRequest } from '../wire/batch/read-request.ts';
import { CALLED, GATHERED, Member, READING } from './batch.ts';
import { HELD, NOT_JOINABLE, TOO_LATE } from './core.ts';
import { outcomeOf, requestCounts } from './counts.ts';
import {
  BINARY_LENGTH_HEADER,
  isGrpc,
  isJson,
  kindOf,
  lengthOf,
  NO_KIND,
  waitOf,
} from './eligibility.ts';
import { RouteProgram } from './program.ts';
import { BatcherRoot } from './root.ts';

/** Said by headers, and what is not said. */
const UNKNOWN: i32 = -1;
const PEER_URI = new Property('connection\0uri_san_peer_certificate');
/** Of a certificate that has no URI. */
const PEER_DIGEST = new Property('connection\0sha256_peer_certificate_digest');
const PLAN_FACT = new Property(PLAN);
/** Envoy's router takes it for the request's timeout, and away. */
const TIMEOUT = new HeaderName('x-envoy-upstream-rq-timeout-ms');
const GRPC_STATUS = new HeaderName('grpc-status');

/** A member that the adapter can find its stream by. */
export class StreamMember extends Member {
  readonly stream: BatcherStream;

  constructor(stream: BatcherStream) {
    super();
    this.stream = stream;
  }
}

export class BatcherStream extends Stream {
  readonly root: BatcherRoot;
  readonly member: StreamMember = new StreamMember(this);
  /** Name of the route, for what is counted when all is over. */
  route: string = '';
  /** The message of gRPC that its client gets, until that is on its way. */
  grpcAnswer: Uint8Array | null = null;
  /** One of BATCH_*. */
  private kind: i32 = NO_KIND;
  /** Why its body was not read, as it is counted. */
  private unreadReason: string = outcomeOf(NOT_JOINABLE);
  /** What the request says of its JSON's length; -1: all of it is JSON. */
  private jsonBytes: i32 = UNKNOWN;
  /** Of the whole body, once it is there. */
  private size: i32 = 0;

  constructor(root: BatcherRoot) {
    super();
    this.root = root;
  }

  requestHeaders(endOfStream: bool): i32 {
    const routes = this.root.program.routes;
    if (endOfStream || routes.size == 0) return CONTINUE;
    const headers = new HeaderBlock(REQUEST_HEADERS);
    const name = headers.get(ROUTE_HEADER);
    if (name.length == 0 || !routes.has(name)) return CONTINUE;
    this.kind = kindOf(headers.get(':method'), headers.get(':path'));
    if (this.kind == NO_KIND) return CONTINUE;
    const route = routes.get(name);
    if (this.kind == BATCH_GRPC && !route.grpc) return CONTINUE;
    this.route = name;
    const reason = this.notJoinable(headers);
    return reason.length > 0 ? this.goOn(reason) : this.arrive(route, headers);
  }

  requestBody(size: i32, endOfStream: bool): i32 {
    const member = this.member;
    if (member.state != READING) return CONTINUE;
    const core = this.root.core;
    const verdict = core.read(member, size, nowMs());
    if (verdict != HELD) return this.letGo(verdict);
    if (!endOfStream) return HOLD;
    this.size = size;
    const whole = core.whole(member, this.readBody(), nowMs());
    if (whole != HELD) return this.letGo(whole);
    return this.root.applyFor(this) ? CONTINUE : HOLD;
  }

  /** Trailers would be lost in a joined call. */
  requestTrailers(): i32 {
    if (this.member.state != READING) return CONTINUE;
    this.root.core.giveUp(this.member, nowMs());
    return this.letGo(NOT_JOINABLE);
  }

  /** The answer that was made of nothing, to be filled. */
  responseBody(size: i32, endOfStream: bool): i32 {
    const message = this.grpcAnswer;
    if (message === null || !endOfStream) return CONTINUE;
    this.grpcAnswer = null;
    replaceAll(RESPONSE_BODY, size, message);
    GRPC_STATUS.set(RESPONSE_TRAILERS, '0');
    return CONTINUE;
  }

  ended(): void {
    const state = this.member.state;
    if (state == GATHERED || state == CALLED) requestCounts.add(this.route, 'gone');
    this.root.core.ended(this.member, nowMs());
    this.root.apply();
  }

  /** For errors in the shape that its client knows. */
  protocol(): string {
    if (this.kind == BATCH_EMBEDDINGS) return OPENAI;
    if (this.kind == BATCH_GRPC) return OPEN_INFERENCE_GRPC;
    return this.kind == BATCH_KSERVE_V1 ? KSERVE_V1 : OPEN_INFERENCE;
  }

  get isGrpc(): boolean {
    return this.kind == BATCH_GRPC;
  }

  /**
   * Of the current stream, which goes its own way: it has as long as its caller waits, if that says so. A gRPC
   * request takes its own timeout along.
   */
  limitTime(now: f64): void {
    const member = this.member;
    if (!member.isHurried || this.isGrpc) return;
    const ms = Math.max(1, Math.round(member.deadlineMs - now));
    TIMEOUT.set(REQUEST_HEADERS, i32(ms).toString());
  }

  /** The request, from what Envoy holds of it, for a second call; null where that is not possible. */
  readAgain(): BatchRequest | null {
    if (!enterStream(this)) return null;
    const request = this.readBody();
    leaveStream();
    return request;
  }

  private readBody(): BatchRequest | null {
    const bytes = readCopy(REQUEST_BODY, 0, this.size);
    if (bytes.length != this.size) return null;
    if (!this.isGrpc) return readBatchRequest(this.kind, bytes, this.jsonBytes);
    const reader = new GrpcRequestReader(bytes);
    const request = reader.read();
    if (request === null) this.unreadReason = reader.reason;
    return request;
  }

  /** Why not, as it is counted; empty: it may be. */
  private notJoinable(headers: HeaderBlock): string {
    const type = headers.get('content-type');
    const said = headers.get(BINARY_LENGTH_HEADER);
    if (this.isGrpc) {
      if (!isGrpc(type)) return 'not_grpc';
    } else if (said.length > 0) {
      this.jsonBytes = lengthOf(said);
      if (this.kind != BATCH_OPEN_INFERENCE || this.jsonBytes <= 0) return 'not_json';
    } else if (!isJson(type)) return 'not_json';
    if (headers.get('content-encoding').length > 0) return this.isGrpc ? 'compressed' : 'not_json';
    // The plan says where the model stands in one body, and not in the joined one.
    const isInBody = this.kind == BATCH_EMBEDDINGS || this.isGrpc;
    return isInBody && PLAN_FACT.get().length > 0 ? 'planned' : '';
  }

  private arrive(route: RouteProgram, headers: HeaderBlock): i32 {
    const cluster = headers.get(CLUSTER_HEADER);
    if (cluster.length == 0) return this.goOn('no_cluster');
    const deadline = route.deadlineHeader.length > 0 ? headers.get(route.deadlineHeader) : '';
    const waitsMs = waitOf(headers.get('grpc-timeout'), deadline, route.timeoutMs);
    const length = lengthOf(headers.get('content-length'));
    const peer = route.peerIdentity ? peerOfStream() : '';
    if (route.peerIdentity && peer.length == 0) return this.goOn('no_peer');
    const key = this.keyOf(route, headers, cluster, peer);
    const core = this.root.core;
    const now = nowMs();
    this.member.isHurried = waitsMs < f64(route.timeoutMs);
    const verdict = core.arrive(this.member, route, key, cluster, length, waitsMs, now);
    if (verdict == TOO_LATE) {
      this.root.timeUp(this, waitsMs, outcomeOf(TOO_LATE));
      return HOLD;
    }
    if (verdict != HELD) {
      this.limitTime(now);
      return this.goOn(outcomeOf(verdict));
    }
    this.root.applyFor(this);
    return HOLD;
  }

  /** All that requests must share to meet. No header's value has a line break. */
  private keyOf(route: RouteProgram, headers: HeaderBlock, cluster: string, peer: string): string {
    const parts = [route.name, cluster, headers.get(':authority'), headers.get(':path')];
    const names = route.identityHeaders;
    // The joined call has one content type, too.
    parts.push(headers.get('content-type'));
    for (let i = 0; i < names.length; i++) parts.push(headers.get(names[i]));
    if (route.peerIdentity) parts.push(peer);
    return parts.join('\n');
  }

  private goOn(outcome: string): i32 {
    requestCounts.add(this.route, outcome);
    return CONTINUE;
  }

  /** The running callback lets its request go; others may move up. */
  private letGo(verdict: i32): i32 {
    this.root.applyFor(this);
    this.limitTime(nowMs());
    return this.goOn(verdict == NOT_JOINABLE ? this.unreadReason : outcomeOf(verdict));
  }
}

/** Who is at the other end of the current stream's connection, by its certificate; empty where it has none. */
function peerOfStream(): string {
  const uri = PEER_URI.get();
  return uri.length > 0 ? uri : PEER_DIGEST.get();
}
