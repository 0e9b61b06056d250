import type { Socket } from 'node:net';

/** More than this is not copied together for one write. */
const MAX_JOINED_BYTES = 65_536;
/** Beyond this a client does not read what it is sent. */
const FULL_BYTES = 1024 * 1024;

/** Writes all frames of one turn of the event loop at once. */
export class FrameOutput {
  readonly #socket: Socket;
  #parts: Buffer[] = [];
  #bytes = 0;
  #scheduled = false;

  /** `onDrain` is called when it is no longer full. */
  constructor(socket: Socket, onDrain: () => void) {
    this.#socket = socket;
    socket.on('drain', onDrain);
  }

  get full(): boolean {
    return this.#socket.writableLength + this.#bytes > FULL_BYTES;
  }

  send(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => this.flush());
  }

  flush(): void {
    this.#scheduled = false;
    const [parts, bytes] = [this.#parts, this.#bytes];
    if (parts.length === 0) return;
    this.#parts = [];
    this.#bytes = 0;
    if (!this.#socket.writable) return;
    if (parts.length === 1) this.#socket.write(parts[0] as Buffer);
    else if (bytes <= MAX_JOINED_BYTES) this.#socket.write(Buffer.concat(parts, bytes));
    else {
      this.#socket.cork();
      for (const part of parts) this.#socket.write(part);
      this.#socket.uncork();
    }
  }
}
