/** Where JSON's strings and numbers end. Strict, so that no other reader sees other ends. */
import { hexDigit, simpleEscape } from '../json-string.ts';
import { BAD_UTF8, Utf8Reader } from '../utf8.ts';

const QUOTE: i32 = 0x22;
const BACKSLASH: i32 = 0x5c;

/** One for all: it remembers nothing from one call to the next. */
const UTF8: Utf8Reader = new Utf8Reader();

/**
 * Position of the closing quote of the string whose text starts at `from`; -1 where it has none before
 * `to`, a control character, an escape that JSON does not know, or bytes that are not UTF-8.
 */
export function stringEnd(bytes: Uint8Array, from: i32, to: i32): i32 {
  let at = from;
  while (at < to) {
    const c = i32(unchecked(bytes[at]));
    if (c == QUOTE) return at;
    if (c < 0x20) return -1;
    if (c >= 0x80) {
      UTF8.at = at;
      if (UTF8.read(bytes, to) == BAD_UTF8) return -1;
      at = UTF8.at;
    } else if (c == BACKSLASH) {
      at = escapeEnd(bytes, at + 1, to);
      if (at < 0) return -1;
    } else at++;
  }
  return -1;
}

/** The byte after an escape whose backslash stands before `from`, or -1. */
function escapeEnd(bytes: Uint8Array, from: i32, to: i32): i32 {
  if (from >= to) return -1;
  const kind = i32(unchecked(bytes[from]));
  if (kind != 0x75) return simpleEscape(kind) < 0 ? -1 : from + 1;
  if (to - from < 5) return -1;
  for (let i = 1; i <= 4; i++) {
    if (hexDigit(unchecked(bytes[from + i])) < 0) return -1;
  }
  return from + 5;
}

/** The byte after the number at `from`, or -1. What follows is not looked at. */
export function numberEnd(bytes: Uint8Array, from: i32, to: i32): i32 {
  let at = from;
  if (at < to && i32(unchecked(bytes[at])) == 0x2d) at++;
  const whole = at;
  at = digitsEnd(bytes, at, to);
  if (at == whole) return -1;
  if (at - whole > 1 && i32(unchecked(bytes[whole])) == 0x30) return -1;
  if (at < to && i32(unchecked(bytes[at])) == 0x2e) {
    const fraction = at + 1;
    at = digitsEnd(bytes, fraction, to);
    if (at == fraction) return -1;
  }
  if (at < to && (i32(unchecked(bytes[at])) | 0x20) == 0x65) {
    at++;
    if (at < to && isSign(unchecked(bytes[at]))) at++;
    const exponent = at;
    at = digitsEnd(bytes, exponent, to);
    if (at == exponent) return -1;
  }
  return at;
}

function isSign(c: i32): boolean {
  return c == 0x2b || c == 0x2d;
}

function digitsEnd(bytes: Uint8Array, from: i32, to: i32): i32 {
  let at = from;
  while (at < to) {
    const c = i32(unchecked(bytes[at]));
    if (c < 0x30 || c > 0x39) break;
    at++;
  }
  return at;
}
