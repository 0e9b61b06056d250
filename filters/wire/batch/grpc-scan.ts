/** Steps through the fields of a protobuf message. Stops for good at the first thing that is not in order. */
import { Span } from './span.ts';

export const FIELD: i32 = 0;
export const FIELDS_END: i32 = 1;
export const FIELDS_BROKEN: i32 = 2;

export const WIRE_VARINT: i32 = 0;
export const WIRE_LENGTH: i32 = 2;
const WIRE_64_BIT: i32 = 1;
const WIRE_32_BIT: i32 = 5;

const MAX_VARINT_BYTES: i32 = 10;
const MAX_TAG_BYTES: i32 = 5;

export class GrpcScan {
  readonly bytes: Uint8Array;
  /** Number of the last field, and its wire type. */
  field: i32 = 0;
  wire: i32 = 0;
  /** Its value; of a WIRE_LENGTH field without the length. */
  start: i32 = 0;
  end: i32 = 0;
  /** Where the length of a WIRE_LENGTH field begins; it ends where the value starts. */
  lengthStart: i32 = 0;
  /** A WIRE_VARINT field's number, or the last one that `varint` read; -1: below 0, or from 2^31 on. */
  number: i32 = 0;
  private at: i32;
  private to: i32;

  /** Bytes `from` to `to`, which are within `bytes`. */
  constructor(bytes: Uint8Array, from: i32, to: i32) {
    this.bytes = bytes;
    this.at = from;
    this.to = to;
  }

  /** FIELD, FIELDS_END or FIELDS_BROKEN. */
  next(): i32 {
    if (this.at >= this.to) return FIELDS_END;
    const tagStart = this.at;
    if (!this.varint() || this.number < 8 || this.at - tagStart > MAX_TAG_BYTES)
      return this.broken();
    this.field = this.number >> 3;
    this.wire = this.number & 7;
    this.start = this.at;
    if (this.wire == WIRE_VARINT) {
      if (!this.varint()) return this.broken();
    } else if (this.wire == WIRE_LENGTH) {
      this.lengthStart = this.at;
      if (!this.varint() || this.number < 0) return this.broken();
      this.start = this.at;
      if (!this.skip(this.number)) return this.broken();
    } else if (this.wire == WIRE_64_BIT) {
      if (!this.skip(8)) return this.broken();
    } else if (this.wire != WIRE_32_BIT || !this.skip(4)) return this.broken();
    this.end = this.at;
    return FIELD;
  }

  /** The value of the last field. */
  span(): Span {
    return new Span(this.start, this.end);
  }

  /** Where the length of the last field stands. */
  lengthSpan(): Span {
    return new Span(this.lengthStart, this.start);
  }

  /** The fields of the last field's value. */
  inside(): GrpcScan {
    return new GrpcScan(this.bytes, this.start, this.end);
  }

  /** Whether there is more of packed numbers. */
  get hasMore(): boolean {
    return this.at < this.to;
  }

  /** Where the next number of packed ones begins. */
  get position(): i32 {
    return this.at;
  }

  /** Reads one number into `number`. */
  varint(): boolean {
    let value: i32 = 0;
    let isWide = false;
    for (let i: i32 = 0; i < MAX_VARINT_BYTES; i++) {
      if (this.at >= this.to) return false;
      const c: i32 = i32(unchecked(this.bytes[this.at]));
      this.at++;
      const bits = c & 0x7f;
      if (i < 4) value |= bits << (i * 7);
      else if (i == 4) {
        if (bits > 0x07) isWide = true;
        else value |= bits << 28;
      } else if (bits != 0) isWide = true;
      if (c < 0x80) {
        this.number = isWide ? -1 : value;
        return true;
      }
    }
    return false;
  }

  private skip(size: i32): boolean {
    if (size > this.to - this.at) return false;
    this.at += size;
    return true;
  }

  private broken(): i32 {
    this.at = this.to;
    return FIELDS_BROKEN;
  }
}
