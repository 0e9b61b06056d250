/** One joined call on its way: what it carries, and what it brings to each member. */
import {
  BATCH_ROWS_HEADER,
  BATCH_SIZE_HEADER,
  BATCH_WAIT_HEADER,
  GRPC_ANSWER_HEADER,
  PLAN,
  PLAN_HEADER,
} from '../contract/headers.ts';
import { CALLOUT_BODY, readCopy } from '../host/body.ts';
import { CALLOUT_HEADERS, CALLOUT_TRAILERS, HeaderList, REQUEST_HEADERS } from '../host/headers.ts';
import { Property } from '../host/property.ts';
import { Callout } from '../host/stream.ts';
import { decodePlan, Plan } from '../rewriter/plan.ts';
import { BatchAnswer } from '../wire/batch/batch-answer.ts';
import { BATCH_GRPC } from '../wire/batch/batch-request.ts';
import { BatchShare } from '../wire/batch/batch-share.ts';
import { JoinedBody } from '../wire/batch/join.ts';
import { readBatchAnswer } from '../wire/batch/read-answer.ts';
import { Batch, Member } from './batch.ts';
import { BROKEN, DENIED, REFUSED, UNREADABLE } from './core.ts';
import {
  BINARY_LENGTH_HEADER,
  deniesAll,
  isForCall,
  isForMembers,
  isServersFault,
  lengthOf,
} from './eligibility.ts';
import {
  GRPC_OK,
  GRPC_UNAVAILABLE,
  grpcStatusOfHttp,
  grpcStatusOfText,
  howRefusedBy,
} from './grpc-status.ts';
import { RouteProgram } from './program.ts';
import { BatcherRoot } from './root.ts';

const OK: i32 = 200;
const PLAN_FACT = new Property(PLAN);

export class BatchCall extends Callout {
  readonly batch: Batch;
  /** What came back; null: nothing that could be shared out. */
  answer: BatchAnswer | null = null;
  /** Of an answer that is the same for all; 0: there was none. */
  status: i32 = 0;
  body: Uint8Array = new Uint8Array(0);
  /** Of gRPC, the message as it is written in a header. */
  private grpcStatus: i32 = GRPC_OK;
  private grpcMessage: string = '';
  /** Those of the answer that each member gets. */
  private shared: HeaderList = new HeaderList();
  private share: BatchShare;
  private owner: BatcherRoot;

  constructor(owner: BatcherRoot, batch: Batch, share: BatchShare) {
    super();
    this.owner = owner;
    this.batch = batch;
    this.share = share;
  }

  response(bodySize: i32): void {
    const headers = HeaderList.read(CALLOUT_HEADERS);
    const bytes = readCopy(CALLOUT_BODY, 0, bodySize);
    this.status = lengthOf(headerOf(headers, ':status'));
    this.shared = forMembers(headers, this.isGrpc);
    if (this.isGrpc) {
      this.grpcResponse(headers, bytes);
      return;
    }
    if (this.status != OK) {
      this.body = bytes;
      const how = this.howRefused();
      this.owner.failed(this, how, outcomeOf(how));
      return;
    }
    const jsonBytes = lengthOf(headerOf(headers, BINARY_LENGTH_HEADER));
    this.answered(bytes, jsonBytes);
  }

  failure(): void {
    this.owner.failed(this, BROKEN, 'no_answer');
  }

  /** Headers of the part of an answer that one member gets. `jsonBytes` of its JSON; -1: all is. */
  headersFor(member: Member, jsonBytes: i32): HeaderList {
    const headers = new HeaderList();
    const items = this.shared.items;
    for (let i = 0; i + 1 < items.length; i += 2) headers.add(items[i], items[i + 1]);
    if (jsonBytes >= 0) headers.add(BINARY_LENGTH_HEADER, jsonBytes.toString());
    const batch = this.batch;
    if (!batch.lane.line.route.sizeHeaders) return headers;
    headers.add(BATCH_SIZE_HEADER, batch.members.length.toString());
    headers.add(BATCH_ROWS_HEADER, this.share.totalRows.toString());
    return headers.add(BATCH_WAIT_HEADER, i32(Math.round(member.waitMs)).toString());
  }

