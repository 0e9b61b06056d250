/** The content of a string of JSON as bytes of UTF-8, without making text of it. */
import { hexDigit, simpleEscape } from '../../wire/json-string.ts';

/** After the last byte. */
export const TEXT_END: i32 = -1;
/** It is not the content of a string. */
export const TEXT_MALFORMED: i32 = -2;

const BACKSLASH: i32 = 0x5c;
const LOWER_U: i32 = 0x75;

export class JsonText {
  private bytes: Uint8Array;
  private at: i32 = 0;
  private to: i32 = 0;
  /** Bytes that an escape has still to give, the next one lowest. */
  private pending: i32 = 0;
  private pendingBytes: i32 = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Begins the text that stands between quotes at `from` to `to`. */
  begin(from: i32, to: i32): void {
    this.at = from;
    this.to = to;
    this.pendingBytes = 0;
  }

  /** The next byte, `TEXT_END` or `TEXT_MALFORMED`. Bytes that are not UTF-8 stay as they are. */
  next(): i32 {
    if (this.pendingBytes > 0) {
      const byte = this.pending & 0xff;
      this.pending >>>= 8;
      this.pendingBytes--;
      return byte;
    }
    if (this.at >= this.to) return TEXT_END;
    const c: i32 = unchecked(this.bytes[this.at++]);
    return c == BACKSLASH ? this.escape() : c;
  }

  private escape(): i32 {
    if (this.at >= this.to) return TEXT_MALFORMED;
    const kind: i32 = unchecked(this.bytes[this.at]);
    if (kind != LOWER_U) {
      this.at++;
      const plain = simpleEscape(kind);
      return plain < 0 ? TEXT_MALFORMED : plain;
    }
    let code = this.unit(this.at);
    if (code < 0) return TEXT_MALFORMED;
    this.at += 5;
    if (code >= 0xd800 && code < 0xdc00 && this.startsEscape()) {
      const low = this.unit(this.at + 1);
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        this.at += 6;
      }
    }
    return this.encode(code);
  }

  private startsEscape(): boolean {
    return this.at < this.to && i32(unchecked(this.bytes[this.at])) == BACKSLASH;
  }

  /** The four digits behind the `u` at `at`, or -1. */
  private unit(at: i32): i32 {
    if (at + 5 > this.to || i32(unchecked(this.bytes[at])) != LOWER_U) return -1;
    let unit: i32 = 0;
    for (let i = 1; i < 5; i++) {
      const digit = hexDigit(unchecked(this.bytes[at + i]));
      if (digit < 0) return -1;
      unit = (unit << 4) | digit;
    }
    return unit;
  }

  /** Gives the first byte of a character and keeps the others. Half a pair is written as it stands. */
  private encode(code: i32): i32 {
    if (code < 0x80) return code;
    const last = 0x80 | (code & 0x3f);
    const second = 0x80 | ((code >> 6) & 0x3f);
    if (code < 0x800) {
      this.pending = last;
      this.pendingBytes = 1;
      return 0xc0 | (code >> 6);
    }
    if (code < 0x10000) {
      this.pending = second | (last << 8);
      this.pendingBytes = 2;
      return 0xe0 | (code >> 12);
    }
    this.pending = 0x80 | ((code >> 12) & 0x3f) | (second << 8) | (last << 16);
    this.pendingBytes = 3;
    return 0xf0 | (code >> 18);
  }
}
