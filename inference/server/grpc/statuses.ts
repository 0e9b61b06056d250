import { type Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { RequestError } from '../../protocol/errors.ts';
import { ERROR_STATUSES } from '../error-statuses.ts';

/**
 * The text goes into a trailer, which clients take a few kilobytes of, and a name that the client sent may be in
 * it: of any length, and percent-encoded in up to nine characters for one.
 */
const MAX_TEXT = 500;

/** What grpc-js sends for an error. Whatever is no RequestError is INTERNAL. */
export function statusOf(cause: unknown, metadata?: Metadata): Partial<StatusObject> {
  const code = cause instanceof RequestError ? codeOf(cause) : status.INTERNAL;
  const text = cause instanceof Error ? cause.message : String(cause);
  return { code, details: shortened(text), ...(metadata && { metadata }) };
}

export function codeOf({ code }: RequestError): status {
  return status[ERROR_STATUSES[code].grpc as keyof typeof status];
}

/** A text that any trailer can carry: encoding half of a surrogate pair would throw. */
function shortened(text: string): string {
  const part = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
  return part.toWellFormed();
}