  /** Beside its part, which comes after. Where that was lost, the client finds an error and no empty answer. */
  grpcHeadersFor(member: Member): HeaderList {
    const headers = this.headersFor(member, -1);
    headers.add(GRPC_ANSWER_HEADER, 'true');
    headers.add('grpc-message', 'the answer was lost in the proxy');
    return headers.add('grpc-status', GRPC_UNAVAILABLE.toString());
  }

  /** What the call brought instead of an answer. */
  grpcFailureFor(member: Member): HeaderList {
    const headers = this.headersFor(member, -1);
    if (this.grpcMessage.length > 0) headers.add('grpc-message', this.grpcMessage);
    return headers.add('grpc-status', this.grpcStatus.toString());
  }

  /** For the access log. */
  noteFor(member: Member): string {
    const size = 'size=' + this.batch.members.length.toString();
    const rows = ';rows=' + this.share.totalRows.toString();
    return size + rows + ';wait-ms=' + i32(Math.round(member.waitMs)).toString();
  }

  private get isGrpc(): boolean {
    return this.share.kind == BATCH_GRPC;
  }

  private answered(bytes: Uint8Array, jsonBytes: i32): void {
    this.answer = readBatchAnswer(this.share, bytes, jsonBytes);
    if (this.answer === null) this.owner.failed(this, UNREADABLE, 'unreadable');
    else this.owner.answered(this);
  }

  /** The status is in the trailers, or in the headers of an answer that has nothing else. */
  private grpcResponse(headers: HeaderList, bytes: Uint8Array): void {
    let ends = HeaderList.read(CALLOUT_TRAILERS);
    if (headerOf(ends, 'grpc-status').length == 0) ends = headers;
    this.grpcMessage = headerOf(ends, 'grpc-message');
    this.grpcStatus =
      this.status == OK
        ? grpcStatusOfText(headerOf(ends, 'grpc-status'))
        : grpcStatusOfHttp(this.status);
    if (this.grpcStatus == GRPC_OK) {
      this.answered(bytes, -1);
      return;
    }
    const how = howRefusedBy(this.grpcStatus);
    this.owner.failed(this, how, outcomeOf(how));
  }

  private howRefused(): i32 {
    if (deniesAll(this.status)) return DENIED;
    return isServersFault(this.status) ? BROKEN : REFUSED;
  }
}

/** Of the current stream, which is the first member's: the headers of the joined call. */
export function headersOfCall(route: RouteProgram, joined: JoinedBody, timeoutMs: i32): HeaderList {
  const all = HeaderList.read(REQUEST_HEADERS);
  const headers = new HeaderList();
  for (let i = 0; i + 1 < all.items.length; i += 2) {
    if (isForCall(all.items[i], route)) headers.add(all.items[i], all.items[i + 1]);
  }
  if (joined.jsonBytes >= 0) headers.add(BINARY_LENGTH_HEADER, joined.jsonBytes.toString());
  if (joined.isGrpc) {
    headers.add('te', 'trailers');
    headers.add('grpc-timeout', timeoutMs.toString() + 'm');
  }
  const plan = decodePlan(PLAN_FACT.get());
  return plan === null ? headers : headers.add(PLAN_HEADER, planOfAll(plan));
}

/** What the members of a batch have in common of their plans: the path. Nothing in a body is edited by it. */
function planOfAll(plan: Plan): string {
  plan.contentLength = '';
  plan.comparison = '';
  return plan.encode();
}

function outcomeOf(how: i32): string {
  if (how == DENIED) return 'denied';
  return how == BROKEN ? 'failed' : 'refused';
}

/** To an answer of gRPC Envoy gives the content type. */
function forMembers(all: HeaderList, isGrpc: boolean): HeaderList {
  const headers = new HeaderList();
  for (let i = 0; i + 1 < all.items.length; i += 2) {
    if (isGrpc && all.items[i] == 'content-type') continue;
    if (isForMembers(all.items[i])) headers.add(all.items[i], all.items[i + 1]);
  }
  return headers;
}

function headerOf(headers: HeaderList, name: string): string {
  for (let i = 0; i + 1 < headers.items.length; i += 2) {
    if (headers.items[i] == name) return headers.items[i + 1];
  }
  return '';
}
