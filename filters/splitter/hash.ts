/** Hashes that are alike under both compilers: 32 bits, always unsigned. */

const FNV_OFFSET: u32 = 2166136261;
const FNV_PRIME: i32 = 16777619;
const GOLDEN: i32 = i32(0x9e3779b9);

/** Starts the hash of a text. */
export function hashText(text: string): u32 {
  return continueHash(FNV_OFFSET, text);
}

/** Goes on from `seed` with a text, by its UTF-16 units (FNV-1a, two bytes a unit). */
export function continueHash(seed: u32, text: string): u32 {
  let hash = i32(seed);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = times(hash ^ (unit & 0xff), FNV_PRIME);
    hash = times(hash ^ (unit >> 8), FNV_PRIME);
  }
  return u32(hash);
}

/** A number and a salt, spread over all 32 bits. */
export function mixWith(salt: u32, value: i32): u32 {
  const first = mix(u32(i32(salt) ^ times(value + 1, GOLDEN)));
  return mix(u32(i32(first) + i32(salt)));
}

/** Spreads a number over all 32 bits (murmur3's last step): close inputs give unrelated outputs. */
export function mix(value: u32): u32 {
  let hash = i32(value);
  hash = times(hash ^ shiftRight(hash, 16), i32(0x85ebca6b));
  hash = times(hash ^ shiftRight(hash, 13), i32(0xc2b2ae35));
  return u32(hash ^ shiftRight(hash, 16));
}

/**
 * The low 32 bits of a product. Halves, because a product of two whole numbers does not fit an f64, and
 * because one compiler's `Math.imul` takes and gives f64.
 */
function times(a: i32, b: i32): i32 {
  const low = i32(a * (b & 0xffff));
  const high = i32(a * (u32(b) >>> 16));
  return i32(low + (high << 16));
}

/** An unsigned shift. In one compiler `>>` follows the type, in the other `>>>` is always unsigned. */
function shiftRight(value: i32, bits: i32): i32 {
  return i32(u32(value) >>> bits);
}
