import type { Datatype } from './tensor.ts';

/** All but BYTES, whose elements have no fixed size. */
export type FixedDatatype = Exclude<Datatype, 'BYTES'>;

/** What holds the elements of a datatype; its bytes in memory are those of the wire. */
export const ELEMENT_ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;
