/** Before a message: a byte of flags, and four of its length. */
const PREFIX_BYTES = 5;

/** How far the messages of one HTTP/2 stream have come, which takes no more than counting their bytes. */
export class MessageProgress {
  /** Of the message that is not whole yet, with its prefix. */
  #bytes = 0;
  /** Of that message, with its prefix; it grows byte by byte while the length itself is on its way. */
  #size = 0;

  get partialBytes(): number {
    return this.#bytes;
  }

  /** @returns the length of the longest message that was announced in this chunk, or 0. */
  add(chunk: Buffer): number {
    let longest = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.#bytes < PREFIX_BYTES) {
        const whole = this.#bytes === 0 && chunk.length - at >= PREFIX_BYTES;
        if (whole) this.#size = chunk.readUInt32BE(at + 1);
        // The first byte is no part of the length, and falls out of it as the others come.
        else
          this.#size = ((this.#size << 8) | (this.#bytes === 0 ? 0 : (chunk[at] as number))) >>> 0;
        const taken = whole ? PREFIX_BYTES : 1;
        this.#bytes += taken;
        at += taken;
        if (this.#bytes < PREFIX_BYTES) continue;
        longest = Math.max(longest, this.#size);
        this.#size += PREFIX_BYTES;
      }
      const taken = Math.min(this.#size - this.#bytes, chunk.length - at);
      this.#bytes += taken;
      at += taken;
      if (this.#bytes === this.#size) {
        this.#bytes = 0;
        this.#size = 0;
      }
    }
    return longest;
  }
}
