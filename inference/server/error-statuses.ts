import type { ErrorCode } from '../protocol/errors.ts';

/** How an error is told. */
export interface ErrorStatus {
  readonly http: number;
  /** The name of the gRPC code. */
  readonly grpc: string;
  /** For the Retry-After header: the same request may fare better after so long. */
  readonly retryAfterSeconds?: number;
}

/** What each error is to its caller: one table for all protocols, and for what is counted and traced. */
export const ERROR_STATUSES: Readonly<Record<ErrorCode, ErrorStatus>> = {
  'invalid-argument': { http: 400, grpc: 'INVALID_ARGUMENT' },
  'not-found': { http: 404, grpc: 'NOT_FOUND' },
  'method-not-allowed': { http: 405, grpc: 'UNIMPLEMENTED' },
  'too-large': { http: 413, grpc: 'RESOURCE_EXHAUSTED' },
  'unsupported-media': { http: 415, grpc: 'UNIMPLEMENTED' },
  exhausted: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retryAfterSeconds: 1 },
  internal: { http: 500, grpc: 'INTERNAL' },
  unavailable: { http: 503, grpc: 'UNAVAILABLE', retryAfterSeconds: 1 },
  'deadline-exceeded': { http: 504, grpc: 'DEADLINE_EXCEEDED' },
};
