/**
 * The numbers of an output, one after the other, wherever they stand. Each is `high` * 2^32 + `low`: 64-bit
 * numbers are exact that way. Fractions have it all in `low`.
 */

import { isSpace } from '../../wire/tensor-scan.ts';
import { DecimalReader } from './decimal-reader.ts';

const TWO_TO_32: f64 = 4294967296;
const TWO_TO_31: f64 = 2147483648;
const OPEN_LIST: i32 = 0x5b;
const CLOSE_LIST: i32 = 0x5d;
const COMMA: i32 = 0x2c;
const MAX_VARINT_BYTES: i32 = 10;

export abstract class NumberSource {
  high: f64 = 0;
  low: f64 = 0;

  get value(): f64 {
    return this.high * TWO_TO_32 + this.low;
  }

  /** False of NaN. */
  get isNumber(): boolean {
    return this.low >= -Infinity;
  }

  /** Moves on to the next number. False where there is none, or something else. */
  abstract next(): boolean;
}

/** In lists of JSON whose brackets and commas are known to be in order. */
export class JsonNumbers extends NumberSource {
  private bytes: Uint8Array;
  private at: i32;
  private to: i32;
  private exact: boolean;
  private decimal: DecimalReader = new DecimalReader();

  /** `exact`: all numbers are whole. */
  constructor(bytes: Uint8Array, from: i32, to: i32, exact: boolean) {
    super();
    this.bytes = bytes;
    this.at = from;
    this.to = to;
    this.exact = exact;
  }

  next(): boolean {
    const bytes = this.bytes;
    let at = this.at;
    while (at < this.to && isBetween(unchecked(bytes[at]))) at++;
    const decimal = this.decimal;
    if (!decimal.read(bytes, at, this.to)) return this.word(at);
    if (this.exact && Math.abs(decimal.value) == Infinity) return false;
    this.high = this.exact ? decimal.high : 0;
    this.low = this.exact ? decimal.low : decimal.value;
    return this.endsAt(decimal.end);
  }

  private endsAt(at: i32): boolean {
    this.at = at;
    return at >= this.to || isBetween(unchecked(this.bytes[at]));
  }

  /** Truth values, and what serializers write where JSON has no number. */
  private word(at: i32): boolean {
    if (this.isWord(at, 'true')) return this.set(1, at + 4);
    if (this.isWord(at, 'false')) return this.set(0, at + 5);
    if (this.exact) return false;
    if (this.isWord(at, 'null')) return this.set(NaN, at + 4);
    if (this.isWord(at, 'NaN')) return this.set(NaN, at + 3);
    if (this.isWord(at, 'Infinity')) return this.set(Infinity, at + 8);
    if (this.isWord(at, '-Infinity')) return this.set(-Infinity, at + 9);
    return false;
  }

  private set(value: f64, end: i32): boolean {
    this.high = 0;
    this.low = value;
    return this.endsAt(end);
  }

  private isWord(at: i32, word: string): boolean {
    if (at + word.length > this.to) return false;
    for (let i = 0; i < word.length; i++) {
      if (i32(unchecked(this.bytes[at + i])) != word.charCodeAt(i)) return false;
    }
    return true;
  }
}

/** Varints, as protobuf packs whole numbers. */
export class VarintNumbers extends NumberSource {
  private bytes: Uint8Array;
  private at: i32;
  private to: i32;
  private signed: boolean;

  constructor(bytes: Uint8Array, from: i32, to: i32, signed: boolean) {
    super();
    this.bytes = bytes;
    this.at = from;
    this.to = to;
    this.signed = signed;
  }

  next(): boolean {
    let low: f64 = 0;
    let high: f64 = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (this.at >= this.to) return false;
      const c: i32 = unchecked(this.bytes[this.at++]);
      const bits = c & 0x7f;
      if (i < 4) low += f64(bits << (7 * i));
      else if (i == 4) {
        low += f64(bits & 0x0f) * f64(1 << 28);
        high += f64(bits >> 4);
      } else if (i < 9) high += f64(bits) * f64(1 << (7 * i - 32));
      else high += f64(bits & 1) * TWO_TO_31;
      if (c >= 0x80) continue;
      this.low = low;
      this.high = this.signed && high >= TWO_TO_31 ? high - TWO_TO_32 : high;
      return true;
    }
    return false;
  }
}

/** Whether the byte stands between the numbers of a list. */
function isBetween(c: i32): boolean {
  return c == COMMA || c == OPEN_LIST || c == CLOSE_LIST || isSpace(c);
}
