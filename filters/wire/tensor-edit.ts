/**
 * A message that is used as a mould: copied as it stands, but for some spans. Whatever the joining and
 * slicing does not understand is thereby kept byte for byte.
 */

/** The value of the message's `id`, quotes included. */
export const EDIT_ID: i32 = 0;
/** The first number of a tensor's shape. */
export const EDIT_ROWS: i32 = 1;
/** The inside of a tensor's `data` list. */
export const EDIT_DATA: i32 = 2;

/** A span to replace. Edits stand in the order of the bytes and never overlap. */
export class Edit {
  readonly kind: i32;
  start: i32;
  end: i32;
  /** Which tensor of the message. */
  readonly tensor: i32;

  constructor(kind: i32, start: i32, end: i32, tensor: i32) {
    this.kind = kind;
    this.start = start;
    this.end = end;
    this.tensor = tensor;
  }
}

/** So few are copied one by one: a view of them costs more. */
const FEW_BYTES: i32 = 24;

/** Bytes in the making; the exact size is known beforehand. */
export class ByteWriter {
  readonly bytes: Uint8Array;
  private at: i32 = 0;

  constructor(size: i32) {
    this.bytes = new Uint8Array(size);
  }

  copy(from: Uint8Array, start: i32, end: i32): void {
    const length = end - start;
    if (length > FEW_BYTES) this.bytes.set(from.subarray(start, end), this.at);
    else {
      for (let i = 0; i < length; i++) this.bytes[this.at + i] = from[start + i];
    }
    if (length > 0) this.at += length;
  }

  byte(value: i32): void {
    this.bytes[this.at] = value;
    this.at++;
  }

  /** The digits of a number from 0. */
  whole(value: i32): void {
    const end = this.at + wholeLength(value);
    let rest = value;
    for (let at = end - 1; at >= this.at; at--) {
      this.bytes[at] = 0x30 + (rest % 10);
      rest = i32(rest / 10);
    }
    this.at = end;
  }
}

/** How many digits `whole` writes. */
export function wholeLength(value: i32): i32 {
  let digits: i32 = 1;
  for (let rest = i32(value / 10); rest > 0; rest = i32(rest / 10)) digits++;
  return digits;
}

export function sameBytes(
  a: Uint8Array,
  aStart: i32,
  aEnd: i32,
  b: Uint8Array,
  bStart: i32,
  bEnd: i32,
): boolean {
  const length = aEnd - aStart;
  if (length != bEnd - bStart) return false;
  for (let i = 0; i < length; i++) {
    if (unchecked(a[aStart + i]) != unchecked(b[bStart + i])) return false;
  }
  return true;
}

/** Whether the ASCII `word` stands somewhere in the span. */
export function containsWord(bytes: Uint8Array, start: i32, end: i32, word: string): boolean {
  const length = word.length;
  for (let at = start; at + length <= end; at++) {
    let i: i32 = 0;
    while (i < length && i32(unchecked(bytes[at + i])) == word.charCodeAt(i)) i++;
    if (i == length) return true;
  }
  return false;
}
