/**
 * Walks JSON bytes without building anything. Strict: what passes is JSON to every other reader too, and
 * has its commas and brackets where they are found here. Numbers are never parsed, but for the few whole
 * ones that are asked for. Nothing here can trap.
 */
import { numberEnd, stringEnd } from './json-text.ts';
import { isText, NO_SPAN, Span, startsWith } from './span.ts';

/** Lists and objects in each other. Small enough for a bit each. */
export const MAX_DEPTH: i32 = 30;
const MAX_WHOLE: i32 = 0x7fffffff;

const QUOTE: i32 = 0x22;
const COMMA: i32 = 0x2c;
const COLON: i32 = 0x3a;
export const OPEN_LIST: i32 = 0x5b;
export const CLOSE_LIST: i32 = 0x5d;
export const OPEN_OBJECT: i32 = 0x7b;
export const CLOSE_OBJECT: i32 = 0x7d;

/** What comes next in a list or object. */
export const MORE: i32 = 1;
export const END: i32 = 0;
export const BROKEN: i32 = -1;

export class JsonScan {
  readonly bytes: Uint8Array;
  /** The JSON ends before this byte. */
  readonly end: i32;
  at: i32 = 0;
  /** The last string's or key's text, without its quotes, escapes as they stand. */
  textStart: i32 = 0;
  textEnd: i32 = 0;
  /** Whether `NaN`, `Infinity` and `-Infinity` pass for numbers, as Python writes them. */
  private nonFinite: boolean;

  constructor(bytes: Uint8Array, end: i32, nonFinite: boolean) {
    this.bytes = bytes;
    this.end = end;
    this.nonFinite = nonFinite;
  }

  /** Next byte after white space, or -1 at the end. */
  peek(): i32 {
    const bytes = this.bytes;
    const end = this.end;
    let at = this.at;
    let c: i32 = -1;
    while (at < end) {
      c = i32(unchecked(bytes[at]));
      if (c > 0x20 || !isSpace(c)) break;
      at++;
      c = -1;
    }
    this.at = at;
    return c;
  }

  /** Steps over `byte` if it comes next. */
  take(byte: i32): boolean {
    if (this.peek() != byte) return false;
    this.at++;
    return true;
  }

  /** Steps into an object, onto the value of its first key. MORE, END where it is empty, or BROKEN. */
  firstKey(): i32 {
    if (!this.take(OPEN_OBJECT)) return BROKEN;
    if (this.take(CLOSE_OBJECT)) return END;
    return this.key() ? MORE : BROKEN;
  }

  /** From after a value to that of the next key, or out of the object. */
  nextKey(): i32 {
    if (this.take(CLOSE_OBJECT)) return END;
    return this.take(COMMA) && this.key() ? MORE : BROKEN;
  }

  /** Steps into a list, onto its first item. MORE, END where it is empty, or BROKEN. */
  firstItem(): i32 {
    if (!this.take(OPEN_LIST)) return BROKEN;
    return this.take(CLOSE_LIST) ? END : MORE;
  }

  /** From after an item to the next one, or out of the list. */
  nextItem(): i32 {
    const c = this.peek();
    if (c < 0) return BROKEN;
    this.at++;
    if (c == COMMA) return MORE;
    return c == CLOSE_LIST ? END : BROKEN;
  }

  /** Whether the last text is `text`, which is ASCII. */
  isText(text: string): boolean {
    return isText(this.bytes, this.textStart, this.textEnd, text);
  }

  startsWith(text: string): boolean {
    return startsWith(this.bytes, this.textStart, this.textEnd, text);
  }

  /** A whole number from 0 to 2^31 - 1 without a sign, or -1. */
  whole(): i32 {
    this.peek();
    const from = this.at;
    const bytes = this.bytes;
    let value: i32 = 0;
    while (this.at < this.end) {
      const digit = i32(unchecked(bytes[this.at])) - 0x30;
      if (digit < 0 || digit > 9) break;
      if (value > i32((MAX_WHOLE - digit) / 10)) return -1;
      value = value * 10 + digit;
      this.at++;
    }
    const length = this.at - from;
    if (length == 0 || (length > 1 && i32(unchecked(bytes[from])) == 0x30)) return -1;
    return value;
  }

  string(): boolean {
    if (!this.take(QUOTE)) return false;
    const end = stringEnd(this.bytes, this.at, this.end);
    if (end < 0) return false;
    this.textStart = this.at;
    this.textEnd = end;
    this.at = end + 1;
    return true;
  }

  /** Steps over a string, number or word that begins with `c`, which stands at `at`. */
  scalar(c: i32): boolean {
    if (c == QUOTE) return this.string();
    let end: i32 = -1;
    if (c == 0x74) end = this.wordEnd('true');
    else if (c == 0x66) end = this.wordEnd('false');
    else if (c == 0x6e) end = this.wordEnd('null');
    else {
      end = numberEnd(this.bytes, this.at, this.end);
      if (end < 0 && this.nonFinite) end = this.nonFiniteEnd(c);
    }
    if (end < 0) return false;
    this.at = end;
    return true;
  }

  /** Steps over any value and says where it is; missing where there is none. */
  span(): Span {
    this.peek();
    const start = this.at;
    return this.value() ? new Span(start, this.at) : NO_SPAN;
  }

  /** As `span`, of a string only. The span has its quotes. */
  stringSpan(): Span {
    this.peek();
    const start = this.at;
    return this.string() ? new Span(start, this.at) : NO_SPAN;
  }

  /** Steps over any value. */
  value(): boolean {
    let depth: i32 = 0;
    /** A bit for each open list or object: set for objects. */
    let objects: i32 = 0;
    do {
      const c = this.peek();
      if (c == OPEN_OBJECT || c == OPEN_LIST) {
        const isObject = c == OPEN_OBJECT;
        this.at++;
        if (!this.take(isObject ? CLOSE_OBJECT : CLOSE_LIST)) {
          if (depth >= MAX_DEPTH || (isObject && !this.innerKey())) return false;
          objects = isObject ? objects | (1 << depth) : objects & ~(1 << depth);
          depth++;
          continue;
        }
      } else if (!this.scalar(c)) return false;
      while (depth > 0) {
        const next = this.peek();
        const isObject = ((objects >> (depth - 1)) & 1) == 1;
        if (next < 0) return false;
        this.at++;
        if (next == COMMA) {
          if (isObject && !this.innerKey()) return false;
          break;
        }
        if (next != (isObject ? CLOSE_OBJECT : CLOSE_LIST)) return false;
        depth--;
      }
    } while (depth > 0);
    return true;
  }

  /** A key that has a meaning: one with escapes might be another's twin. */
  private key(): boolean {
    if (!this.string()) return false;
    for (let at = this.textStart; at < this.textEnd; at++) {
      if (i32(unchecked(this.bytes[at])) == 0x5c) return false;
    }
    return this.take(COLON);
  }

  private innerKey(): boolean {
    return this.string() && this.take(COLON);
  }

  private wordEnd(word: string): i32 {
    return startsWith(this.bytes, this.at, this.end, word) ? this.at + word.length : -1;
  }

  private nonFiniteEnd(c: i32): i32 {
    if (c == 0x4e) return this.wordEnd('NaN');
    if (c == 0x49) return this.wordEnd('Infinity');
    return c == 0x2d ? this.wordEnd('-Infinity') : -1;
  }
}

function isSpace(c: i32): boolean {
  return c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09;
}
