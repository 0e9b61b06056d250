/** Percent-encoding of names in paths. */
import { hexDigit } from './json-string.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

/** The text, decoded; null for a `%` without two hexadecimal digits or for what is not UTF-8. */
export function percentDecode(text: string): string | null {
  if (text.indexOf('%') < 0) return text;
  const raw = encodeUtf8(text);
  const bytes: Uint8Array = new Uint8Array(raw.length);
  let size = 0;
  for (let i = 0; i < raw.length; i++) {
    const c: i32 = raw[i];
    if (c != 0x25) {
      bytes[size++] = c;
      continue;
    }
    const high = i + 2 < raw.length ? hexDigit(raw[i + 1]) : -1;
    const low = i + 2 < raw.length ? hexDigit(raw[i + 2]) : -1;
    if (high < 0 || low < 0) return null;
    bytes[size++] = (high << 4) | low;
    i += 2;
  }
  return decodeUtf8(bytes, 0, size);
}

/** One segment of a path: what RFC 3986 allows there stays, a slash does not. */
export function encodePathSegment(text: string): string {
  return encode(text, "-._~!$&'()*+,;=:@");
}

function encode(text: string, marks: string): string {
  if (isPlain(text, marks)) return text;
  const bytes = encodeUtf8(text);
  let out = '';
  for (let i = 0; i < bytes.length; i++) {
    const c: i32 = bytes[i];
    if (isKept(c, marks)) out += String.fromCharCode(c);
    else out += '%' + HEX.charAt(c >> 4) + HEX.charAt(c & 15);
  }
  return out;
}

const HEX: string = '0123456789ABCDEF';

function isPlain(text: string, marks: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (!isKept(text.charCodeAt(i), marks)) return false;
  }
  return true;
}

function isKept(c: i32, marks: string): boolean {
  if (c >= 0x30 && c <= 0x39) return true;
  if ((c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a)) return true;
  return c < 0x7f && marks.indexOf(String.fromCharCode(c)) >= 0;
}
