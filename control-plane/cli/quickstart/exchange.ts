/** One HTTP request and its answer, timed. Bodies are bounded, and so is the time. */
import { type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';

const MAX_BODY_BYTES = 16_777_216;
const DEFAULT_TIMEOUT_MS = 20_000;

export interface Request {
  readonly url: string;
  /** Default GET. */
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
  /** Default 20,000. */
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** From before the request was sent until the whole answer was there. */
  readonly latencyMs: number;
}

/** @throws {Error} when the connection fails, the time is over, or the body is over 16 MiB. */
export function exchange(wanted: Request, agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const body = wanted.body === undefined ? null : Buffer.from(wanted.body);
    const headers = {
      ...wanted.headers,
      ...(body === null ? {} : { 'content-length': body.length }),
    };
    const timeoutMs = wanted.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const signal = AbortSignal.timeout(timeoutMs);
    const options = { method: wanted.method ?? 'GET', headers, signal, ...(agent && { agent }) };
    const outgoing = request(wanted.url, options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > MAX_BODY_BYTES) response.destroy(new Error(`${wanted.url}: over 16 MiB came`));
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          latencyMs: performance.now() - started,
        });
      });
    });
    outgoing.on('error', (error) =>
      reject(signal.aborted ? new Error(`${wanted.url}: no answer within ${timeoutMs} ms`) : error),
    );
    outgoing.end(body);
  });
}
