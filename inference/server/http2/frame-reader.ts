import { DEFAULT_FRAME_BYTES, FRAME_HEAD_BYTES, PREFACE } from './frames.ts';
import { ErrorCode, Http2Error } from './http2-error.ts';

/** `payload` is a view into what came, and stays valid. */
export type OnFrame = (type: number, flags: number, streamId: number, payload: Buffer) => void;

/** Cuts what a client sends into frames, after the preface. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #rest: Buffer | undefined;
  #prefaced = false;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** @throws Http2Error, after which nothing more can be read. */
  add(chunk: Buffer): void {
    // At most one frame is not whole, so this stays small.
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    if (!this.#prefaced) {
      const length = Math.min(bytes.length, PREFACE.length);
      if (PREFACE.compare(bytes, 0, length, 0, length) !== 0) {
        throw new Http2Error(ErrorCode.PROTOCOL_ERROR, 'this is no HTTP/2');
      }
      if (length === PREFACE.length) {
        this.#prefaced = true;
        at = length;
      }
    }
    if (this.#prefaced) at = this.#cut(bytes, at);
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined;
  }

  /** @returns where the first frame that is not whole begins. */
  #cut(bytes: Buffer, from: number): number {
    let at = from;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const length = bytes.readUIntBE(at, 3);
      if (length > DEFAULT_FRAME_BYTES) {
        throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, `a frame has ${length} bytes`);
      }
      const end = at + FRAME_HEAD_BYTES + length;
      if (end > bytes.length) break;
      const streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff;
      const payload = bytes.subarray(at + FRAME_HEAD_BYTES, end);
      this.#onFrame(bytes[at + 3] as number, bytes[at + 4] as number, streamId, payload);
      at = end;
    }
    return at;
  }
}
