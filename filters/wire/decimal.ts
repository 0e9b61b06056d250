/** Whole numbers in header text, exact up to 2^53: bodies may be longer than 32 bits can say. */

const MAX: f64 = 9007199254740991;

/** The value of a text of digits only, or -1. */
export function parseDecimal(text: string): f64 {
  if (text.length == 0) return -1;
  let value: f64 = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + f64(digit);
    if (value > MAX) return -1;
  }
  return value;
}

export function formatDecimal(value: f64): string {
  if (value <= f64(i32.MAX_VALUE)) return i32(value).toString();
  let rest = value;
  let text = '';
  do {
    const tens = Math.floor(rest / 10);
    text = i32(rest - tens * 10).toString() + text;
    rest = tens;
  } while (rest > 0);
  return text;
}
