/** What the headers of an answer say of its body: how it is written, and how long it is. */
import { parseDecimal } from '../wire/decimal.ts';
import { HeaderSource } from '../wire/header-source.ts';

/** How a body is written. `OTHER` has nothing that anybody here reads. */
export const ANSWER_OTHER: i32 = 0;
export const ANSWER_JSON: i32 = 1;
export const ANSWER_EVENTS: i32 = 2;
export const ANSWER_MESSAGES: i32 = 3;

const OK: i32 = 200;

export class AnswerHead {
  status: i32 = 0;
  /** One of the kinds above. */
  kind: i32 = ANSWER_OTHER;
  /** The body is compressed. */
  encoded: boolean = false;
  /** In bytes; -1: the answer does not say it. */
  contentLength: f64 = -1;
  /** Of the JSON before binary tensors, in bytes; -1: no tensors follow. */
  jsonBytes: i32 = -1;
  /** Of a gRPC answer that is its headers only; empty: they have none. */
  grpcStatus: string = '';

  get ok(): boolean {
    return this.status == OK && (this.grpcStatus.length == 0 || this.grpcStatus == '0');
  }
}

export function readAnswerHead(headers: HeaderSource): AnswerHead {
  const head = new AnswerHead();
  const status = parseDecimal(headers.get(':status'));
  if (status >= 0 && status < 1000) head.status = i32(status);
  head.grpcStatus = headers.get('grpc-status');
  const encoding = headers.get('content-encoding');
  head.encoded = encoding.length > 0 && encoding.toLowerCase() != 'identity';
  head.kind = kindOf(headers.get('content-type'));
  head.contentLength = parseDecimal(headers.get('content-length'));
  const jsonBytes = headers.get('inference-header-content-length');
  if (jsonBytes.length == 0) return head;
  const length = parseDecimal(jsonBytes);
  if (length < 1 || length > f64(i32.MAX_VALUE)) {
    head.kind = ANSWER_OTHER;
  } else {
    head.kind = ANSWER_JSON;
    head.jsonBytes = i32(length);
  }
  return head;
}

function kindOf(contentType: string): i32 {
  const end = contentType.indexOf(';');
  const type = (end < 0 ? contentType : contentType.substring(0, end)).trim().toLowerCase();
  if (type == 'application/json' || type.endsWith('+json')) return ANSWER_JSON;
  if (type == 'text/event-stream') return ANSWER_EVENTS;
  const isGrpc = type == 'application/grpc' || type.startsWith('application/grpc+');
  return isGrpc ? ANSWER_MESSAGES : ANSWER_OTHER;
}
