/**
 * The natural logarithm by additions, multiplications and divisions of f64 alone, which every
 * machine and both compilers round alike. A library's logarithm may differ in its last bit, and a
 * client would then be on one variant in the proxy and on another in `explain`.
 */

const LN_2: f64 = Math.LN2;
/** Terms of the series; the last is below 1e-15 of the result. */
const LAST_POWER: i32 = 29;

/** ln(x) for 1 <= x < 2^32, to about 1e-15. */
export function ln(x: f64): f64 {
  let mantissa = x;
  let exponent: f64 = 0;
  let power: f64 = 65536;
  let bits: f64 = 16;
  while (bits >= 1) {
    if (mantissa >= power) {
      mantissa = mantissa / power;
      exponent = exponent + bits;
    }
    bits = bits / 2;
    power = bits == 8 ? 256 : bits == 4 ? 16 : bits == 2 ? 4 : 2;
  }
  return exponent * LN_2 + lnMantissa(mantissa);
}

/** ln(m) for 1 <= m < 2, as 2 artanh((m - 1) / (m + 1)). */
function lnMantissa(m: f64): f64 {
  const t = (m - 1) / (m + 1);
  const square = t * t;
  let sum: f64 = 0;
  for (let power = LAST_POWER; power >= 1; power -= 2) sum = sum * square + 1 / f64(power);
  return 2 * t * sum;
}
