import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { RequestError } from '../protocol/errors.ts';
import type { InferAnswer } from '../protocol/infer-response.ts';
import { ERROR_STATUSES } from './error-statuses.ts';
import { JSON_LENGTH_HEADER } from './infer-body.ts';
import { LOAD_REPORT_HEADER } from './load-report.ts';

export function statusOf(error: RequestError): number {
  return ERROR_STATUSES[error.code].http;
}

/** Sends a whole JSON text; with a length, so that it leaves in one write. */
export function sendJson(
  response: ServerResponse,
  status: number,
  text: string,
  loadReport?: string,
): void {
  const headers: OutgoingHttpHeaders = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  };
  if (loadReport !== undefined) headers[LOAD_REPORT_HEADER] = loadReport;
  response.writeHead(status, headers);
  response.end(text);
}

/** Sends an answer, and says where its JSON ends if bytes follow it. */
export function sendTensors(
  response: ServerResponse,
  { json, blobs }: InferAnswer,
  loadReport: string | undefined,
): void {
  if (!blobs) {
    sendJson(response, 200, json, loadReport);
    return;
  }
  const text = Buffer.from(json);
  const body = Buffer.concat([text, ...blobs]);
  const headers: OutgoingHttpHeaders = {
    'content-type': 'application/octet-stream',
    'content-length': body.length,
    [JSON_LENGTH_HEADER]: text.length,
  };
  if (loadReport !== undefined) headers[LOAD_REPORT_HEADER] = loadReport;
  response.writeHead(200, headers);
  response.end(body);
}

/** The protocol's error: `{"error": "..."}`. */
export function sendError(
  response: ServerResponse,
  error: RequestError,
  loadReport?: string,
): void {
  sendErrorBody(response, error, JSON.stringify({ error: error.message }), loadReport);
}

/** Its status and headers, with the error in another protocol's words. */
export function sendErrorBody(
  response: ServerResponse,
  error: RequestError,
  body: string,
  loadReport?: string,
): void {
  const { http, retryAfterSeconds } = ERROR_STATUSES[error.code];
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', `${retryAfterSeconds}`);
  sendJson(response, http, body, loadReport);
}
