/**
 * A backend that fails as a test says: it answers, says nothing, cuts the connection, or is not there. It
 * keeps each attempt as it came, complete or not, with the connection that it came on.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Attempt {
  /** Number of the connection that it came on. */
  readonly connection: number;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** What has come so far. */
  readonly body: Buffer;
  readonly isComplete: boolean;
}

export type Act = (response: ServerResponse, attempt: Attempt) => void;

export interface ActingBackend {
  readonly port: number;
  /** All that began, in this order. */
  readonly attempts: readonly Attempt[];
  /** Requests that no parser could read: what a wrong length leaves behind. */
  readonly malformed: number;
  /** What it does with a request whose body is there. */
  act: Act;
  /** What it answers to those who ask whether it is well: these are no attempts. Null: nothing. */
  health: number | null;
  /** What it does as soon as a byte of a body is there; null: it waits for the rest. */
  actEarly: Act | null;
  /** Ends all connections and refuses new ones. */
  goDown(): Promise<void>;
  /** Listens again on the same port. */
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

const HEALTH_PATHS = ['/health', '/v2/health/ready', '/well?deep=yes'];

/** With a content-length. */
export function answer(status: number, body = '', headers: Record<string, string> = {}): Act {
  const length = { 'content-length': Buffer.byteLength(body) };
  return (response) => response.writeHead(status, { ...headers, ...length }).end(body);
}

/** Without one. */
export function chunked(status: number, body: string, headers: Record<string, string> = {}): Act {
  return (response) => response.writeHead(status, headers).end(body);
}

/** Takes the request and never answers. */
export const silence: Act = () => {};

/** As a process that is killed does. */
export const reset: Act = (response) => response.socket?.resetAndDestroy();

/** Answers by the next act of the list, and by the last one ever after. */
export function inTurn(...acts: readonly [Act, ...Act[]]): Act {
  let next = 0;
  return (response, attempt) => {
    const act = acts[Math.min(next++, acts.length - 1)];
    act?.(response, attempt);
  };
}

export async function startActingBackend(act: Act = answer(200, 'ok')): Promise<ActingBackend> {
  const attempts: Attempt[] = [];
  const sockets = new Set<Socket>();
  const numbers = new Map<Socket, number>();
  let malformed = 0;
  const server = createServer((incoming, response) => {
    const pieces: Buffer[] = [];
    const { method = '', url: path = '', headers, socket } = incoming;
    if (HEALTH_PATHS.includes(path)) {
      if (backend.health !== null) response.writeHead(backend.health).end();
      return;
    }
    const connection = numbers.get(socket) ?? -1;
    let isComplete = false;
    let isEarly = false;
    const attempt: Attempt = {
      ...{ connection, method, path, headers },
      get body() {
        return Buffer.concat(pieces);
      },
      get isComplete() {
        return isComplete;
      },
    };
    attempts.push(attempt);
    response.on('error', () => {});
    incoming.on('error', () => {});
    incoming.on('data', (piece: Buffer) => {
      pieces.push(piece);
      if (backend.actEarly === null || isEarly) return;
      isEarly = true;
      backend.actEarly(response, attempt);
    });
    incoming.on('end', () => {
      isComplete = true;
      if (!isEarly) backend.act(response, attempt);
    });
  });
  server.on('connection', (socket) => {
    numbers.set(socket, numbers.size);
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code?.startsWith('HPE_') === true) malformed++;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    if (!server.listening) return;
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  const backend: ActingBackend = {
    port,
    attempts,
    get malformed() {
      return malformed;
    },
    act,
    health: 200,
    actEarly: null,
    goDown: close,
    async comeBack() {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    stop: close,
  };
  return backend;
}
