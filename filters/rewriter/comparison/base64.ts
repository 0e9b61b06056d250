/** Base64 in a string of JSON, where a slash may be escaped. */

const BACKSLASH: i32 = 0x5c;
const SLASH: i32 = 0x2f;
const EQUALS: i32 = 0x3d;

/** The bytes that characters `from` to `to` stand for, or null where they are not base64. */
export function decodeBase64(text: Uint8Array, from: i32, to: i32): Uint8Array | null {
  let end = to;
  while (end > from && to - end < 2 && i32(unchecked(text[end - 1])) == EQUALS) end--;
  const bytes: Uint8Array = new Uint8Array(((end - from) >> 2) * 3 + 3);
  let size: i32 = 0;
  let held: i32 = 0;
  let bits: i32 = 0;
  for (let at = from; at < end; at++) {
    let c = i32(unchecked(text[at]));
    if (c == BACKSLASH) {
      at++;
      c = at < end ? i32(unchecked(text[at])) : 0;
      if (c != SLASH) return null;
    }
    const value = sextet(c);
    if (value < 0) return null;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[size++] = (held >> bits) & 0xff;
  }
  return bits >= 6 ? null : bytes.subarray(0, size);
}

function sextet(c: i32): i32 {
  if (c >= 0x41 && c <= 0x5a) return c - 0x41;
  if (c >= 0x61 && c <= 0x7a) return c - 0x61 + 26;
  if (c >= 0x30 && c <= 0x39) return c - 0x30 + 52;
  if (c == 0x2b) return 62;
  return c == SLASH ? 63 : -1;
}
