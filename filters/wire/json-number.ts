/** The grammar of a JSON number, one byte after the other. */

/** Where in a number: only the odd ones may be its end. */
export const MINUS: i32 = 0;
export const ZERO: i32 = 1;
export const POINT: i32 = 2;
export const DIGITS: i32 = 3;
export const EXPONENT: i32 = 4;
export const FRACTION: i32 = 5;
export const EXPONENT_SIGN: i32 = 6;
export const EXPONENT_DIGITS: i32 = 7;

export function isDigit(c: i32): boolean {
  return c >= 0x30 && c <= 0x39;
}

/** The part of a number that begins with `c`, a minus or a digit. */
export function firstPart(c: i32): i32 {
  return c == 0x2d ? MINUS : c == 0x30 ? ZERO : DIGITS;
}

/** Whether any number of digits may follow in this part. */
export function takesDigits(part: i32): boolean {
  return part == DIGITS || part == FRACTION || part == EXPONENT_DIGITS;
}

/** Where the digits from `from` on end. */
export function digitsEnd(bytes: Uint8Array, from: i32, to: i32): i32 {
  let at = from;
  while (at < to && isDigit(unchecked(bytes[at]))) at++;
  return at;
}

/** The part after `c`, or -1 where it does not belong to the number. */
export function partAfter(part: i32, c: i32): i32 {
  if (isDigit(c)) {
    if (part == MINUS) return c == 0x30 ? ZERO : DIGITS;
    if (part == POINT) return FRACTION;
    return part == EXPONENT || part == EXPONENT_SIGN ? EXPONENT_DIGITS : -1;
  }
  if (c == 0x2e) return part == ZERO || part == DIGITS ? POINT : -1;
  if (c == 0x65 || c == 0x45) {
    return part == ZERO || part == DIGITS || part == FRACTION ? EXPONENT : -1;
  }
  return part == EXPONENT && (c == 0x2b || c == 0x2d) ? EXPONENT_SIGN : -1;
}

/** Whether a number may end in this part. */
export function mayEnd(part: i32): boolean {
  return (part & 1) == 1;
}
