/** Clients of the batching tests: they know what their own answer must be. */
import assert from 'node:assert/strict';
import type { Agent, OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:http';
import type { Answer, Outcome, Request } from '../../harness/http-load.ts';
import { INFER } from './batching-mesh.ts';
import { expectedAnswer, type InferCall } from './compute-backend.ts';

export function inferRequest(
  url: string,
  call: InferCall,
  headers: OutgoingHttpHeaders = {},
): Request {
  return {
    url: url + INFER,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(call),
  };
}

/** The answer is the one that this call would have got alone. */
export function assertOwnAnswer(answer: Answer | null, call: InferCall): void {
  assert.equal(answer?.status, 200, answer?.body.toString());
  assert.deepEqual(JSON.parse(answer.body.toString()), expectedAnswer(call));
}

/** Number of requests that shared the call of this one; 1 where it went alone. */
export function batchSize({ answer }: Outcome): number {
  return Number(answer?.headers['x-modelweir-batch-size'] ?? 1);
}

export interface HangUp {
  /** When the client goes away, after it has begun. */
  readonly afterMs: number;
  /** Share of the body that it sends, 0 to 1. */
  readonly share: number;
}

/** Sends a call, or the beginning of one, and hangs up. Settles when the connection is closed. */
export function hangUp(
  { url, headers, body = '' }: Request,
  { afterMs, share }: HangUp,
  agent?: Agent,
): Promise<void> {
  return new Promise((resolve) => {
    const bytes = Buffer.from(body);
    const options = { method: 'POST', headers: { ...headers, 'content-length': bytes.length } };
    const outgoing = request(url, { ...options, ...(agent && { agent }) });
    outgoing.on('error', () => {});
    outgoing.on('response', (response) => response.resume());
    outgoing.on('close', resolve);
    if (share >= 1) outgoing.end(bytes);
    else outgoing.write(bytes.subarray(0, Math.floor(bytes.length * share)));
    setTimeout(() => outgoing.destroy(), afterMs);
  });
}
