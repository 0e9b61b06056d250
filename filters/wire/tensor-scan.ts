/**
 * Walks JSON bytes without building anything: strings, whole numbers and values are stepped over, and a
 * tensor's `data` is counted. Numbers are never parsed. Whatever is not JSON, or nested too deep, makes
 * a method say so; nothing here can trap.
 */

const MAX_DEPTH: i32 = 32;
const MAX_WHOLE: i32 = 0x7fffffff;

const QUOTE: i32 = 0x22;
const BACKSLASH: i32 = 0x5c;
const COMMA: i32 = 0x2c;
const COLON: i32 = 0x3a;
export const OPEN_LIST: i32 = 0x5b;
export const CLOSE_LIST: i32 = 0x5d;
export const OPEN_OBJECT: i32 = 0x7b;
export const CLOSE_OBJECT: i32 = 0x7d;

export class TensorScan {
  readonly bytes: Uint8Array;
  at: i32 = 0;
  /** The last string's text, without its quotes, escapes as they stand. */
  textStart: i32 = 0;
  textEnd: i32 = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Next byte after white space, or -1 at the end. */
  peek(): i32 {
    const bytes = this.bytes;
    const end = bytes.length;
    let at = this.at;
    while (at < end && isSpace(unchecked(bytes[at]))) at++;
    this.at = at;
    return at < end ? i32(unchecked(bytes[at])) : -1;
  }

  /** Steps over `byte` if it comes next. */
  take(byte: i32): boolean {
    if (this.peek() != byte) return false;
    this.at++;
    return true;
  }

  takeComma(): boolean {
    return this.take(COMMA);
  }

  /** Steps over a string; its text stands from `textStart` to `textEnd`. */
  string(): boolean {
    if (!this.take(QUOTE)) return false;
    this.textStart = this.at;
    const end = stringEnd(this.bytes, this.at);
    if (end < 0) return false;
    this.textEnd = end;
    this.at = end + 1;
    return true;
  }

  /** Steps over a key and its colon. */
  key(): boolean {
    return this.string() && this.take(COLON);
  }

  /** Whether the last string's text is `text`, which is ASCII. */
  isText(text: string): boolean {
    const length = text.length;
    if (this.textEnd - this.textStart != length) return false;
    for (let i = 0; i < length; i++) {
      if (i32(unchecked(this.bytes[this.textStart + i])) != text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** A whole number from 0 to 2^31 - 1 without a sign, or -1. */
  whole(): i32 {
    this.peek();
    const from = this.at;
    const bytes = this.bytes;
    let value: i32 = 0;
    while (this.at < bytes.length && isDigit(unchecked(bytes[this.at]))) {
      const digit = i32(unchecked(bytes[this.at])) - 0x30;
      if (value > i32((MAX_WHOLE - digit) / 10)) return -1;
      value = value * 10 + digit;
      this.at++;
    }
    const length = this.at - from;
    if (length == 0 || (length > 1 && i32(unchecked(bytes[from])) == 0x30)) return -1;
    return value;
  }

  /** Steps over any value. */
  value(): boolean {
    return this.valueAt(0);
  }

  private valueAt(depth: i32): boolean {
    const c = this.peek();
    if (c == QUOTE) return this.string();
    if (c == OPEN_OBJECT || c == OPEN_LIST) return this.container(c, depth);
    const end = tokenEnd(this.bytes, this.at);
    if (end <= this.at) return false;
    this.at = end;
    return true;
  }

  private container(open: i32, depth: i32): boolean {
    if (depth >= MAX_DEPTH) return false;
    const close = open == OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_LIST;
    this.at++;
    if (this.take(close)) return true;
    while (true) {
      if (open == OPEN_OBJECT && !this.key()) return false;
      if (!this.valueAt(depth + 1)) return false;
      if (this.take(close)) return true;
      if (!this.takeComma()) return false;
    }
  }
}

/** Position of the closing quote of the string whose text starts at `from`, or -1. */
export function stringEnd(bytes: Uint8Array, from: i32): i32 {
  const end = bytes.length;
  let at = from;
  while (at < end) {
    const c = i32(unchecked(bytes[at]));
    if (c == QUOTE) return at;
    if (c < 0x20) return -1;
    at += c == BACKSLASH ? 2 : 1;
  }
  return -1;
}

/**
 * End of the number or of `true`, `false` or `null` at `from`; `from` itself where there is none. A
 * number's grammar is left to the server: its characters alone say where it ends.
 */
export function tokenEnd(bytes: Uint8Array, from: i32): i32 {
  const end = bytes.length;
  if (from >= end) return from;
  const first = i32(unchecked(bytes[from]));
  if (first == 0x74) return wordEnd(bytes, from, 'true');
  if (first == 0x66) return wordEnd(bytes, from, 'false');
  if (first == 0x6e) return wordEnd(bytes, from, 'null');
  if (first != 0x2d && !isDigit(first)) return from;
  let at = from + 1;
  while (at < end && isNumberByte(unchecked(bytes[at]))) at++;
  return at;
}

function wordEnd(bytes: Uint8Array, from: i32, word: string): i32 {
  const end = from + word.length;
  if (end > bytes.length) return from;
  for (let i = 0; i < word.length; i++) {
    if (i32(unchecked(bytes[from + i])) != word.charCodeAt(i)) return from;
  }
  return end;
}

export function isSpace(c: i32): boolean {
  return c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09;
}

function isDigit(c: i32): boolean {
  return c >= 0x30 && c <= 0x39;
}

function isNumberByte(c: i32): boolean {
  return (c >= 0x30 && c <= 0x39) || c == 0x2e || c == 0x2d || c == 0x65 || c == 0x45 || c == 0x2b;
}
