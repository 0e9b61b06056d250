import type { Datatype, Tensor } from '../protocol/tensor.ts';

/** Token ids, masks and positions as the model takes them. */
export type IntegerDatatype = 'INT64' | 'INT32';

export function isInteger(datatype: Datatype): datatype is IntegerDatatype {
  return datatype === 'INT64' || datatype === 'INT32';
}

/** `values` are in row-major order, as many as `shape` makes. */
export function integerTensor(
  datatype: IntegerDatatype,
  values: ArrayLike<number>,
  shape: readonly number[],
): Tensor {
  if (datatype === 'INT32') return { data: Int32Array.from(values), shape };
  const data = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) data[i] = BigInt(values[i] as number);
  return { data, shape };
}
