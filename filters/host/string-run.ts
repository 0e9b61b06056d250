import { StringRun } from '../wire/string-run.ts';

/** Bytes looked at together: four vectors, a bit each in a mask. */
const STRIDE: i32 = 64;
const VECTOR: i32 = 16;

/** Not 0 for what may stand behind a backslash in an escape of two bytes. */
const ESCAPES: usize = memory.data(256);
store<u8>(ESCAPES + 0x22, 1);
store<u8>(ESCAPES + 0x2f, 1);
store<u8>(ESCAPES + 0x5c, 1);
store<u8>(ESCAPES + 0x62, 1);
store<u8>(ESCAPES + 0x66, 1);
store<u8>(ESCAPES + 0x6e, 1);
store<u8>(ESCAPES + 0x72, 1);
store<u8>(ESCAPES + 0x74, 1);

/** `StringRun`, many bytes at a time: most of most bodies is inside of strings. */
export class VectorStringRun extends StringRun {
  end(bytes: Uint8Array, from: i32, to: i32): i32 {
    const base = bytes.dataStart;
    let at = from;
    while (at + STRIDE <= to) {
      const p = base + <usize>at;
      const a = special(v128.load(p));
      const b = special(v128.load(p, 16));
      const c = special(v128.load(p, 32));
      const d = special(v128.load(p, 48));
      if (v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) {
        const low = <u64>i8x16.bitmask(a) | ((<u64>i8x16.bitmask(b)) << 16);
        const high = <u64>i8x16.bitmask(c) | ((<u64>i8x16.bitmask(d)) << 16);
        const next = pastEscapes(base, at, to, STRIDE, low | (high << 32));
        if (next < 0) return ~next;
        at = next;
      } else at += STRIDE;
    }
    while (at + VECTOR <= to) {
      const mask = <u64>i8x16.bitmask(special(v128.load(base + <usize>at)));
      const next = pastEscapes(base, at, to, VECTOR, mask);
      if (next < 0) return ~next;
      at = next;
    }
    return super.end(bytes, at, to);
  }

  plainText(bytes: Uint8Array, from: i32, to: i32): string | null {
    const base = bytes.dataStart;
    for (let i = from; i < to; i++) {
      const c = <i32>load<u8>(base + <usize>i);
      if (c < 0x20 || c >= 0x7f || c == 0x22 || c == 0x5c) return null;
    }
    return String.UTF8.decodeUnsafe(base + <usize>from, <usize>(to - from));
  }
}

/**
 * Where to go on behind `size` bytes from `at` on, whose special ones are in `specials`, a bit each; or the
 * complement of where the run ends.
 */
function pastEscapes(base: usize, at: i32, to: i32, size: i32, specials: u64): i32 {
  let left = specials;
  while (left != 0) {
    const bit = <i32>ctz(left);
    const place = at + bit;
    if (load<u8>(base + <usize>place) != 0x5c || place + 1 >= to) return ~place;
    if (load<u8>(ESCAPES + <usize>load<u8>(base + <usize>place, 1)) == 0) return ~place;
    if (bit == size - 1) return at + size + 1;
    left &= ~((<u64>3) << bit);
  }
  return at + size;
}

/**
 * All ones for each quote, backslash and control character. With their second bit flipped quotes stand right
 * above the control characters, so that one comparison finds both.
 */
function special(bytes: v128): v128 {
  const flipped = v128.xor(bytes, i8x16.splat(0x02));
  const low = i8x16.eq(i8x16.min_u(flipped, i8x16.splat(0x20)), flipped);
  return v128.or(low, i8x16.eq(bytes, i8x16.splat(0x5c)));
}
