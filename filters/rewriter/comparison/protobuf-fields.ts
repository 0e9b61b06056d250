/** Steps through the fields of a protobuf message. Values are not copied. */

export const WIRE_VARINT: i32 = 0;
export const WIRE_64_BIT: i32 = 1;
export const WIRE_LENGTH: i32 = 2;
export const WIRE_32_BIT: i32 = 5;

export class ProtobufFields {
  readonly bytes: Uint8Array;
  /** The field at hand, and how its value is written. */
  field: i32 = 0;
  wire: i32 = 0;
  /** Where its value stands; that of `WIRE_LENGTH` without the length. */
  from: i32 = 0;
  to: i32 = 0;
  /** The message is not in order; there is no field any more. */
  malformed: boolean = false;

  private end: i32;
  private at: i32;

  /** The message is bytes `from` to `end`. */
  constructor(bytes: Uint8Array, from: i32, end: i32) {
    this.bytes = bytes;
    this.at = from;
    this.end = end;
  }

  /** Moves on to the next field. False at the end, or where the message is not in order. */
  next(): boolean {
    if (this.malformed || this.at >= this.end) return false;
    const tag = this.smallVarint();
    this.field = tag >>> 3;
    this.wire = tag & 7;
    if (tag < 0 || this.field == 0) return this.fail();
    if (this.wire == WIRE_VARINT) {
      this.from = this.at;
      while (this.at < this.end && i32(unchecked(this.bytes[this.at])) >= 0x80) this.at++;
      return this.value(1);
    }
    let size: i32 = -1;
    if (this.wire == WIRE_LENGTH) size = this.smallVarint();
    else if (this.wire == WIRE_64_BIT) size = 8;
    else if (this.wire == WIRE_32_BIT) size = 4;
    this.from = this.at;
    return size < 0 ? this.fail() : this.value(size);
  }

  /** Reads the varint at `at` below 2^31, or -1. */
  private smallVarint(): i32 {
    let value: i32 = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.at >= this.end) return -1;
      const c: i32 = unchecked(this.bytes[this.at++]);
      if (shift == 28 && c > 0x07) return -1;
      value |= (c & 0x7f) << shift;
      if (c < 0x80) return value;
    }
    return -1;
  }

  private value(size: i32): boolean {
    if (size > this.end - this.at) return this.fail();
    this.at += size;
    this.to = this.at;
    return true;
  }

  private fail(): boolean {
    this.malformed = true;
    return false;
  }
}
