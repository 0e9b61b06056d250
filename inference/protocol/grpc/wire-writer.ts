/** Writes protobuf's wire format into memory whose size was counted before. */
import { WIRE } from './wire-reader.ts';

/** Of a number from 0 to 2^53. */
export function uintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Of the 64-bit number of these halves. */
export function wordsSize(low: number, high: number): number {
  return high === 0 ? uintSize(low >>> 0) : uintSize((high >>> 0) * 16 + (low >>> 28)) + 4;
}

/** Of a length-delimited field with a number below 16. */
export function fieldSize(length: number): number {
  return 1 + uintSize(length) + length;
}

export class WireWriter {
  readonly bytes: Buffer;
  at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  uint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.bytes[this.at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.at++] = rest;
  }

  /** The 64-bit number of these halves; -1 and -1 are the int64 -1. */
  words(low: number, high: number): void {
    let [lowBits, highBits] = [low >>> 0, high >>> 0];
    while (highBits > 0 || lowBits >= 128) {
      this.bytes[this.at++] = (lowBits & 0x7f) | 0x80;
      lowBits = ((lowBits >>> 7) | (highBits << 25)) >>> 0;
      highBits >>>= 7;
    }
    this.bytes[this.at++] = lowBits;
  }

  /** The head of a length-delimited field with a number below 16; `length` bytes must follow. */
  field(number: number, length: number): void {
    this.bytes[this.at++] = (number << 3) | WIRE.LENGTH;
    this.uint(length);
  }

  copy(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** A length-delimited field of these bytes. */
  bytesField(number: number, bytes: Uint8Array): void {
    this.field(number, bytes.length);
    this.copy(bytes);
  }

  textField(number: number, text: string): void {
    this.field(number, Buffer.byteLength(text));
    this.at += this.bytes.write(text, this.at);
  }
}
