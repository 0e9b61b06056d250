/**
 * One client on one connection, as lean as a million requests want it: bytes that were written before, and
 * of the answer only its status, its variant and its body.
 */
import { connect, type Socket } from 'node:net';

const TIMEOUT_MS = 30_000;
const HEAD_END = '\r\n\r\n';

export interface SoakAnswer {
  readonly status: number;
  /** Of the header `x-modelweir-variant`; empty: none. */
  readonly variant: string;
  /** Each byte as a letter. */
  readonly body: string;
}

export class SoakConnection {
  readonly #port: number;
  #socket: Socket | null = null;
  #received = '';
  #settle: (answer: SoakAnswer | Error) => void = () => {};

  constructor(port: number) {
    this.#port = port;
  }

  /** Rejects where the connection ends without a whole answer. */
  send(bytes: Buffer): Promise<SoakAnswer> {
    return new Promise((resolve, reject) => {
      const socket = this.#open();
      this.#settle = (result) => {
        this.#settle = () => {};
        if (!(result instanceof Error)) resolve(result);
        else reject(result);
      };
      socket.write(bytes);
    });
  }

  /** Sends the beginning of a request, and closes once it has gone to the system. */
  async hangUp(bytes: Buffer): Promise<void> {
    const socket = this.#open();
    this.#socket = null;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.write(bytes, () => socket.destroy());
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  #open(): Socket {
    if (this.#socket !== null) return this.#socket;
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    socket.setEncoding('latin1');
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer in time')));
    this.#received = '';
    this.#socket = socket;
    socket.on('data', (data: string) => {
      if (this.#socket === socket) this.#take(data);
    });
    const fail = (error: Error): void => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#settle(error);
    };
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('closed without an answer')));
    return socket;
  }

  #take(data: string): void {
    this.#received += data;
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const length = Number(headerOf(head, 'content-length'));
    if (this.#received.length < headEnd + HEAD_END.length + length) return;
    const body = this.#received.slice(headEnd + HEAD_END.length);
    this.#received = '';
    // Answered before all of the request was read: Envoy takes no other one on this connection.
    const isUnread = (this.#socket?.writableLength ?? 0) > 0;
    if (isUnread || headerOf(head, 'connection') === 'close') this.close();
    this.#settle({
      status: Number(head.slice(9, 12)),
      variant: headerOf(head, 'x-modelweir-variant'),
      body,
    });
  }
}

function headerOf(head: string, name: string): string {
  const at = head.indexOf(`\r\n${name}: `);
  if (at < 0) return '';
  const from = at + name.length + 4;
  const end = head.indexOf('\r', from);
  return head.slice(from, end < 0 ? head.length : end);
}
