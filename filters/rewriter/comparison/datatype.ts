/** The datatypes of the Open Inference Protocol. Codes are ordered: see `isWholeType`. */

/** Numbers of which only their text tells what they are: predictions of KServe V1. */
export const UNTYPED: i32 = 0;
export const TYPE_BOOL: i32 = 1;
export const TYPE_UINT8: i32 = 2;
export const TYPE_UINT16: i32 = 3;
export const TYPE_UINT32: i32 = 4;
export const TYPE_UINT64: i32 = 5;
export const TYPE_INT8: i32 = 6;
export const TYPE_INT16: i32 = 7;
export const TYPE_INT32: i32 = 8;
export const TYPE_INT64: i32 = 9;
export const TYPE_FP16: i32 = 10;
export const TYPE_BF16: i32 = 11;
export const TYPE_FP32: i32 = 12;
export const TYPE_FP64: i32 = 13;
export const TYPE_BYTES: i32 = 14;

const NAMES: string[] = [
  '',
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'BF16',
  'FP32',
  'FP64',
  'BYTES',
];
/** Bytes of an element in binary data; 0: they differ. */
const SIZES: i32[] = [0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 0];

/** The datatype of this name, or -1. */
export function datatypeOf(name: string): i32 {
  for (let code = TYPE_BOOL; code < NAMES.length; code++) if (NAMES[code] == name) return code;
  return -1;
}

/** Bytes of an element in binary data; 0 where they differ, or where there is no such data. */
export function elementBytes(datatype: i32): i32 {
  return datatype >= 0 && datatype < SIZES.length ? SIZES[datatype] : 0;
}

/** Whether its numbers are whole ones, truth values among them. */
export function isWholeType(datatype: i32): boolean {
  return datatype >= TYPE_BOOL && datatype <= TYPE_INT64;
}

/** Whether an f32 holds any of its numbers. */
export function isSingleType(datatype: i32): boolean {
  return datatype >= TYPE_FP16 && datatype <= TYPE_FP32;
}
