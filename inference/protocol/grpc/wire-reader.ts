/** Reads protobuf's wire format in place. What is not of it, or cut off, is a RequestError. */
import { isUtf8 } from 'node:buffer';
import { invalid, type RequestError } from '../errors.ts';

/** The low three bits of a tag; the rest is the field's number. */
export const WIRE = { VARINT: 0, FIXED64: 1, LENGTH: 2, FIXED32: 5 } as const;

const WORD = 2 ** 32;

/** A place in a message, and the end of the part that may be read. */
export class WireReader {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;
  /** The halves of the last varint that was longer than a byte, and of every one that `varint` read. */
  low = 0;
  high = 0;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** Of the next field: its number times 8, and its wire type. */
  tag(): number {
    const tag = this.uint();
    if (tag < 8 || tag >= WORD) throw malformed('a field has no valid number');
    return tag;
  }

  /** A number from 0; beyond 2^53 it is rounded. */
  uint(): number {
    const first = this.at < this.end ? (this.bytes[this.at] as number) : 0x80;
    if (first < 0x80) {
      this.at++;
      return first;
    }
    this.varint();
    return (this.high >>> 0) * WORD + (this.low >>> 0);
  }

  /** An int64; beyond 2^53 it is rounded. */
  int(): number {
    const value = this.uint();
    return value < 0x80 ? value : this.high * WORD + (this.low >>> 0);
  }

  /** Any varint, as the 32-bit halves `low` and `high`. */
  varint(): void {
    let low = 0;
    let high = 0;
    for (let bit = 0; bit < 70 && this.at < this.end; bit += 7) {
      const byte = this.bytes[this.at++] as number;
      const part = byte & 0x7f;
      if (bit < 28) low |= part << bit;
      else if (bit > 28) high |= part << (bit - 32);
      else {
        low |= part << 28;
        high |= part >>> 4;
      }
      if (byte < 0x80) {
        this.low = low;
        this.high = high;
        return;
      }
    }
    throw malformed('a number is cut off, or longer than 10 bytes');
  }

  /** The end of the length-delimited field whose bytes are now at `at`. Its length may not lie. */
  length(): number {
    const length = this.uint();
    const left = this.end - this.at;
    if (length > left) throw malformed(`a field claims ${length} bytes where ${left} are left`);
    return this.at + length;
  }

  /** The message in the length-delimited field here; reading goes on behind it. */
  message(): WireReader {
    const end = this.length();
    const inner = new WireReader(this.bytes, this.at, end);
    this.at = end;
    return inner;
  }

  /** A view of the length-delimited field here. */
  view(): Buffer {
    const end = this.length();
    const view = this.bytes.subarray(this.at, end);
    this.at = end;
    return view;
  }

  /** @throws RequestError when it is not UTF-8; `field` is its name. */
  string(field: string): string {
    const end = this.length();
    const text = this.bytes.toString('utf8', this.at, end);
    if (text.includes('\ufffd') && !isUtf8(this.bytes.subarray(this.at, end))) {
      throw malformed(`${field} is not UTF-8`);
    }
    this.at = end;
    return text;
  }

  /** Moves `size` bytes on. @returns where it was. */
  take(size: number): number {
    if (size > this.end - this.at) throw malformed('it ends in the middle of a field');
    this.at += size;
    return this.at - size;
  }

  /** Leaves out the field of this tag. Groups, which are older than this protocol, are refused. */
  skip(tag: number): void {
    const type = tag & 7;
    if (type === WIRE.VARINT) this.varint();
    else if (type === WIRE.FIXED64) this.take(8);
    else if (type === WIRE.LENGTH) this.at = this.length();
    else if (type === WIRE.FIXED32) this.take(4);
    else throw malformed(`field ${tag >>> 3} has the wire type ${type}`);
  }
}

export function malformed(reason: string): RequestError {
  return invalid(`the message cannot be read as its method's request: ${reason}`);
}
