/** An HTTP/2 server that sends back what it was sent, over real sockets. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { frame, PREFACE, settingsFrame } from '../../../../inference/server/http2/frames.ts';
import { headerBlock } from '../../../../inference/server/http2/header-block.ts';
import { Http2Connection } from '../../../../inference/server/http2/http2-connection.ts';
import type { Http2Stream, StreamReader } from '../../../../inference/server/http2/http2-stream.ts';
import type { RequestHead } from '../../../../inference/server/http2/request-head.ts';

export interface EchoServer {
  readonly port: number;
  readonly heads: RequestHead[];
  readonly connections: Set<Http2Connection>;
  /** Streams of which the end was told. */
  closed: number;
  /** In its order: bytes of which `write` said that there is room, or not. */
  readonly room: boolean[];
}

export interface EchoOptions {
  /** Answers in pieces as they come, instead of once all is there. */
  readonly piecewise?: boolean;
  /** Never answers. */
  readonly silent?: boolean;
  /** Reads no more than a stream's window. */
  readonly paused?: boolean;
  readonly maxStreams?: number;
}

const OK = headerBlock(200, [['content-type', 'text/plain']]);
const TRAILERS = headerBlock(undefined, [['x-end', 'yes']]);

export async function startEcho(t: TestContext, options: EchoOptions = {}): Promise<EchoServer> {
  const told = { heads: [] as RequestHead[], closed: 0, room: [] as boolean[] };
  const connections = new Set<Http2Connection>();
  const accept = (stream: Http2Stream, head: RequestHead): StreamReader => {
    told.heads.push(head);
    const chunks: Buffer[] = [];
    if (options.paused) stream.pause();
    if (options.piecewise) stream.sendHeaders(OK, false);
    return {
      onData: (chunk) => {
        if (options.piecewise) told.room.push(stream.write(chunk));
        else chunks.push(chunk);
      },
      onEnd: () => {
        if (options.silent) return;
        if (options.piecewise) stream.end(TRAILERS);
        else stream.respond(OK, Buffer.concat(chunks), TRAILERS);
      },
      onClose: () => {
        told.closed++;
      },
      onDrain: () => undefined,
    };
  };
  const server = createServer((socket) => {
    const connection = new Http2Connection(socket, {
      maxStreams: options.maxStreams ?? 100,
      accept,
      onClose: () => connections.delete(connection),
    });
    connections.add(connection);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const connection of connections) connection.destroy();
    server.close();
  });
  return Object.assign(told, { port: (server.address() as AddressInfo).port, connections });
}

/** A client that writes its frames by hand. */
export class RawClient {
  readonly socket: Socket;
  /** What the server has sent and nobody has asked for yet. */
  readonly frames: { type: number; flags: number; id: number; payload: Buffer }[] = [];
  readonly closed: Promise<void>;
  #bytes = Buffer.alloc(0);
  #onFrame: () => void = () => undefined;

  constructor(t: TestContext, port: number, settings: [number, number][] = []) {
    this.socket = connect(port, '127.0.0.1');
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk: Buffer) => this.#cut(chunk));
    this.socket.write(Buffer.concat([PREFACE, settingsFrame(settings)]));
    t.after(() => this.socket.destroy());
  }

  send(type: number, flags: number, id: number, payload: Buffer | string = ''): void {
    this.socket.write(frame(type, flags, id, Buffer.from(payload)));
  }

  /** The next frame of this type, whatever comes before it. */
  async next(type: number): Promise<{ flags: number; id: number; payload: Buffer }> {
    for (;;) {
      const at = this.frames.findIndex((each) => each.type === type);
      if (at >= 0) return this.frames.splice(0, at + 1).at(-1) as never;
      const closed = this.closed.then(() => 'closed');
      const came = new Promise<void>((resolve) => {
        this.#onFrame = resolve;
      });
      if ((await Promise.race([came, closed])) === 'closed') {
        if (this.frames.some((each) => each.type === type)) continue;
        throw new Error('the connection was closed');
      }
    }
  }

  #cut(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 9 && this.#bytes.length >= 9 + this.#bytes.readUIntBE(0, 3)) {
      const end = 9 + this.#bytes.readUIntBE(0, 3);
      const [type = 0, flags = 0] = this.#bytes.subarray(3, 5);
      const payload = this.#bytes.subarray(9, end);
      this.frames.push({ type, flags, id: this.#bytes.readUInt32BE(5), payload });
      this.#bytes = this.#bytes.subarray(end);
    }
    this.#onFrame();
  }
}

/** Of a POST, as a block. */
export const POST = headerBlock(undefined, [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/'],
]);
