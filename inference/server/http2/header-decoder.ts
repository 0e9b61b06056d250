import { HeaderTable } from './header-table.ts';
import { ErrorCode, Http2Error } from './http2-error.ts';
import { decodeHuffman } from './huffman.ts';

const MAX_TABLE_BYTES = 4096;
/** Larger numbers than any length or index here has. */
const MAX_INTEGER = 2 ** 28;

/** Reads header blocks of one connection (HPACK, RFC 7541), all of them and in their order. */
export class HeaderDecoder {
  readonly #table = new HeaderTable(MAX_TABLE_BYTES);
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Equal versions: equal blocks mean the same. */
  get version(): number {
    return this.#table.version;
  }

  /** @throws Http2Error, after which no block can be read any more. */
  decode(block: Buffer, onHeader: (name: string, value: string) => void): void {
    this.#block = block;
    this.#at = 0;
    let begun = false;
    while (this.#at < block.length) {
      const byte = block[this.#at] as number;
      if ((byte & 0xe0) === 0x20) {
        if (begun) throw broken('a size update in the middle of a block');
        if (!this.#table.resize(this.#integer(5))) throw broken('a table over its limit');
        continue;
      }
      begun = true;
      if (byte & 0x80) {
        const [name, value] = this.#entry(this.#integer(7));
        onHeader(name, value);
      } else this.#literal(byte, onHeader);
    }
  }

  #literal(byte: number, onHeader: (name: string, value: string) => void): void {
    const indexed = (byte & 0x40) !== 0;
    const index = this.#integer(indexed ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    const value = this.#string();
    if (indexed) this.#table.add(name, value);
    onHeader(name, value);
  }

  #entry(index: number): readonly [string, string] {
    const entry = this.#table.at(index);
    if (!entry) throw broken(`no entry ${index}`);
    return entry;
  }

  #byte(): number {
    if (this.#at >= this.#block.length) throw broken('a block that is cut off');
    return this.#block[this.#at++] as number;
  }

  /** Begins in the last `bits` of the next byte. */
  #integer(bits: number): number {
    const mask = 2 ** bits - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (value > MAX_INTEGER || scale > MAX_INTEGER) throw broken('a number that is too large');
      if ((byte & 0x80) === 0) return value;
    }
  }

  #string(): string {
    const coded = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const from = this.#at;
    const to = from + length;
    if (to > this.#block.length) throw broken('a text that is cut off');
    this.#at = to;
    if (!coded) return this.#block.toString('latin1', from, to);
    const text = decodeHuffman(this.#block, from, to);
    if (text === undefined) throw broken('a text that is no Huffman code');
    return text;
  }
}

function broken(what: string): Http2Error {
  return new Http2Error(ErrorCode.COMPRESSION_ERROR, `headers have ${what}`);
}
