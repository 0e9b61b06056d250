/** A small HTTP server that gives and never takes: GET and HEAD, bounded, no access control. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const MAX_CONNECTIONS = 256;
const REQUEST_TIMEOUT_MS = 10_000;

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export const JSON_TYPE = 'application/json; charset=utf-8';

export function textAnswer(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` };
}

export function jsonAnswer(status: number, value: unknown): Answer {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(value, null, 2)}\n` };
}

export class ReadOnlyServer {
  readonly #server: Server;

  /** `answer` gets the URL's path and query, and may throw: that is a 500. */
  constructor(answer: (url: URL) => Answer | Promise<Answer>) {
    const options = { requestTimeout: REQUEST_TIMEOUT_MS };
    this.#server = createServer(options, async (request, response) => {
      send(request, response, await answerTo(request, answer));
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** The port that was taken. Rejects where the address cannot be had. */
  listen(host: string, port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.once('error', reject);
    this.#server.listen(port, host, () => {
      this.#server.off('error', reject);
      resolve((this.#server.address() as AddressInfo).port);
    });
    return promise;
  }

  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    return promise;
  }
}

async function answerTo(
  request: IncomingMessage,
  answer: (url: URL) => Answer | Promise<Answer>,
): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const refusal = textAnswer(405, 'This server only answers GET and HEAD.');
    return { ...refusal, headers: { allow: 'GET, HEAD' } };
  }
  const url = URL.parse(request.url ?? '/', 'http://localhost');
  if (url === null) return textAnswer(400, 'The path cannot be read.');
  try {
    return await answer(url);
  } catch {
    // What went wrong may quote what must not leave: it is in no answer.
    return textAnswer(500, 'Something went wrong.');
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, type, body, headers = {} } = answer;
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  response.writeHead(status, {
    ...headers,
    'content-type': type,
    'content-length': length,
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
