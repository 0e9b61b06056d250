/** Which requests are worth holding, told from their headers, and which headers a joined call carries. */
import {
  ATTEMPTS_HEADER,
  BATCH_ROWS_HEADER,
  BATCH_SIZE_HEADER,
  BATCH_WAIT_HEADER,
  DECISION_HEADER,
  RESERVED_PREFIX,
  VARIANT_HEADER,
} from '../contract/headers.ts';
import {
  BATCH_EMBEDDINGS,
  BATCH_GRPC,
  BATCH_KSERVE_V1,
  BATCH_OPEN_INFERENCE,
} from '../wire/batch/batch-request.ts';
import { parseDecimal } from '../wire/decimal.ts';
import { RouteProgram } from './program.ts';

/** Nothing that can be joined. */
export const NO_KIND: i32 = -1;

/** Where the JSON of a binary Open Inference message ends. */
export const BINARY_LENGTH_HEADER: string = 'inference-header-content-length';

/** Headers of an answer that belong to its one connection, message or caller, or that are set anew. */
const NOT_SHARED: string[] = [
  'connection',
  'content-length',
  'date',
  'endpoint-load-metrics',
  'grpc-accept-encoding',
  'grpc-encoding',
  'grpc-message',
  'grpc-status',
  'grpc-status-details-bin',
  'keep-alive',
  'proxy-connection',
  'server',
  'set-cookie',
  'transfer-encoding',
  'upgrade',
  BINARY_LENGTH_HEADER,
  ATTEMPTS_HEADER,
  BATCH_SIZE_HEADER,
  BATCH_ROWS_HEADER,
  BATCH_WAIT_HEADER,
  DECISION_HEADER,
  VARIANT_HEADER,
];

/** One of BATCH_*, or NO_KIND. */
export function kindOf(method: string, path: string): i32 {
  if (method != 'POST') return NO_KIND;
  const query = path.indexOf('?');
  const end = query < 0 ? path.length : query;
  if (namesModel(path, end, '/v2/models/', '/infer')) return BATCH_OPEN_INFERENCE;
  if (namesModel(path, end, '/v1/models/', ':predict')) return BATCH_KSERVE_V1;
  if (end == EMBEDDINGS.length && path.startsWith(EMBEDDINGS)) return BATCH_EMBEDDINGS;
  return path == MODEL_INFER ? BATCH_GRPC : NO_KIND;
}

/** A path that names no model leaves that to a header, which a joined call would not carry. */
function namesModel(path: string, end: i32, before: string, behind: string): boolean {
  if (end <= before.length + behind.length) return false;
  return path.startsWith(before) && path.endsWith(behind, end);
}

const EMBEDDINGS: string = '/v1/embeddings';
const MODEL_INFER: string = '/inference.GRPCInferenceService/ModelInfer';

/** Whether a body of this type is JSON in UTF-8. */
export function isJson(contentType: string): boolean {
  if (contentType == 'application/json') return true;
  const type = contentType.toLowerCase();
  const end = type.indexOf(';');
  if (end < 0) return type.trim() == 'application/json';
  if (type.substring(0, end).trim() != 'application/json') return false;
  const charset = type.indexOf('charset=', end);
  return charset < 0 || type.indexOf('utf-8', charset) == charset + 8;
}

/** Whether the messages are protobuf. */
export function isGrpc(contentType: string): boolean {
  return contentType == 'application/grpc' || contentType == 'application/grpc+proto';
}

/** A length in a header, or -1 where there is none. What is too long for us is the longest that we can say. */
export function lengthOf(text: string): i32 {
  const length = parseDecimal(text);
  if (length < 0 && isDigits(text)) return i32.MAX_VALUE;
  return length > f64(i32.MAX_VALUE) ? i32.MAX_VALUE : i32(length);
}

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x30 || c > 0x39) return false;
  }
  return text.length > 0;
}

/**
 * How long the caller waits, in milliseconds: what its own headers say, and at most `timeoutMs`. What is no
 * time counts as not said.
 */
export function waitOf(grpcTimeout: string, deadline: string, timeoutMs: i32): f64 {
  let waitsMs = f64(timeoutMs);
  const said = parseDecimal(deadline);
  if (said >= 0 && said < waitsMs) waitsMs = said;
  const grpc = grpcWaitMs(grpcTimeout);
  return grpc >= 0 && grpc < waitsMs ? grpc : waitsMs;
}

/** gRPC's form, digits and a unit: `500m` is half a second. -1 where it is none. */
function grpcWaitMs(text: string): f64 {
  const end = text.length - 1;
  if (end < 1) return -1;
  const count = parseDecimal(text.substring(0, end));
  if (count < 0) return -1;
  const unit = text.charAt(end);
  if (unit == 'H') return count * 3600000;
  if (unit == 'M') return count * 60000;
  if (unit == 'S') return count * 1000;
  if (unit == 'm') return count;
  if (unit == 'u') return count / 1000;
  return unit == 'n' ? count / 1000000 : -1;
}

/** Whether the joined call takes this header from its first member. All members agree about it. */
export function isForCall(name: string, route: RouteProgram): boolean {
  if (name == ':method' || name == ':path' || name == ':authority' || name == ':scheme')
    return true;
  if (name == 'content-type') return true;
  if (name.startsWith(RESERVED_PREFIX)) return false;
  return route.identityHeaders.indexOf(name) >= 0;
}

/** Whether each member gets this header of the joined call's answer. */
export function isForMembers(name: string): boolean {
  if (name.length == 0 || name.charCodeAt(0) == 0x3a || name.startsWith('x-envoy-')) return false;
  return NOT_SHARED.indexOf(name) < 0;
}

/** Whether a server refuses with this what all members of a call have in common: who asks, and for what. */
export function deniesAll(status: i32): boolean {
  return status == 401 || status == 403 || status == 404 || status == 405;
}

/** Whether the server, and none of the requests, is the reason for such an answer. */
export function isServersFault(status: i32): boolean {
  return status >= 500 || status == 429 || status == 408;
}
