/** Numbers that look random and are the same for the same seed (splitmix32). Not for secrets. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    // Both halves of a large seed count.
    this.#state = (seed ^ Math.floor(seed / 2 ** 32)) | 0;
  }

  /** From 0 up to, but not, 1. */
  next(): number {
    return (this.#word() * 2 ** 21 + (this.#word() >>> 11)) / 2 ** 53;
  }

  #word(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let word = this.#state ^ (this.#state >>> 16);
    word = Math.imul(word, 0x21f0aaad);
    word ^= word >>> 15;
    word = Math.imul(word, 0x735a2d97);
    return (word ^ (word >>> 15)) >>> 0;
  }
}
