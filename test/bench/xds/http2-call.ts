/**
 * One gRPC call, both ways, on a connection of its own, with as little of HTTP/2 as that needs: a client
 * that costs next to nothing, so that what is measured is the server. Reads no header: a call that the
 * server ends has failed, whatever its status says.
 */
import type { Socket } from 'node:net';

export interface CallListener {
  /** One message, without its frame. Its bytes are its own only until this returns. */
  onMessage(message: Buffer): void;
  /** Once, unless the call was destroyed from here. */
  onEnd(reason: string): void;
}

const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 };
const END_STREAM = 0x1;
const ACK = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const SETTING_INITIAL_WINDOW = 4;
const STREAM = 1;
const HEAD_BYTES = 9;
const TYPE_AT = 3;
const GRPC_HEAD_BYTES = 5;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const DEFAULT_WINDOW = 65_535;
const MAX_WINDOW = 0x7fff_ffff;
/** What every peer takes; nobody here asks for more. */
const MAX_FRAME_BYTES = 16_384;

export class Http2Call {
  readonly #socket: Socket;
  readonly #listener: CallListener;
  /** Of the frame that is being read, and how much of that has come. */
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #unreadBytes = 0;
  readonly #payload: Buffer[] = [];
  /** Parts of a message that has not come whole. */
  readonly #parts: Buffer[] = [];
  #partsBytes = 0;
  #unacknowledgedBytes = 0;
  readonly #unsent: Buffer[] = [];
  #connectionWindow = DEFAULT_WINDOW;
  #streamWindow = DEFAULT_WINDOW;
  #initialWindow = DEFAULT_WINDOW;
  #ended = false;

