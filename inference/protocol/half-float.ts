/** FP16 as bit patterns, because Float16Array is missing from older Node and has no plain form elsewhere. */

const EXPONENT_BIAS = 15;
const FRACTION_STEPS = 1024;
const SMALLEST_EXPONENT = 1 - EXPONENT_BIAS;
/** From here on the nearest FP16 is infinity. */
const INFINITE_FROM = 65_520;
/** Adding it to a small positive number rounds that to an integer, half to even. */
const ROUNDER = 2 ** 52;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** The nearest FP16, ties to even; infinity beyond its range. Straight from a double, so rounded only once. */
export function halfFromNumber(value: number): number {
  double[0] = value;
  const high = words[1] as number;
  const sign = (high >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= INFINITE_FROM) return sign | 0x7c00;
  const exponent = Math.max(((high >>> 20) & 0x7ff) - 1023, SMALLEST_EXPONENT);
  const steps = magnitude * FRACTION_STEPS * 2 ** -exponent + ROUNDER - ROUNDER;
  // The leading bit of a normal number is not stored: it carries into the exponent, as does rounding up.
  return sign | ((exponent - SMALLEST_EXPONENT) * FRACTION_STEPS + steps);
}

export function numberFromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return (sign * fraction * 2 ** SMALLEST_EXPONENT) / FRACTION_STEPS;
  return sign * (1 + fraction / FRACTION_STEPS) * 2 ** (exponent - EXPONENT_BIAS);
}
