import { invalid } from './errors.ts';

/** The bytes behind a request's JSON: those of its binary inputs, one after the other. */
export class TensorBlobs {
  readonly #bytes: Uint8Array | undefined;
  #at = 0;

  /** `bytes` are undefined when the request does not say where its JSON ends. */
  constructor(bytes: Uint8Array | undefined) {
    this.#bytes = bytes;
  }

  /**
   * The next `size` bytes, as the input claims: a view, so a claim costs no memory.
   * @throws RequestError when there are not that many.
   */
  take(size: unknown, where: string): Uint8Array {
    if (!Number.isSafeInteger(size) || (size as number) < 0) {
      throw invalid(`${where}: binary_data_size must be an integer of 0 or more`);
    }
    if (!this.#bytes) {
      throw invalid(
        `${where}: has a binary_data_size, but the header inference-header-content-length, which says where the JSON ends, is missing`,
      );
    }
    const left = this.#bytes.length - this.#at;
    if ((size as number) > left) {
      throw invalid(
        `${where}: binary_data_size is ${size}, but only ${left} bytes are left in the body`,
      );
    }
    this.#at += size as number;
    return this.#bytes.subarray(this.#at - (size as number), this.#at);
  }

  /** @throws RequestError when bytes are left that no input claims. */
  end(): void {
    const left = (this.#bytes?.length ?? 0) - this.#at;
    if (left > 0) {
      throw invalid(`${left} bytes follow the last binary input; each needs a "binary_data_size"`);
    }
  }
}
