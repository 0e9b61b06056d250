/** An application behind a sidecar: takes anything over HTTP/1.1, and sends back what it got. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface Got {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Application {
  readonly port: number;
  readonly requests: readonly Got[];
  /** Heads of upgrades; what comes after one is sent back in capitals. */
  readonly upgrades: readonly IncomingHttpHeaders[];
  stop(): Promise<void>;
}

/** Answers 200 with the request's body, and the headers `more`. */
export async function startApplication(more: Record<string, string> = {}): Promise<Application> {
  const requests: Got[] = [];
  const upgrades: IncomingHttpHeaders[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { method = '', url: path = '', headers } = incoming;
    const body = Buffer.concat(chunks);
    requests.push({ method, path, headers, body });
    response.writeHead(200, { 'content-length': body.length, ...more });
    response.end(method === 'HEAD' ? undefined : body);
  });
  server.on('upgrade', ({ headers }, socket: Duplex) => {
    upgrades.push(headers);
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => socket.write(data.toString('latin1').toUpperCase()));
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n',
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    upgrades,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
