/** Bytes in the making. */

/** So few are copied one by one: a view of them costs more. */
const FEW_BYTES: i32 = 24;

/** Writes into a buffer of a size that is known beforehand, and must be exact. */
export class ByteWriter {
  readonly bytes: Uint8Array;
  private at: i32 = 0;

  constructor(size: i32) {
    this.bytes = new Uint8Array(size);
  }

  copy(from: Uint8Array, start: i32, end: i32): void {
    const length = end - start;
    if (length > FEW_BYTES) this.bytes.set(from.subarray(start, end), this.at);
    else {
      for (let i = 0; i < length; i++) this.bytes[this.at + i] = from[start + i];
    }
    if (length > 0) this.at += length;
  }

  byte(value: i32): void {
    this.bytes[this.at] = value;
    this.at++;
  }

  /** The digits of a number from 0. */
  whole(value: i32): void {
    const end = this.at + wholeLength(value);
    let rest = value;
    for (let at = end - 1; at >= this.at; at--) {
      this.bytes[at] = 0x30 + (rest % 10);
      rest = i32(rest / 10);
    }
    this.at = end;
  }

  /** A number from 0 in protobuf's form. */
  varint(value: i32): void {
    let rest = value;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.byte(rest);
  }

  /** Four bytes, the highest first. */
  bigEndian(value: i32): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.byte((value >> shift) & 0xff);
  }
}

/** How many bytes `varint` writes. */
export function varintLength(value: i32): i32 {
  let bytes: i32 = 1;
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes++;
  return bytes;
}

/** How many digits `whole` writes. */
export function wholeLength(value: i32): i32 {
  let digits: i32 = 1;
  for (let rest = i32(value / 10); rest > 0; rest = i32(rest / 10)) digits++;
  return digits;
}
