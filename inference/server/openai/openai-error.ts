/** Errors as OpenAI's clients read them. */
import type { ServerResponse } from 'node:http';
import { type ErrorCode, RequestError } from '../../protocol/errors.ts';
import { ERROR_STATUSES } from '../error-statuses.ts';
import { sendErrorBody } from '../responses.ts';

/** A request with a field that is wrong. */
export class FieldError extends RequestError {
  /** As a path: `messages[0].role`. */
  readonly param: string;

  constructor(param: string, message: string, code: ErrorCode = 'invalid-argument') {
    super(code, `"${param}" ${message}`);
    this.param = param;
  }
}

/** OpenAI's own words where it has one. */
const CODES: Readonly<Record<ErrorCode, string>> = {
  'invalid-argument': 'invalid_value',
  'not-found': 'model_not_found',
  'method-not-allowed': 'method_not_allowed',
  'too-large': 'body_too_large',
  'unsupported-media': 'unsupported_media_type',
  exhausted: 'rate_limit_exceeded',
  internal: 'internal_error',
  unavailable: 'unavailable',
  'deadline-exceeded': 'timeout',
};

/** `{"error": {"message", "type", "param", "code"}}` */
export function errorText(error: RequestError): string {
  const type = ERROR_STATUSES[error.code].http >= 500 ? 'server_error' : 'invalid_request_error';
  const param = paramOf(error);
  return JSON.stringify({
    error: { message: error.message, type, param, code: CODES[error.code] },
  });
}

export function sendOpenAiError(
  response: ServerResponse,
  error: RequestError,
  loadReport?: string,
): void {
  sendErrorBody(response, error, errorText(error), loadReport);
}

function paramOf(error: RequestError): string | null {
  if (error instanceof FieldError) return error.param;
  return error.code === 'not-found' ? 'model' : null;
}
