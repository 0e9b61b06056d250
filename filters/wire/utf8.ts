/** UTF-8 by hand, strict and never trapping: the same bytes give the same text under both compilers. */

/** Result of `Utf8Reader.read` where the bytes are not UTF-8. */
export const BAD_UTF8: i32 = -1;

/** Reads one code point at a time. */
export class Utf8Reader {
  /** Index of the next byte. */
  at: i32 = 0;

  /**
   * The code point at `at`, moving past it; `BAD_UTF8` for overlong forms, surrogates, values above
   * U+10FFFF and sequences cut off by `to`.
   */
  read(bytes: Uint8Array, to: i32): i32 {
    const first: i32 = unchecked(bytes[this.at++]);
    if (first < 0x80) return first;
    if (first < 0xc2 || first > 0xf4) return BAD_UTF8;
    const more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (this.at + more > to) return BAD_UTF8;
    let code = first & (0x3f >> more);
    for (let i = 0; i < more; i++) {
      const next: i32 = unchecked(bytes[this.at++]);
      if ((next & 0xc0) != 0x80) return BAD_UTF8;
      code = (code << 6) | (next & 0x3f);
    }
    if (more == 2 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) return BAD_UTF8;
    if (more == 3 && (code < 0x10000 || code > 0x10ffff)) return BAD_UTF8;
    return code;
  }
}

/** Adds a code point to UTF-16 units. */
export function pushCodePoint(units: i32[], code: i32): void {
  if (code < 0x10000) {
    units.push(code);
  } else {
    units.push(0xd800 + ((code - 0x10000) >> 10));
    units.push(0xdc00 + ((code - 0x10000) & 0x3ff));
  }
}

/** The text of bytes `from` to `to`, or null where they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, from: i32, to: i32): string | null {
  const units: i32[] = [];
  const reader = new Utf8Reader();
  reader.at = from;
  while (reader.at < to) {
    const code = reader.read(bytes, to);
    if (code == BAD_UTF8) return null;
    pushCodePoint(units, code);
  }
  return String.fromCharCodes(units);
}

/** A text's bytes. A lone surrogate, which has no UTF-8, becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes: Uint8Array = new Uint8Array(text.length * 3);
  let size = 0;
  for (let i = 0; i < text.length; i++) {
    let code: i32 = text.charCodeAt(i);
    if (code < 0x80) {
      bytes[size++] = code;
      continue;
    }
    if (code >= 0xd800 && code < 0xe000) {
      const low: i32 = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
      if (code < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        i++;
      } else {
        code = 0xfffd;
      }
    }
    if (code < 0x800) {
      bytes[size++] = 0xc0 | (code >> 6);
    } else {
      if (code < 0x10000) {
        bytes[size++] = 0xe0 | (code >> 12);
      } else {
        bytes[size++] = 0xf0 | (code >> 18);
        bytes[size++] = 0x80 | ((code >> 12) & 0x3f);
      }
      bytes[size++] = 0x80 | ((code >> 6) & 0x3f);
    }
    bytes[size++] = 0x80 | (code & 0x3f);
  }
  return bytes.subarray(0, size);
}
