/**
 * What two requests must have in common to share a call, as bytes: a member's own order of keys and inputs
 * does not show in it. Tokens of JSON stand in it as they are written, so it cannot be read in two ways.
 */
import { Span } from './span.ts';

/** Enough for most, so that they need not grow. */
const FIRST_BYTES: i32 = 160;

export class Signature {
  private bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  private size: i32 = 0;

  /** Bytes `start` to `end`. */
  add(from: Uint8Array, start: i32, end: i32): void {
    const length = end - start;
    this.reserve(length);
    const to = this.bytes;
    const at = this.size;
    for (let i = 0; i < length; i++) to[at + i] = unchecked(from[start + i]);
    this.size = at + length;
  }

  byte(value: i32): void {
    this.reserve(1);
    this.bytes[this.size++] = value;
  }

  /** In four bytes: what stands before must tell that a number follows. */
  whole(value: i32): void {
    for (let shift = 0; shift < 32; shift += 8) this.byte((value >> shift) & 0xff);
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.size);
  }

  private reserve(more: i32): void {
    if (this.size + more <= this.bytes.length) return;
    const grown = new Uint8Array((this.size + more) * 2);
    grown.set(this.bytes, 0);
    this.bytes = grown;
  }
}

/** A text that may have any bytes, behind its length. */
export function addText(signature: Signature, from: Uint8Array, text: Span): void {
  signature.whole(text.missing ? -1 : text.length);
  signature.add(from, text.start, text.end);
}
