/** One TCP connection to Envoy on which a test writes and reads bytes as they are. */
import { connect, type Socket } from 'node:net';

const TIMEOUT_MS = 10_000;

export class Connection {
  /** All that came, a character a byte. */
  received = '';
  isClosed = false;
  readonly #socket: Socket;
  #onChange: () => void = () => {};

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (data: string) => {
      this.received += data;
      this.#onChange();
    });
    // A reset is one way to end.
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.isClosed = true;
      this.#onChange();
    });
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Settles once all that was written has gone to the system: what comes next is another segment. */
  async drain(): Promise<void> {
    do await nextTurn();
    while (this.#socket.writableLength > 0 && !this.isClosed);
  }

  /** What came up to the end of the first match, which is taken away. */
  async take(pattern: RegExp): Promise<string> {
    await this.#when(`match ${pattern}`, () => pattern.test(this.received));
    const match = pattern.exec(this.received);
    const end = (match?.index ?? 0) + (match?.[0].length ?? 0);
    const taken = this.received.slice(0, end);
    this.received = this.received.slice(end);
    return taken;
  }

  /** The next answer that says its length. */
  async answer(): Promise<{ status: number; head: string; body: string }> {
    const head = await this.take(/\r\n\r\n/);
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? Number.NaN);
    await this.#when('have a whole body', () => this.received.length >= length);
    const body = this.received.slice(0, length);
    this.received = this.received.slice(length);
    return { status: Number(head.split(' ')[1]), head, body };
  }

  async whenClosed(): Promise<void> {
    await this.#when('close', () => this.isClosed);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #when(what: string, holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) =>
        reject(
          new Error(`did not ${what}, ${why}: ${JSON.stringify(this.received.slice(0, 500))}`),
        );
      const timer = setTimeout(() => fail('in time'), TIMEOUT_MS);
      this.#onChange = () => {
        if (!holds() && !this.isClosed) return;
        clearTimeout(timer);
        this.#onChange = () => {};
        if (holds()) resolve();
        else fail('but closed');
      };
      this.#onChange();
    });
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
