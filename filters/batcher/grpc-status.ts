/** What the statuses of gRPC say about a joined call. */
import { parseDecimal } from '../wire/decimal.ts';
import { BROKEN, DENIED, REFUSED } from './core.ts';

export const GRPC_OK: i32 = 0;
export const GRPC_UNKNOWN: i32 = 2;
export const GRPC_DEADLINE_EXCEEDED: i32 = 4;
export const GRPC_UNAVAILABLE: i32 = 14;

const INVALID_ARGUMENT: i32 = 3;
const NOT_FOUND: i32 = 5;
const ALREADY_EXISTS: i32 = 6;
const PERMISSION_DENIED: i32 = 7;
const FAILED_PRECONDITION: i32 = 9;
const OUT_OF_RANGE: i32 = 11;
const UNIMPLEMENTED: i32 = 12;
const UNAUTHENTICATED: i32 = 16;

/**
 * Which of REFUSED, BROKEN and DENIED a status other than GRPC_OK means. UNKNOWN is what a server says whose
 * code has thrown: whose fault that was, it does not know.
 */
export function howRefusedBy(status: i32): i32 {
  if (status == UNAUTHENTICATED || status == PERMISSION_DENIED) return DENIED;
  if (status == NOT_FOUND || status == UNIMPLEMENTED) return DENIED;
  if (status == INVALID_ARGUMENT || status == OUT_OF_RANGE) return REFUSED;
  return status == FAILED_PRECONDITION || status == ALREADY_EXISTS ? REFUSED : BROKEN;
}

/** The status in a header or trailer; what is none is GRPC_UNKNOWN. */
export function grpcStatusOfText(text: string): i32 {
  const status = parseDecimal(text);
  return status < 0 || status > UNAUTHENTICATED ? GRPC_UNKNOWN : i32(status);
}

/** The status of a call that was answered over HTTP, by somebody who knows nothing of gRPC. */
export function grpcStatusOfHttp(status: i32): i32 {
  if (status == 401) return UNAUTHENTICATED;
  if (status == 403) return PERMISSION_DENIED;
  if (status == 404) return UNIMPLEMENTED;
  const isBusy = status == 429 || (status >= 502 && status <= 504);
  return isBusy ? GRPC_UNAVAILABLE : GRPC_UNKNOWN;
}
