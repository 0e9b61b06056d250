const HEAD_END = Buffer.from('\r\n\r\n');
const STATUS_OK = 'HTTP/1.1 200';
const LENGTH = /\r\ncontent-length: (\d+)/i;

/** Finds where each answer on an HTTP/1.1 connection ends. Only those with 200 and a length are answers here. */
export class AnswerReader {
  /** Of an answer whose head has not come whole. */
  #head: Buffer | null = null;
  /** Bytes of the body that are still to come. */
  #missing = 0;

  /**
   * `bytes` are not kept.
   * @returns whether they end an answer.
   * @throws {Error} when they are something else.
   */
  ends(bytes: Buffer): boolean {
    if (this.#missing > 0) return this.#take(bytes.length);
    const head = this.#head === null ? bytes : Buffer.concat([this.#head, bytes]);
    const end = head.indexOf(HEAD_END);
    if (end < 0) {
      this.#head = Buffer.from(head);
      return false;
    }
    this.#head = null;
    const text = head.toString('latin1', 0, end);
    const length = text.startsWith(STATUS_OK) ? LENGTH.exec(text)?.[1] : undefined;
    if (length === undefined) {
      throw new Error(`not a 200 with a length: ${head.toString('latin1', 0, 1000)}`);
    }
    this.#missing = Number(length);
    return this.#take(head.length - end - HEAD_END.length);
  }

  #take(size: number): boolean {
    this.#missing -= size;
    if (this.#missing < 0) throw new Error('an answer is longer than it says');
    return this.#missing === 0;
  }
}
