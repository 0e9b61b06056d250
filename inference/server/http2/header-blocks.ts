import { HeaderDecoder } from './header-decoder.ts';
import { ErrorCode, Http2Error } from './http2-error.ts';
import { MAX_HEADER_BYTES, RequestHead } from './request-head.ts';

/** A block may be longer than the headers that are kept; what it says must be read all the same. */
const MAX_BLOCK_BYTES = 16 * MAX_HEADER_BYTES;
const NOTHING = Buffer.alloc(0);

/** Puts header blocks together and reads them. Clients that repeat themselves are read only once. */
export class HeaderBlocks {
  /** Of the block that is not whole yet. */
  streamId: number | undefined;
  readonly #decoder = new HeaderDecoder();
  #block: Buffer = NOTHING;
  #end = false;
  #trailers = false;
  /** The last block that changed no index, and what it meant. */
  #known: { block: Buffer; version: number; head: RequestHead } | undefined;

  begin(streamId: number, fragment: Buffer, end: boolean, trailers: boolean): void {
    this.streamId = streamId;
    this.#block = fragment;
    this.#end = end;
    this.#trailers = trailers;
  }

  /** @throws Http2Error when there is nothing to continue, or too much. */
  add(streamId: number, fragment: Buffer): void {
    if (this.streamId !== streamId) {
      throw new Http2Error(ErrorCode.PROTOCOL_ERROR, 'a continuation of nothing');
    }
    if (this.#block.length + fragment.length > MAX_BLOCK_BYTES) {
      throw new Http2Error(ErrorCode.ENHANCE_YOUR_CALM, 'headers of too many bytes');
    }
    this.#block = Buffer.concat([this.#block, fragment]);
  }

  /** @throws Http2Error when the block cannot be read. */
  finish(): { readonly head: RequestHead; readonly end: boolean } {
    this.streamId = undefined;
    return { head: this.#read(this.#block), end: this.#end };
  }

  #read(block: Buffer): RequestHead {
    const known = this.#known;
    const { version } = this.#decoder;
    if (known && !this.#trailers && known.version === version && known.block.equals(block)) {
      return known.head;
    }
    const head = new RequestHead(MAX_HEADER_BYTES, this.#trailers);
    this.#decoder.decode(block, head.add);
    head.finish();
    if (!this.#trailers && this.#decoder.version === version) {
      this.#known = { block: Buffer.from(block), version, head };
    }
    return head;
  }
}
