/** A JSON string's content in bytes, turned into text. Never traps. */
import { BAD_UTF8, pushCodePoint, Utf8Reader } from './utf8.ts';

/**
 * The text of what stands between two quotes at `from` to `to`, or null where it is not the content of
 * a JSON string: a bare quote or control character, an unknown escape, or bytes that are not UTF-8.
 * Escaped surrogates are taken as they stand.
 */
export function decodeJsonString(bytes: Uint8Array, from: i32, to: i32): string | null {
  const units: i32[] = [];
  const reader = new Utf8Reader();
  reader.at = from;
  while (reader.at < to) {
    const code = reader.read(bytes, to);
    if (code == BAD_UTF8 || code < 0x20 || code == 0x22) return null;
    if (code != 0x5c) {
      pushCodePoint(units, code);
      continue;
    }
    if (reader.at >= to) return null;
    const kind: i32 = unchecked(bytes[reader.at++]);
    if (kind != 0x75) {
      const unit = simpleEscape(kind);
      if (unit < 0) return null;
      units.push(unit);
      continue;
    }
    if (reader.at + 4 > to) return null;
    let unit = 0;
    for (let i = 0; i < 4; i++) {
      const digit = hexDigit(unchecked(bytes[reader.at++]));
      if (digit < 0) return null;
      unit = (unit << 4) | digit;
    }
    units.push(unit);
  }
  return String.fromCharCodes(units);
}

/** The character that a backslash and `c` stand for, or -1. `u` is not among them. */
export function simpleEscape(c: i32): i32 {
  if (c == 0x22 || c == 0x5c || c == 0x2f) return c;
  if (c == 0x6e) return 0x0a;
  if (c == 0x74) return 0x09;
  if (c == 0x72) return 0x0d;
  if (c == 0x62) return 0x08;
  if (c == 0x66) return 0x0c;
  return -1;
}

/** The value of a hexadecimal digit, or -1. */
export function hexDigit(c: i32): i32 {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  if (c >= 0x61 && c <= 0x66) return c - 0x57;
  if (c >= 0x41 && c <= 0x46) return c - 0x37;
  return -1;
}