  /** The socket may still be connecting. */
  constructor(socket: Socket, path: string, listener: CallListener) {
    this.#socket = socket;
    this.#listener = listener;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('error', (error) => this.#end(error.message));
    socket.on('close', () => this.#end('the connection was closed'));
    socket.write(opening(path, 'encrypted' in socket));
  }

  send(message: Buffer): void {
    const head = Buffer.alloc(GRPC_HEAD_BYTES);
    head.writeUInt32BE(message.length, 1);
    this.#unsent.push(Buffer.concat([head, message]));
    this.#flush();
  }

  destroy(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.destroy();
    this.#listener.onEnd(reason);
  }

  #flush(): void {
    while (this.#unsent[0] !== undefined) {
      const next = this.#unsent[0];
      const window = Math.min(this.#connectionWindow, this.#streamWindow, MAX_FRAME_BYTES);
      if (window <= 0) return;
      const part = next.subarray(0, window);
      if (part.length === next.length) this.#unsent.shift();
      else this.#unsent[0] = next.subarray(window);
      this.#connectionWindow -= part.length;
      this.#streamWindow -= part.length;
      this.#socket.write(frame(FRAME.data, 0, STREAM, part));
    }
  }

  #read(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.#ended; ) {
      if (this.#headBytes < HEAD_BYTES) {
        const copied = bytes.copy(this.#head, this.#headBytes, at);
        this.#headBytes += copied;
        at += copied;
        if (this.#headBytes < HEAD_BYTES) return;
        this.#unreadBytes = this.#head.readUIntBE(0, 3);
      }
      const part = bytes.subarray(at, at + this.#unreadBytes);
      at += part.length;
      this.#unreadBytes -= part.length;
      // What a message is made of need not wait for the end of its frame.
      if (this.#head[TYPE_AT] === FRAME.data) this.#onData(part);
      else this.#payload.push(part);
      if (this.#unreadBytes === 0) this.#onFrame();
    }
  }

  #onFrame(): void {
    const payload = Buffer.concat(this.#payload);
    const type = this.#head.readUInt8(TYPE_AT);
    const flags = this.#head.readUInt8(TYPE_AT + 1);
    const stream = this.#head.readUInt32BE(TYPE_AT + 2);
    this.#payload.length = 0;
    this.#headBytes = 0;
    switch (type) {
      case FRAME.settings:
        if ((flags & ACK) === 0) this.#onSettings(payload);
        return;
      case FRAME.ping:
        if ((flags & ACK) === 0) this.#socket.write(frame(FRAME.ping, ACK, 0, payload));
        return;
      case FRAME.windowUpdate:
        if (stream === 0) this.#connectionWindow += payload.readUInt32BE(0);
        else this.#streamWindow += payload.readUInt32BE(0);
        this.#flush();
        return;
      case FRAME.reset:
      case FRAME.goAway:
        this.#end(`the server sent frame ${type}: ${payload.toString('hex')}`);
        return;
      case FRAME.data:
        if ((flags & PADDED) !== 0) this.#end('padded frames are not understood');
        break;
      case FRAME.headers:
        break;
      default:
        return;
    }
    if ((flags & END_STREAM) !== 0) this.#end('the server ended the call');
  }

  #onSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== SETTING_INITIAL_WINDOW) continue;
      const window = payload.readUInt32BE(at + 2);
      this.#streamWindow += window - this.#initialWindow;
      this.#initialWindow = window;
    }
    this.#socket.write(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
    this.#flush();
  }

  #onData(payload: Buffer): void {
    this.#unacknowledgedBytes += payload.length;
    if (this.#unacknowledgedBytes > MAX_WINDOW / 2) {
      for (const stream of [0, STREAM]) {
        this.#socket.write(frame(FRAME.windowUpdate, 0, stream, number(this.#unacknowledgedBytes)));
      }
      this.#unacknowledgedBytes = 0;
    }
    this.#parts.push(payload);
    this.#partsBytes += payload.length;
    this.#takeMessages();
  }

  #takeMessages(): void {
    while (this.#partsBytes >= GRPC_HEAD_BYTES && !this.#ended) {
      const first = this.#parts[0] as Buffer;
      const head = first.length < GRPC_HEAD_BYTES ? Buffer.concat(this.#parts) : first;
      const bytes = GRPC_HEAD_BYTES + head.readUInt32BE(1);
      if (this.#partsBytes < bytes) return;
      const all = this.#parts.length === 1 ? first : joined(this.#parts, this.#partsBytes);
      this.#parts.length = 0;
      this.#partsBytes = all.length - bytes;
      // A copy, since what was joined is overwritten by the next message of any call.
      if (this.#partsBytes > 0) this.#parts.push(Buffer.from(all.subarray(bytes)));
      this.#listener.onMessage(all.subarray(GRPC_HEAD_BYTES, bytes));
    }
  }
}

/** One for all calls: a buffer for each message would cost more than all else here. */
let scratch = Buffer.alloc(1_048_576);

function joined(parts: readonly Buffer[], bytes: number): Buffer {
  if (scratch.length < bytes) scratch = Buffer.alloc(2 * bytes);
  let at = 0;
  for (const part of parts) at += part.copy(scratch, at);
  return scratch.subarray(0, bytes);
}

function opening(path: string, isEncrypted: boolean): Buffer {
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(SETTING_INITIAL_WINDOW, 0);
  settings.writeUInt32BE(MAX_WINDOW, 2);
  const headers = [
    [':method', 'POST'],
    [':scheme', isEncrypted ? 'https' : 'http'],
    [':path', path],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ] as const;
  return Buffer.concat([
    Buffer.from(PREFACE),
    frame(FRAME.settings, 0, 0, settings),
    frame(FRAME.windowUpdate, 0, 0, number(MAX_WINDOW - DEFAULT_WINDOW)),
    frame(FRAME.headers, END_HEADERS, STREAM, Buffer.concat(headers.map(literal))),
  ]);
}

/** A header as HPACK's literal without an index and without Huffman's code. */
function literal([name, value]: readonly [string, string]): Buffer {
  const text = (part: string) => [Buffer.from([part.length]), Buffer.from(part)];
  return Buffer.concat([Buffer.from([0]), ...text(name), ...text(value)]);
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, HEAD_BYTES);
  return bytes;
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
