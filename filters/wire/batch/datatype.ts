/** How many bytes the elements of a binary tensor take: little-endian, row by row, no padding. */
import { isText } from './span.ts';

export const UNKNOWN_DATATYPE: i32 = -1;
/** Elements of any length, each behind its length in four bytes. */
export const BYTES_DATATYPE: i32 = 0;

const LENGTH_BYTES: i32 = 4;

/** Bytes of an element of the datatype named at `start` to `end`, or one of the above. */
export function elementBytes(bytes: Uint8Array, start: i32, end: i32): i32 {
  if (isText(bytes, start, end, 'FP32')) return 4;
  if (isText(bytes, start, end, 'INT64')) return 8;
  if (isText(bytes, start, end, 'BYTES')) return BYTES_DATATYPE;
  if (isText(bytes, start, end, 'INT32')) return 4;
  if (isText(bytes, start, end, 'FP64')) return 8;
  if (isText(bytes, start, end, 'FP16')) return 2;
  if (isText(bytes, start, end, 'BF16')) return 2;
  if (isText(bytes, start, end, 'BOOL')) return 1;
  if (isText(bytes, start, end, 'UINT8')) return 1;
  if (isText(bytes, start, end, 'INT8')) return 1;
  if (isText(bytes, start, end, 'INT16')) return 2;
  if (isText(bytes, start, end, 'UINT16')) return 2;
  if (isText(bytes, start, end, 'UINT32')) return 4;
  if (isText(bytes, start, end, 'UINT64')) return 8;
  return UNKNOWN_DATATYPE;
}

/**
 * The byte after `count` elements of BYTES from `from` on, or -1 where they go beyond `to`.
 */
export function bytesElementsEnd(bytes: Uint8Array, from: i32, to: i32, count: i32): i32 {
  let at = from;
  for (let i = 0; i < count; i++) {
    if (to - at < LENGTH_BYTES) return -1;
    const length =
      i32(unchecked(bytes[at])) |
      (i32(unchecked(bytes[at + 1])) << 8) |
      (i32(unchecked(bytes[at + 2])) << 16) |
      (i32(unchecked(bytes[at + 3])) << 24);
    at += LENGTH_BYTES;
    if (length < 0 || length > to - at) return -1;
    at += length;
  }
  return at;
}
