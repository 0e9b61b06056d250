/** The HTTPS side of the webhook: POST of JSON in, JSON out, bounded. It must not know what either means. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';

/** @throws {Error} where the request is not what it should be: 400 with its message. */
export type Answering = (body: unknown) => Promise<object>;

export const WEBHOOK_PATH = '/inject';
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_CONNECTIONS = 256;
const REQUEST_TIMEOUT_MS = 10_000;
/**
 * API servers keep an idle connection for 90 s. Closed by us first, one might be closed just when it is used,
 * and a pod would go without.
 */
const IDLE_MS = 180_000;

export class WebhookServer {
  readonly #server: Server;
  #isClosing = false;

  constructor(answer: Answering) {
    const options = { minVersion: 'TLSv1.2', requestTimeout: REQUEST_TIMEOUT_MS } as const;
    this.#server = createServer(options, (request, response) => {
      if (this.#isClosing) response.setHeader('connection', 'close');
      respond(request, response, answer).catch(() => response.destroy());
    });
    this.#server.keepAliveTimeout = IDLE_MS;
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** For connections from now on. @throws {Error} where the two do not go together. */
  use(certificate: { readonly cert: string | Buffer; readonly key: string | Buffer }): void {
    createSecureContext(certificate);
    this.#server.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' });
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

  /** Answers go on with the wish to close: callers come back to another replica. */
  drain(): void {
    this.#isClosing = true;
  }

  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    return promise;
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answering,
): Promise<void> {
  const path = URL.parse(request.url ?? '/', 'https://localhost')?.pathname;
  if (path !== WEBHOOK_PATH) return send(response, 404, { error: 'There is nothing here.' });
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST');
    return send(response, 405, { error: 'Only POST is answered.' });
  }
  const text = await bodyOf(request);
  if (text === null) return send(response, 413, { error: `more than ${MAX_BODY_BYTES} bytes` });
  try {
    send(response, 200, await answer(JSON.parse(text)));
  } catch (error) {
    send(response, 400, { error: (error as Error).message });
  }
}

/** Null: it is too long. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, value: object): void {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
