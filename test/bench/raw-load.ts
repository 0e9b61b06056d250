/**
 * A closed loop of HTTP/1.1 requests over sockets of its own: requests are encoded beforehand, and of an
 * answer only the status and the length are read. It costs a third of what a whole HTTP client does, so that
 * one core keeps up with a proxy that answers three times as fast as before.
 */
import { connect, type Socket } from 'node:net';

export interface RawRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** All that are sent, by all connections in turns. */
export function encodeRequests(url: string, requests: readonly RawRequest[]): Buffer[] {
  const { host } = new URL(url);
  return requests.map(({ path, headers, body }) => {
    const lines = [`POST ${path} HTTP/1.1`, `host: ${host}`];
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    lines.push(`content-length: ${body.length}`, '', '');
    return Buffer.concat([Buffer.from(lines.join('\r\n')), body]);
  });
}

/** Enough for most answers at one time; more come in parts. */
const READ_BYTES = 65_536;
const HEAD_END = Buffer.from('\r\n\r\n');
const STATUS_OK = Buffer.from('HTTP/1.1 200');
/** With the line before it: Inference-Header-Content-Length ends likewise. */
const LENGTH = Buffer.from('\r\ncontent-length: ');

export class RawLoad {
  /** Is told of each answer. */
  onAnswer: (latencyMs: number) => void = () => undefined;
  readonly #connections: readonly Connection[];
  readonly #failed = Promise.withResolvers<never>();

  private constructor(url: string, encoded: readonly Buffer[], connections: number) {
    const { hostname, port } = new URL(url);
    this.#failed.promise.catch(() => undefined);
    const owner: Owner = {
      onAnswer: (latencyMs) => this.onAnswer(latencyMs),
      onFailure: (reason) => this.#failed.reject(new Error(`${url}: ${reason}`)),
    };
    this.#connections = Array.from({ length: connections }, (_, index) => {
      const socket = { host: hostname, port: Number(port) };
      return new Connection(socket, encoded, index, owner);
    });
  }

  /** Connects, and begins. `stop` it also after a failure. */
  static start(url: string, encoded: readonly Buffer[], connections: number): RawLoad {
    return new RawLoad(url, encoded, connections);
  }

  /** Rejects when an answer is not 200 or cannot be read, or a connection ends. Never resolves. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Settles when every request that was sent is answered, so that nobody works for this load any more. */
  async stop(): Promise<void> {
    const answered = Promise.all(this.#connections.map((connection) => connection.finish()));
    await Promise.race([answered, this.failed]).catch(() => undefined);
    for (const connection of this.#connections) connection.close();
  }
}

interface Owner {
  onAnswer(latencyMs: number): void;
  onFailure(reason: string): void;
}

class Connection {
  readonly #socket: Socket;
  readonly #encoded: readonly Buffer[];
  readonly #owner: Owner;
  #next: number;
  #sentMs = 0;
  /** Of an answer whose head has not come whole. */
  #head: Buffer | null = null;
  /** Bytes of the body that are still to come. */
  #missing = 0;
  #stopping = false;
  #closed = false;
  readonly #finished = Promise.withResolvers<void>();

  constructor(
    at: { readonly host: string; readonly port: number },
    encoded: readonly Buffer[],
    index: number,
    owner: Owner,
  ) {
    this.#encoded = encoded;
    this.#next = index % encoded.length;
    this.#owner = owner;
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const callback = (size: number): boolean => {
      this.#read(buffer.subarray(0, size));
      return true;
    };
    this.#socket = connect({ ...at, noDelay: true, onread: { buffer, callback } });
    this.#socket.on('connect', () => this.#send());
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#fail('the connection was closed'));
  }

  /** Settles when the request in flight is answered. */
  finish(): Promise<void> {
    this.#stopping = true;
    return this.#finished.promise;
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #send(): void {
    if (this.#stopping) {
      this.#finished.resolve();
      return;
    }
    const request = this.#encoded[this.#next] as Buffer;
    this.#next = (this.#next + 1) % this.#encoded.length;
    this.#sentMs = performance.now();
    this.#socket.write(request);
  }

  /** `bytes` are overwritten after it has returned. */
  #read(bytes: Buffer): void {
    if (this.#missing > 0) {
      this.#take(bytes.length);
      return;
    }
    const held = this.#head;
    const head = held === null ? bytes : Buffer.concat([held, bytes]);
    const end = head.indexOf(HEAD_END);
    if (end < 0) {
      this.#head = Buffer.from(head);
      return;
    }
    this.#head = null;
    const length = head.subarray(0, STATUS_OK.length).equals(STATUS_OK)
      ? lengthIn(head.subarray(0, end))
      : -1;
    if (length < 0) {
      this.#fail(`not a 200 with a length: ${head.toString('latin1', 0, 1000)}`);
      return;
    }
    const start = end + HEAD_END.length;
    this.#missing = length;
    this.#take(head.length - start);
  }

  /** Of the body `size` bytes have come. */
  #take(size: number): void {
    this.#missing -= size;
    if (this.#missing > 0) return;
    if (this.#missing < 0) {
      this.#fail('an answer is longer than it says');
      return;
    }
    this.#owner.onAnswer(performance.now() - this.#sentMs);
    this.#send();
  }

  #fail(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#owner.onFailure(reason);
  }
}

/** Envoy writes names in lower case. -1 where there is none. */
function lengthIn(head: Buffer): number {
  const found = head.indexOf(LENGTH);
  if (found < 0) return -1;
  let length = 0;
  for (let at = found + LENGTH.length; at < head.length; at++) {
    const digit = (head[at] as number) - 0x30;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  return length;
}
