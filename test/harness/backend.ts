/** An upstream for one test: whatever the handler does, on a free port, gone with `stop`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Handler = (request: BackendRequest, response: ServerResponse) => void | Promise<void>;

export interface BackendRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface Backend {
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** All requests so far, in the order in which their bodies were complete; at most the last 10,000. */
  readonly requests: readonly BackendRequest[];
  /** Ends open connections too. */
  stop(): Promise<void>;
}

const MAX_REQUESTS = 10_000;

/** The handler gets the request once its whole body is there. If it throws, the answer is 500. */
export async function startBackend(handler: Handler): Promise<Backend> {
  const requests: BackendRequest[] = [];
  const server = createServer(async (incoming, response) => {
    try {
      const request = await receive(incoming);
      requests.push(request);
      if (requests.length > MAX_REQUESTS) requests.shift();
      await handler(request, response);
    } catch (error) {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  // A test that forgets to stop it still ends.
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function receive(incoming: IncomingMessage): Promise<BackendRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const { method = '', url: path = '', headers } = incoming;
  return { method, path, headers, body: Buffer.concat(chunks) };
}
