/** Work that is begun in order and ends in any, whose results are taken in order; bounded in rows and bytes. */
interface Pending<T> {
  readonly result: Promise<T>;
  readonly bytes: number;
}

export class InFlight<T> {
  readonly #maxRows: number;
  readonly #maxBytes: number;
  readonly #take: (result: T) => Promise<void>;
  readonly #pending: Pending<T>[] = [];
  #bytes = 0;

  constructor(maxRows: number, maxBytes: number, take: (result: T) => Promise<void>) {
    this.#maxRows = maxRows;
    this.#maxBytes = maxBytes;
    this.#take = take;
  }

  /** Settles when there is room for more. One that is larger than all the room is let in alone. */
  async add(result: Promise<T>, bytes: number): Promise<void> {
    this.#pending.push({ result, bytes });
    this.#bytes += bytes;
    while (this.#pending.length >= this.#maxRows || this.#bytes > this.#maxBytes) {
      if (!(await this.#takeFirst())) break;
    }
  }

  /** Settles when every result is taken. */
  async drain(): Promise<void> {
    while (await this.#takeFirst());
  }

  async #takeFirst(): Promise<boolean> {
    const first = this.#pending.shift();
    if (first === undefined) return false;
    const result = await first.result;
    this.#bytes -= first.bytes;
    await this.#take(result);
    return true;
  }
}
