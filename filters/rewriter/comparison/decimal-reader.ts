/** Reads JSON numbers from bytes. It makes no text of them, and nothing else that would have to be freed. */
import { MAX_EXACT_POWER, powerOfTen, scaleByTen } from './decimal-scale.ts';

const TWO_TO_32: f64 = 4294967296;
/** As many digits always fit into an f64. */
const HEAD_DIGITS: i32 = 15;
/** A 64-bit number has no more; what follows changes nothing that is seen. */
const MAX_DIGITS: i32 = 20;
/** Any larger exponent means the same. */
const MAX_EXPONENT: i32 = 100000;

const MINUS: i32 = 0x2d;
const PLUS: i32 = 0x2b;
const POINT: i32 = 0x2e;
const ZERO: i32 = 0x30;
const LOWER_E: i32 = 0x65;

export class DecimalReader {
  /** The nearest f64. */
  value: f64 = 0;
  /** Whether it is written without point and exponent. */
  whole: boolean = false;
  /** The number is `high` * 2^32 + `low`, exactly where it is whole and has up to 20 digits. */
  high: f64 = 0;
  low: f64 = 0;
  /** The byte after it. */
  end: i32 = 0;

  /** The first 15 digits, and those after them with the power of ten that makes room for them. */
  private head: f64 = 0;
  private tail: f64 = 0;
  private tailPower: f64 = 1;
  private digits: i32 = 0;
  private exponent: i32 = 0;

  /** Reads the number that begins at `from`. False where there is none. */
  read(bytes: Uint8Array, from: i32, to: i32): boolean {
    this.head = 0;
    this.tail = 0;
    this.tailPower = 1;
    this.digits = 0;
    this.exponent = 0;
    const negative = byteAt(bytes, from, to) == MINUS;
    const first = negative ? from + 1 : from;
    let at = this.takeDigits(bytes, first, to, 0);
    if (at == first || (at > first + 1 && byteAt(bytes, first, to) == ZERO)) return false;
    this.whole = true;
    if (byteAt(bytes, at, to) == POINT) {
      this.whole = false;
      const fraction = at + 1;
      at = this.takeDigits(bytes, fraction, to, 1);
      if (at == fraction) return false;
    }
    if ((byteAt(bytes, at, to) | 0x20) == LOWER_E) {
      this.whole = false;
      at = this.takeExponent(bytes, at + 1, to);
      if (at < 0) return false;
    }
    this.end = at;
    this.finish(negative);
    return true;
  }

  /** Adds digits from `from` on, each of which takes `step` off the exponent. Returns where they end. */
  private takeDigits(bytes: Uint8Array, from: i32, to: i32, step: i32): i32 {
    let at = from;
    while (at < to) {
      const digit = i32(unchecked(bytes[at])) - ZERO;
      if (digit < 0 || digit > 9) break;
      at++;
      if (this.digits >= MAX_DIGITS) {
        this.exponent += 1 - step;
        continue;
      }
      this.exponent -= step;
      if (digit == 0 && this.digits == 0) continue;
      if (this.digits < HEAD_DIGITS) {
        this.head = this.head * 10 + f64(digit);
      } else {
        this.tail = this.tail * 10 + f64(digit);
        this.tailPower *= 10;
      }
      this.digits++;
    }
    return at;
  }

  private takeExponent(bytes: Uint8Array, from: i32, to: i32): i32 {
    const sign = byteAt(bytes, from, to);
    const first = sign == MINUS || sign == PLUS ? from + 1 : from;
    let at = first;
    let exponent: i32 = 0;
    while (at < to) {
      const digit = i32(unchecked(bytes[at])) - ZERO;
      if (digit < 0 || digit > 9) break;
      if (exponent < MAX_EXPONENT) exponent = exponent * 10 + digit;
      at++;
    }
    this.exponent += sign == MINUS ? -exponent : exponent;
    return at == first ? -1 : at;
  }

  private finish(negative: boolean): void {
    const headHigh = Math.floor(this.head / TWO_TO_32);
    const low = (this.head - headHigh * TWO_TO_32) * this.tailPower + this.tail;
    const carry = Math.floor(low / TWO_TO_32);
    this.high = headHigh * this.tailPower + carry;
    this.low = low - carry * TWO_TO_32;
    const exponent = this.exponent;
    if (this.digits > HEAD_DIGITS || exponent > MAX_EXACT_POWER || exponent < -MAX_EXACT_POWER) {
      this.value = scaleByTen(this.high * TWO_TO_32, this.low, exponent, this.digits);
    } else if (exponent >= 0) {
      this.value = this.head * powerOfTen(exponent);
    } else {
      this.value = this.head / powerOfTen(-exponent);
    }
    if (negative) this.value = -this.value;
    if (!this.whole || exponent != 0) this.split();
    else if (negative) this.negate();
  }

  /** Makes the halves from the value. */
  private split(): void {
    this.high = Math.floor(this.value / TWO_TO_32);
    this.low = this.value - this.high * TWO_TO_32;
  }

  /** The lower half stays from 0 on, so that halves can be compared one after the other. */
  private negate(): void {
    this.high = -this.high;
    if (this.low == 0) return;
    this.high -= 1;
    this.low = TWO_TO_32 - this.low;
  }
}

function byteAt(bytes: Uint8Array, at: i32, to: i32): i32 {
  return at < to ? i32(unchecked(bytes[at])) : -1;
}
