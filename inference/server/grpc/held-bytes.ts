import { RequestError } from '../../protocol/errors.ts';

/** Counts the bytes of requests, those that are coming in and those that wait for an answer, within one bound. */
export class HeldBytes {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Each needs its `release`.
   * @throws RequestError when there is no room; nothing is held then.
   */
  hold(bytes: number): void {
    if (this.#bytes + bytes > this.#maxBytes) {
      throw new RequestError(
        'exhausted',
        `requests of ${this.#maxBytes} bytes are being answered (--max-held-bytes); try again later`,
      );
    }
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}
