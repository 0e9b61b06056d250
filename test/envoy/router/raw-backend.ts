/**
 * An upstream that keeps the bytes of each connection as they came: what Envoy put on the wire, not what
 * a tolerant parser makes of it. It answers one request after the other, framed by nothing but what
 * their own headers say.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';

export interface RawRequest {
  /** Number of the connection that it came on. */
  readonly connection: number;
  readonly line: string;
  readonly headers: ReadonlyMap<string, string>;
  /** The body as sent, chunk headers included. */
  readonly raw: string;
  readonly body: string;
}

export interface RawBackend {
  readonly port: number;
  readonly requests: readonly RawRequest[];
  /** Bytes that followed the last complete request of any connection. */
  leftover(): string;
  stop(): Promise<void>;
}

/** `statuses` are given to the first requests in turn; the others get 200. */
export async function startRawBackend(statuses: number[] = []): Promise<RawBackend> {
  const requests: RawRequest[] = [];
  const sockets = new Set<Socket>();
  const rests: string[] = [];
  const server = createServer((socket) => {
    const connection = rests.push('') - 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    // One byte per character: lengths of text are lengths in bytes.
    socket.setEncoding('latin1');
    socket.on('data', (data: string) => {
      rests[connection] += data;
      for (;;) {
        const taken = takeRequest(rests[connection] ?? '', connection);
        if (taken === null) return;
        rests[connection] = taken.rest;
        requests.push(taken.request);
        const status = statuses.shift() ?? 200;
        socket.write(`HTTP/1.1 ${status} Answer\r\ncontent-length: 2\r\n\r\nok`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    leftover: () => rests.join(''),
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function takeRequest(
  bytes: string,
  connection: number,
): { request: RawRequest; rest: string } | null {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const [line = '', ...fields] = bytes.slice(0, headEnd).split('\r\n');
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
    }),
  );
  const rest = bytes.slice(headEnd + 4);
  const framed =
    headers.get('transfer-encoding') === 'chunked'
      ? takeChunks(rest)
      : takeLength(rest, Number(headers.get('content-length') ?? 0));
  if (framed === null) return null;
  const body = Buffer.from(framed.body, 'latin1').toString();
  const request = { connection, line, headers, raw: rest.slice(0, framed.size), body };
  return { request, rest: rest.slice(framed.size) };
}

interface Framed {
  readonly body: string;
  /** Bytes that the body took. */
  readonly size: number;
}

function takeLength(bytes: string, length: number): Framed | null {
  return bytes.length < length ? null : { body: bytes.slice(0, length), size: length };
}

function takeChunks(bytes: string): Framed | null {
  let at = 0;
  let body = '';
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.slice(at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) return null;
    body += bytes.slice(lineEnd + 2, lineEnd + 2 + size);
    at = next;
    if (size === 0) return { body, size: at };
  }
}
