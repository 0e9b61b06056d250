/** An upstream that speaks HTTP/2 and keeps what came, with the connection and the frames it came in. */
import { once } from 'node:events';
import {
  createServer,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

export interface Http2Request {
  /** Number of the connection that it came on. */
  readonly connection: number;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** In pieces as they came. */
  readonly pieces: readonly Buffer[];
  /** Complete once the request is. */
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
  readonly isComplete: boolean;
  /** Null while it goes on; the error code of the stream, 0 for none. */
  readonly closedWith: number | null;
}

export interface Http2Backend {
  readonly port: number;
  /** All that began, complete or not. */
  readonly requests: readonly Http2Request[];
  stop(): Promise<void>;
}

export type Http2Handler = (stream: ServerHttp2Stream, request: Http2Request) => void;

/** `onComplete` answers; as `onHeaders` may, before the body is there. */
export async function startHttp2Backend(
  onComplete: Http2Handler,
  onHeaders: Http2Handler = () => {},
): Promise<Http2Backend> {
  const requests: Http2Request[] = [];
  const sessions = new Set<Http2Session>();
  const numbers = new Map<Http2Session | undefined, number>();
  const server = createServer();
  server.on('session', (session) => {
    numbers.set(session, numbers.size);
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    const pieces: Buffer[] = [];
    const request = {
      connection: numbers.get(stream.session) ?? -1,
      path: String(headers[':path']),
      headers,
      pieces,
      body: Buffer.alloc(0),
      trailers: {} as IncomingHttpHeaders,
      isComplete: false,
      closedWith: null as number | null,
    };
    requests.push(request);
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('trailers', (trailers) => {
      request.trailers = trailers;
    });
    stream.on('error', () => {});
    stream.on('close', () => {
      request.closedWith = stream.rstCode;
    });
    stream.on('end', () => {
      // A reset ends a stream, too.
      if (stream.aborted || stream.destroyed) return;
      request.isComplete = true;
      request.body = Buffer.concat(pieces);
      onComplete(stream, request);
    });
    onHeaders(stream, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    async stop() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
