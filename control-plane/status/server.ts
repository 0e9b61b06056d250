/**
 * The read-only HTTP side of the control plane: health, status and metrics. It asks for what it says
 * when it is asked, and holds nothing.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';
import type { Report } from './report.ts';

const MAX_CONNECTIONS = 256;
const REQUEST_TIMEOUT_MS = 10000;
const JSON_TYPE = 'application/json; charset=utf-8';

export interface StatusSource {
  report(): Report;
  /** Why proxies cannot be served yet; null: they can. */
  notReady(): string | null;
  readonly metrics: Metrics;
}

export class StatusServer {
  private readonly server: Server;
  private readonly source: StatusSource;

  constructor(source: StatusSource) {
    this.source = source;
    this.server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      void this.answer(request, response);
    });
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  /** The port that was taken. Rejects where the address cannot be had. */
  listen(host: string, port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.server.once('error', reject);
    this.server.listen(port, host, () => {
      this.server.off('error', reject);
      resolve((this.server.address() as AddressInfo).port);
    });
    return promise;
  }

  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    this.server.closeAllConnections();
    return promise;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      send(response, 405, 'text/plain', 'This server only answers GET and HEAD.\n');
      return;
    }
    const path = (request.url ?? '/').replace(/[?#].*$/s, '');
    switch (path) {
      case '/healthz':
        return send(response, 200, 'text/plain', 'ok\n');
      case '/readyz': {
        const reason = this.source.notReady();
        return send(response, reason === null ? 200 : 503, 'text/plain', `${reason ?? 'ok'}\n`);
      }
      case '/status':
        return send(response, 200, JSON_TYPE, `${JSON.stringify(this.source.report(), null, 2)}\n`);
      case '/metrics': {
        const { registry } = this.source.metrics;
        return send(response, 200, registry.contentType, await registry.metrics());
      }
      default:
        return send(
          response,
          404,
          'text/plain',
          'There are only /status, /healthz, /readyz and /metrics.\n',
        );
    }
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
