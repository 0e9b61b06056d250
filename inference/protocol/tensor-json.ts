import { invalid } from './errors.ts';
import { halfFromNumber } from './half-float.ts';
import { type Datatype, elementCount, type TensorData } from './tensor.ts';

/**
 * Reads the `data` of a tensor of `shape`, flat or nested. `where` begins every complaint.
 * @throws RequestError when the number, nesting or type of the elements is wrong.
 */
type Reader = (data: unknown, shape: readonly number[], where: string) => TensorData;

/** Copies `values` to `target[offset...]`; the index of the first value that does not fit, or -1. */
type Fill<T> = (target: T, offset: number, values: readonly unknown[]) => number;

const READERS: Record<Datatype, Reader> = {
  BOOL: reader((n) => new Uint8Array(n), fillBooleans, 'true or false'),
  UINT8: reader((n) => new Uint8Array(n), fillIntegers(0, 2 ** 8 - 1), 'an integer from 0 to 255'),
  UINT16: reader(
    (n) => new Uint16Array(n),
    fillIntegers(0, 2 ** 16 - 1),
    'an integer from 0 to 65535',
  ),
  UINT32: reader(
    (n) => new Uint32Array(n),
    fillIntegers(0, 2 ** 32 - 1),
    'an integer from 0 to 2^32-1',
  ),
  UINT64: reader(
    (n) => new BigUint64Array(n),
    fillBigints(0n, 2n ** 64n - 1n),
    'an integer from 0 to 2^64-1',
  ),
  INT8: reader(
    (n) => new Int8Array(n),
    fillIntegers(-(2 ** 7), 2 ** 7 - 1),
    'an integer from -128 to 127',
  ),
  INT16: reader(
    (n) => new Int16Array(n),
    fillIntegers(-(2 ** 15), 2 ** 15 - 1),
    'an integer from -32768 to 32767',
  ),
  INT32: reader(
    (n) => new Int32Array(n),
    fillIntegers(-(2 ** 31), 2 ** 31 - 1),
    'an integer from -2^31 to 2^31-1',
  ),
  INT64: reader(
    (n) => new BigInt64Array(n),
    fillBigints(-(2n ** 63n), 2n ** 63n - 1n),
    'an integer from -2^63 to 2^63-1',
  ),
  FP16: reader((n) => new Uint16Array(n), fillHalves, 'a number in the range of FP16'),
  FP32: reader((n) => new Float32Array(n), fillFloats, 'a number in the range of FP32'),
  FP64: reader((n) => new Float64Array(n), fillFloats, 'a number in the range of FP64'),
  BYTES: reader((n) => new Array<string>(n), fillStrings, 'a string'),
};

export function readTensorData(
  datatype: Datatype,
  data: unknown,
  shape: readonly number[],
  where: string,
): TensorData {
  return READERS[datatype](data, shape, where);
}

function reader<T extends TensorData>(
  create: (n: number) => T,
  fill: Fill<T>,
  expected: string,
): Reader {
  const complain = (where: string, index: number): never => {
    throw invalid(`${where}: element ${index} of data is not ${expected}`);
  };
  return (data, shape, where) => {
    if (!Array.isArray(data)) throw invalid(`${where}: data must be an array`);
    const count = elementCount(shape);
    if (data.length === count && !Array.isArray(data[0])) {
      const target = create(count);
      const bad = fill(target, 0, data);
      return bad < 0 ? target : complain(where, bad);
    }
    // Before anything is allocated: a shape is only a claim until the data has been counted.
    checkNesting(data, shape, 0, where);
    const target = create(count);
    let offset = 0;
    forEachRow(data, shape.length - 1, (row) => {
      const bad = fill(target, offset, row);
      if (bad >= 0) complain(where, offset + bad);
      offset += row.length;
    });
    return target;
  };
}

function checkNesting(
  data: readonly unknown[],
  shape: readonly number[],
  depth: number,
  where: string,
): void {
  const size = shape[depth] ?? 1;
  if (data.length !== size || (depth === 0 && size > 0 && !Array.isArray(data[0]))) {
    const nested = depth > 0 || Array.isArray(data[0]);
    const found = nested
      ? `an array of ${data.length} where dimension ${depth} is ${size}`
      : `${data.length} elements, not ${elementCount(shape)}`;
    throw invalid(`${where}: data has ${found}, so it does not fit shape ${JSON.stringify(shape)}`);
  }
  if (depth >= shape.length - 1) return;
  for (const part of data) {
    if (!Array.isArray(part)) {
      throw invalid(`${where}: data is nested unevenly: expected an array at depth ${depth + 1}`);
    }
    checkNesting(part, shape, depth + 1, where);
  }
}

function forEachRow(
  data: readonly unknown[],
  depth: number,
  visit: (row: readonly unknown[]) => void,
): void {
  if (depth <= 0) visit(data);
  else for (const part of data) if (Array.isArray(part)) forEachRow(part, depth - 1, visit);
}

function fillFloats(
  target: Float32Array | Float64Array,
  offset: number,
  values: readonly unknown[],
): number {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'number') target[offset + i] = value;
    // Long integers of a body that also has a 64-bit input: see `parseJson`.
    else if (typeof value === 'bigint') target[offset + i] = Number(value);
    else return i;
    // 1e999 parses to Infinity, and 1e39 becomes it as FP32.
    if (!Number.isFinite(target[offset + i])) return i;
  }
  return -1;
}

/** The protocol leaves open what FP16 is in JSON: numbers, each rounded to the nearest that there is. */
function fillHalves(target: Uint16Array, offset: number, values: readonly unknown[]): number {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number' && typeof value !== 'bigint') return i;
    const half = halfFromNumber(Number(value));
    if ((half & 0x7c00) === 0x7c00) return i;
    target[offset + i] = half;
  }
  return -1;
}

function fillIntegers(
  min: number,
  max: number,
): Fill<Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array> {
  return (target, offset, values) => {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
        return i;
      target[offset + i] = value;
    }
    return -1;
  };
}

function fillBigints(min: bigint, max: bigint): Fill<BigInt64Array | BigUint64Array> {
  return (target, offset, values) => {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return i;
      const exact = BigInt(value as number | bigint);
      if (exact < min || exact > max) return i;
      target[offset + i] = exact;
    }
    return -1;
  };
}

function fillBooleans(target: Uint8Array, offset: number, values: readonly unknown[]): number {
  for (let i = 0; i < values.length; i++) {
    if (typeof values[i] !== 'boolean') return i;
    target[offset + i] = values[i] ? 1 : 0;
  }
  return -1;
}

function fillStrings(target: string[], offset: number, values: readonly unknown[]): number {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'string') return i;
    target[offset + i] = value;
  }
  return -1;
}
