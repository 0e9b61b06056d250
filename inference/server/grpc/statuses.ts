import { RequestError } from '../../protocol/errors.ts';
import { ERROR_STATUSES } from '../error-statuses.ts';

/** gRPC's codes, those that are used here. */
export const GrpcCode = {
  OK: 0,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;

export type GrpcCode = (typeof GrpcCode)[keyof typeof GrpcCode];

/** How a call ends. */
export interface GrpcStatus {
  readonly code: GrpcCode;
  readonly details: string;
}

/**
 * The text goes into a trailer, which clients take a few kilobytes of, and a name that the client sent may be in
 * it: of any length, and percent-encoded in up to nine characters for one.
 */
const MAX_TEXT = 500;

/** Whatever is no RequestError is INTERNAL. */
export function statusOf(cause: unknown): GrpcStatus {
  const code = cause instanceof RequestError ? codeOf(cause) : GrpcCode.INTERNAL;
  const text = cause instanceof Error ? cause.message : String(cause);
  return { code, details: shortened(text) };
}

export function codeOf({ code }: RequestError): GrpcCode {
  return GrpcCode[ERROR_STATUSES[code].grpc as keyof typeof GrpcCode];
}

/** As the trailer `grpc-message` has it: UTF-8, percent-encoded where it is not plain ASCII. */
export function encodeMessage(text: string): string {
  return text.replaceAll(/[^ -$&-~]+/g, (part) =>
    [...Buffer.from(part)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}

/** A text that any trailer can carry: half of a surrogate pair is no text. */
function shortened(text: string): string {
  const part = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
  return part.toWellFormed();
}
