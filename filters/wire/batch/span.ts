/** A part of a message; `start` is -1 where it is missing. */
export class Span {
  readonly start: i32;
  readonly end: i32;

  constructor(start: i32, end: i32) {
    this.start = start;
    this.end = end;
  }

  get missing(): boolean {
    return this.start < 0;
  }

  get length(): i32 {
    return this.end - this.start;
  }
}

/** What is not there. Shared, so that fields that are left out cost nothing. */
export const NO_SPAN: Span = new Span(-1, -1);

/** Below 0, 0 or above 0, as the bytes of the first stand before, are equal to or after the second's. */
export function compareBytes(
  a: Uint8Array,
  aStart: i32,
  aEnd: i32,
  b: Uint8Array,
  bStart: i32,
  bEnd: i32,
): i32 {
  const aLength = aEnd - aStart;
  const bLength = bEnd - bStart;
  const length = i32(Math.min(aLength, bLength));
  for (let i = 0; i < length; i++) {
    const difference = i32(unchecked(a[aStart + i])) - i32(unchecked(b[bStart + i]));
    if (difference != 0) return difference;
  }
  return aLength - bLength;
}

/** Whether the bytes are `text`, which is ASCII. */
export function isText(bytes: Uint8Array, start: i32, end: i32, text: string): boolean {
  return end - start == text.length && startsWith(bytes, start, end, text);
}

/** Whether the bytes begin with `text`, which is ASCII. */
export function startsWith(bytes: Uint8Array, start: i32, end: i32, text: string): boolean {
  const length = text.length;
  if (end - start < length) return false;
  for (let i = 0; i < length; i++) {
    if (i32(unchecked(bytes[start + i])) != text.charCodeAt(i)) return false;
  }
  return true;
}
