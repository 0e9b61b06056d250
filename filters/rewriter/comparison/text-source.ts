/** The strings of an output, one after the other, byte by byte. */
import { stringEnd } from '../../wire/tensor-scan.ts';
import { JsonText, TEXT_END } from './json-text.ts';

const QUOTE: i32 = 0x22;
const LENGTH_BYTES: i32 = 4;

export abstract class TextSource {
  /** Moves on to the next string. False where there is none. */
  abstract next(): boolean;
  /** The string's next byte, `TEXT_END` or `TEXT_MALFORMED`. */
  abstract nextByte(): i32;
}

/** In lists of JSON that are known to be in order. */
export class JsonTexts extends TextSource {
  private bytes: Uint8Array;
  private at: i32;
  private to: i32;
  private text: JsonText;

  constructor(bytes: Uint8Array, from: i32, to: i32) {
    super();
    this.bytes = bytes;
    this.at = from;
    this.to = to;
    this.text = new JsonText(bytes);
  }

  next(): boolean {
    const bytes = this.bytes;
    let at = this.at;
    while (at < this.to && i32(unchecked(bytes[at])) != QUOTE) at++;
    if (at >= this.to) return false;
    const end = stringEnd(bytes, at + 1);
    if (end < 0) return false;
    this.text.begin(at + 1, end);
    this.at = end + 1;
    return true;
  }

  nextByte(): i32 {
    return this.text.next();
  }
}

/** In binary data: each behind its length in four bytes, the lowest first. */
export class RawTexts extends TextSource {
  private bytes: Uint8Array;
  private at: i32;
  private end: i32;
  private to: i32;

  constructor(bytes: Uint8Array, from: i32, to: i32) {
    super();
    this.bytes = bytes;
    this.at = from;
    this.end = from;
    this.to = to;
  }

  next(): boolean {
    const from = this.end;
    const length = rawLength(this.bytes, from, this.to);
    if (length < 0) return false;
    this.at = from + LENGTH_BYTES;
    this.end = this.at + length;
    return true;
  }

  nextByte(): i32 {
    return this.at < this.end ? i32(unchecked(this.bytes[this.at++])) : TEXT_END;
  }
}

/** How many strings bytes `from` to `to` are, or -1 where they are no strings. */
export function countRawTexts(bytes: Uint8Array, from: i32, to: i32): i32 {
  let count: i32 = 0;
  let at = from;
  while (at < to) {
    const length = rawLength(bytes, at, to);
    if (length < 0) return -1;
    at += LENGTH_BYTES + length;
    count++;
  }
  return count;
}

/** The length at `at` of a string that ends before `to`, or -1. */
function rawLength(bytes: Uint8Array, at: i32, to: i32): i32 {
  if (to - at < LENGTH_BYTES) return -1;
  const low = i32(unchecked(bytes[at])) | (i32(unchecked(bytes[at + 1])) << 8);
  const high = i32(unchecked(bytes[at + 2])) | (i32(unchecked(bytes[at + 3])) << 8);
  const length = low | (high << 16);
  return length < 0 || length > to - at - LENGTH_BYTES ? -1 : length;
}
