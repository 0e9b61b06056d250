/**
 * Why a request gets no answer, in words of no transport: HTTP and gRPC each map the code to theirs.
 */
export type ErrorCode =
  | 'invalid-argument'
  | 'not-found'
  | 'method-not-allowed'
  | 'unsupported-media'
  | 'too-large'
  | 'exhausted'
  | 'deadline-exceeded'
  | 'unavailable'
  | 'internal';

/** The message is sent to the client: it names the field, the limit and the way out. */
export class RequestError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Shorthand for the most frequent code. */
export function invalid(message: string): RequestError {
  return new RequestError('invalid-argument', message);
}
