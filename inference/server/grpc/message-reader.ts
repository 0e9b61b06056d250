import { RequestError } from '../../protocol/errors.ts';
import { decompress, type MessageEncoding, PREFIX_BYTES } from './message-coding.ts';

export interface MessageListener {
  onMessage(message: Buffer): void;
  /** All messages were told. */
  onEnd(): void;
  /** What comes after it is thrown away. */
  onBroken(error: RequestError): void;
}

/** Puts the messages of one call together, in their order, decompressed. Lengths must have been checked before. */
export class MessageReader {
  readonly #listener: MessageListener;
  readonly #encoding: MessageEncoding;
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Messages that wait for one before them to be decompressed, or for the end of a pause; a null is the end. */
  #waiting: ({ readonly message: Buffer; readonly compressed: boolean } | null)[] = [];
  #decompressing = false;
  #paused = false;
  #broken = false;

  constructor(listener: MessageListener, encoding: MessageEncoding, maxBytes: number) {
    this.#listener = listener;
    this.#encoding = encoding;
    this.#maxBytes = maxBytes;
  }

  add(chunk: Buffer): void {
    if (this.#broken) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= PREFIX_BYTES && !this.#broken) {
      const head = this.#joined(PREFIX_BYTES);
      const length = head.readUInt32BE(1);
      if (this.#bytes < PREFIX_BYTES + length) return;
      const bytes = this.#joined(PREFIX_BYTES + length);
      const message = bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
      const rest = bytes.subarray(PREFIX_BYTES + length);
      this.#chunks = rest.length > 0 ? [rest, ...this.#chunks.slice(1)] : this.#chunks.slice(1);
      this.#bytes -= PREFIX_BYTES + length;
      this.#take(message, bytes[0] as number);
    }
  }

  end(): void {
    if (this.#broken) return;
    if (this.#bytes > 0) {
      this.#break(new RequestError('internal', 'the request ends in the middle of a message'));
    } else if (this.#waits) this.#waiting.push(null);
    else this.#listener.onEnd();
  }

  /** No more messages are told; what comes is kept as it came. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#takeWaiting();
  }

  /** Nobody listens any more. */
  stop(): void {
    this.#broken = true;
    this.#chunks = [];
    this.#waiting = [];
  }

  get #waits(): boolean {
    return this.#decompressing || this.#paused || this.#waiting.length > 0;
  }

  /** The first bytes in one piece, as many as asked for or more. */
  #joined(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first && first.length >= bytes) return first;
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }

  #take(message: Buffer, flags: number): void {
    if (flags > 1) {
      this.#break(new RequestError('internal', `a message has the flags ${flags}`));
    } else if (this.#waits) this.#waiting.push({ message, compressed: flags === 1 });
    else if (flags === 1) this.#decompress(message);
    else this.#listener.onMessage(message);
  }

  #decompress(message: Buffer): void {
    this.#decompressing = true;
    decompress(message, this.#encoding, this.#maxBytes, (result) => {
      this.#decompressing = false;
      if (this.#broken) return;
      if (result instanceof RequestError) this.#break(result);
      else {
        this.#listener.onMessage(result);
        this.#takeWaiting();
      }
    });
  }

  #takeWaiting(): void {
    while (!this.#decompressing && !this.#paused && !this.#broken) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next === null) this.#listener.onEnd();
      else if (next.compressed) this.#decompress(next.message);
      else this.#listener.onMessage(next.message);
    }
  }

  #break(error: RequestError): void {
    this.stop();
    this.#listener.onBroken(error);
  }
}
