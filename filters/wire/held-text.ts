/** A short text inside a long body: its bytes come in pieces, and a piece is gone after each call. */
import { decodeUtf8 } from './utf8.ts';

/** No UTF-16 unit takes more bytes of UTF-8 than this. */
const MAX_BYTES_PER_UNIT: i32 = 3;

export class HeldText {
  /** The text, once it has ended; empty where it is too long. */
  text: string = '';
  tooLong: boolean = false;

  private maxUnits: i32;
  private maxBytes: i32;
  private held: Uint8Array | null = null;
  private size: i32 = 0;

  /** `maxUnits` is the longest text that is kept, in UTF-16 units. */
  constructor(maxUnits: i32) {
    this.maxUnits = maxUnits;
    this.maxBytes = maxUnits * MAX_BYTES_PER_UNIT;
  }

  /** Begins another text. */
  clear(): void {
    this.text = '';
    this.tooLong = false;
    this.size = 0;
  }

  /** Keeps bytes `from` to `to`; what is beyond any allowed text only makes it too long. */
  add(bytes: Uint8Array, from: i32, to: i32): void {
    if (to - from > this.maxBytes - this.size) this.tooLong = true;
    if (this.tooLong || from == to) return;
    let held = this.held;
    if (held === null) {
      held = new Uint8Array(this.maxBytes);
      this.held = held;
    }
    for (let at = from; at < to; at++) held[this.size++] = unchecked(bytes[at]);
  }

  /**
   * Ends the text with bytes `from` to `to`. False where it is not UTF-8, which is not asked of one
   * that is too long.
   */
  end(bytes: Uint8Array, from: i32, to: i32): boolean {
    let text: string | null = null;
    const held = this.held;
    if (this.size == 0 && to - from <= this.maxBytes && !this.tooLong) {
      text = decodeUtf8(bytes, from, to);
    } else {
      this.add(bytes, from, to);
      if (this.tooLong) return true;
      if (held !== null) text = decodeUtf8(held, 0, this.size);
    }
    if (text === null) return false;
    if (text.length > this.maxUnits) this.tooLong = true;
    else this.text = text;
    return true;
  }
}
