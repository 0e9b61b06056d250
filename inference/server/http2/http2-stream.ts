import {
  DEFAULT_FRAME_BYTES,
  Flag,
  FRAME_HEAD_BYTES,
  FrameType,
  frame,
  MAX_WINDOW_BYTES,
  writeFrameHead,
} from './frames.ts';
import type { ErrorCode } from './http2-error.ts';

/** What a client may send on one stream before it is told that it was read. */
export const STREAM_WINDOW_BYTES = 262_144;
/** Data that waits for its client; who writes more should wait, too. */
const HIGH_WATER_BYTES = 65_536;

/** Hears of one stream. */
export interface StreamReader {
  /** A view that stays valid. Comes also while the stream is paused, as far as its window goes. */
  onData(chunk: Buffer): void;
  /** The client has sent all. */
  onEnd(): void;
  /** Called once, at every end: it is answered, was reset, or the connection is lost. */
  onClose(): void;
  /** After `write` said false: there is room again. */
  onDrain(): void;
}

/** The connection, as its streams see it. */
export interface StreamHost {
  /** Bytes that may be sent on all streams together. */
  sendWindow: number;
  readonly maxFrameBytes: number;
  /** Whether the client does not read what it is sent. */
  readonly full: boolean;
  send(bytes: Buffer): void;
  /** The stream's last frame is on its way. */
  ended(stream: Http2Stream): void;
  reset(stream: Http2Stream, code: ErrorCode): void;
  /** So many bytes of the stream were read, and may be sent anew. */
  allow(stream: Http2Stream, bytes: number): void;
}

/** One request and its answer. Header blocks are encoded. */
export class Http2Stream {
  readonly id: number;
  reader: StreamReader | undefined;
  sendWindow: number;
  /** Bytes that the client may still send. */
  receiveWindow = STREAM_WINDOW_BYTES;
  /** The client has sent all. */
  remoteDone = false;
  /** Nothing is sent any more. */
  over = false;
  readonly #host: StreamHost;
  readonly #pending: Buffer[] = [];
  /** Of the first that waits: what was sent of it. */
  #sentOfFirst = 0;
  #pendingBytes = 0;
  #trailers: Buffer | undefined;
  #blocked = false;
  #paused = false;
  /** Received, and not yet given back to the window. */
  #readBytes = 0;
  /** As the request announces it: what the data must add up to. */
  #announced: number | undefined;

  constructor(id: number, sendWindow: number, host: StreamHost, announced: number | undefined) {
    this.id = id;
    this.sendWindow = sendWindow;
    this.#host = host;
    this.#announced = announced;
  }

  /** Headers without data: of an answer that is a status only, it ends the stream. */
  sendHeaders(block: Buffer, end: boolean): void {
    if (this.over) return;
    const flags = Flag.END_HEADERS | (end ? Flag.END_STREAM : 0);
    this.#host.send(frame(FrameType.HEADERS, flags, this.id, block));
    if (end) this.#end();
  }

  /** @returns false when whoever writes should wait for `onDrain`. */
  write(data: Buffer): boolean {
    if (this.over) return true;
    this.#pending.push(data);
    this.#pendingBytes += data.length;
    this.pump();
    this.#blocked = this.#pendingBytes >= HIGH_WATER_BYTES;
    return !this.#blocked;
  }

  /** After what was written. */
  end(trailers: Buffer): void {
    if (this.over) return;
    this.#trailers = trailers;
    this.pump();
  }

  /** A whole answer; in one piece if it is small. */
  respond(headers: Buffer, data: Buffer, trailers: Buffer): void {
    if (this.over) return;
    const host = this.#host;
    const fits = data.length <= Math.min(DEFAULT_FRAME_BYTES, this.sendWindow, host.sendWindow);
    if (!fits || host.full) {
      this.sendHeaders(headers, false);
      this.write(data);
      this.end(trailers);
      return;
    }
    this.sendWindow -= data.length;
    host.sendWindow -= data.length;
    host.send(wholeAnswer(this.id, headers, data, trailers));
    this.#end();
  }

  /** Ends it, whatever is under way. */
  reset(code: ErrorCode): void {
    if (!this.over) this.#host.reset(this, code);
  }

  /** The client may send no more than the window that it has. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#giveBack();
  }

  /** `bytes` count against the window: the data and its padding. */
  receive(data: Buffer, bytes: number): void {
    this.receiveWindow -= bytes;
    this.#readBytes += bytes;
    if (this.#announced !== undefined) this.#announced -= data.length;
    if (!this.#paused) this.#giveBack();
    if (data.length > 0) this.reader?.onData(data);
  }

  /** Whether the data so far contradict the length that was announced. */
  contradicts(end: boolean): boolean {
    if (this.#announced === undefined) return false;
    return end ? this.#announced !== 0 : this.#announced < 0;
  }

  /** @returns false when the window would be larger than any may be. */
  widen(bytes: number): boolean {
    this.sendWindow += bytes;
    return this.sendWindow <= MAX_WINDOW_BYTES;
  }

  /** Sends what the windows allow. */
  pump(): void {
    const host = this.#host;
    for (let data = this.#pending[0]; data; data = this.#pending[0]) {
      const room = Math.min(this.sendWindow, host.sendWindow, host.maxFrameBytes);
      if (room <= 0 || host.full || this.over) return;
      const bytes = Math.min(room, data.length - this.#sentOfFirst);
      const part = data.subarray(this.#sentOfFirst, this.#sentOfFirst + bytes);
      host.send(dataHead(this.id, bytes));
      host.send(part);
      this.sendWindow -= bytes;
      host.sendWindow -= bytes;
      this.#pendingBytes -= bytes;
      this.#sentOfFirst += bytes;
      if (this.#sentOfFirst < data.length) continue;
      this.#pending.shift();
      this.#sentOfFirst = 0;
    }
    if (this.#trailers) {
      const trailers = this.#trailers;
      this.#trailers = undefined;
      this.sendHeaders(trailers, true);
    } else if (this.#blocked) {
      this.#blocked = false;
      this.reader?.onDrain();
    }
  }

  #end(): void {
    this.over = true;
    this.#host.ended(this);
  }

  #giveBack(): void {
    if (this.remoteDone || this.#readBytes < STREAM_WINDOW_BYTES / 2) return;
    const bytes = this.#readBytes;
    this.#readBytes = 0;
    this.receiveWindow += bytes;
    this.#host.allow(this, bytes);
  }
}

function dataHead(streamId: number, bytes: number): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  writeFrameHead(head, 0, bytes, FrameType.DATA, 0, streamId);
  return head;
}

/** Headers, data and trailers in one buffer. */
function wholeAnswer(id: number, headers: Buffer, data: Buffer, trailers: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(
    3 * FRAME_HEAD_BYTES + headers.length + data.length + trailers.length,
  );
  let at = 0;
  const add = (type: number, flags: number, payload: Buffer): void => {
    writeFrameHead(bytes, at, payload.length, type, flags, id);
    bytes.set(payload, at + FRAME_HEAD_BYTES);
    at += FRAME_HEAD_BYTES + payload.length;
  };
  add(FrameType.HEADERS, Flag.END_HEADERS, headers);
  add(FrameType.DATA, 0, data);
  add(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, trailers);
  return bytes;
}
