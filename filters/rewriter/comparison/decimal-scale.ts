/**
 * A whole number times a power of ten, as the nearest f64. The product is carried in two numbers, the second
 * being what the first has lost to rounding: some 106 bits, of which 53 are needed. Only numbers below
 * 2^-1022 may be one bit off.
 */

/** Powers of ten that an f64 has exactly. */
const POWERS: f64[] = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
];
export const MAX_EXACT_POWER: i32 = 22;

/** Beyond these decimal exponents there are only infinity and 0. */
const MAX_MAGNITUDE: i32 = 310;
const MIN_MAGNITUDE: i32 = -325;

/** Near those ends half a product would not fit, so all is kept further in: by 2^200, which is exact. */
const NEAR_MAX_MAGNITUDE: i32 = 250;
const NEAR_MIN_MAGNITUDE: i32 = -200;
const TWO_TO_200: f64 = 1.6069380442589903e60;
/** Cuts an f64 into halves whose products are exact. */
const HALVES: f64 = 134217729;

/** 10 to the power of `exponent`, which is from 0 to `MAX_EXACT_POWER`. */
export function powerOfTen(exponent: i32): f64 {
  return unchecked(POWERS[exponent]);
}

/** (`high` + `low`) * 10^`exponent`, of a number of so many `digits`; `high` is 0 or the larger one. */
export function scaleByTen(high: f64, low: f64, exponent: i32, digits: i32): f64 {
  const magnitude = digits + exponent;
  if (high + low == 0 || magnitude < MIN_MAGNITUDE) return 0;
  if (magnitude > MAX_MAGNITUDE) return Infinity;
  let shift: f64 = 1;
  if (magnitude > NEAR_MAX_MAGNITUDE) shift = 1 / TWO_TO_200;
  else if (magnitude < NEAR_MIN_MAGNITUDE) shift = TWO_TO_200;
  let value = (high + low) * shift;
  let lost = low * shift - (value - high * shift);
  let left = exponent;
  while (left > 0) {
    const step = left < MAX_EXACT_POWER ? left : MAX_EXACT_POWER;
    const power = powerOfTen(step);
    const product = value * power;
    const rest = productLoss(value, power, product) + lost * power;
    value = product + rest;
    lost = rest - (value - product);
    left -= step;
  }
  while (left < 0) {
    const step = -left < MAX_EXACT_POWER ? -left : MAX_EXACT_POWER;
    const power = powerOfTen(step);
    const quotient = value / power;
    const product = quotient * power;
    const rest = (value - product - productLoss(quotient, power, product) + lost) / power;
    value = quotient + rest;
    lost = rest - (value - quotient);
    left += step;
  }
  return value / shift;
}

/** What `product`, which is a * b rounded, lacks of a * b. */
function productLoss(a: f64, b: f64, product: f64): f64 {
  const aScaled = a * HALVES;
  const aHigh = aScaled - (aScaled - a);
  const aLow = a - aHigh;
  const bScaled = b * HALVES;
  const bHigh = bScaled - (bScaled - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}
