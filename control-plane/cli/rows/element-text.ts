/** Tensors as JSON text: JSON.stringify takes neither BigInt nor bit patterns of FP16. */
import { numberFromHalf } from '../../../inference/protocol/half-float.ts';
import type { Datatype, TensorData } from '../../../inference/protocol/tensor.ts';

/** Elements by commas. NaN and infinity, which JSON has not, are null. */
export function flatText(datatype: Datatype, data: TensorData): string {
  return Array.from(data as ArrayLike<number | bigint | string>, (value) =>
    elementText(datatype, value),
  ).join(',');
}

/** Arrays in arrays, as the shape has it; a single element where the shape is `[]`. */
export function nestedText(datatype: Datatype, data: TensorData, shape: readonly number[]): string {
  let parts = Array.from(data as ArrayLike<number | bigint | string>, (value) =>
    elementText(datatype, value),
  );
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i] ?? 0;
    const count = shape.slice(0, i).reduce((product, outer) => product * outer, 1);
    parts = Array.from({ length: count }, (_, at) => {
      return `[${parts.slice(at * size, (at + 1) * size).join(',')}]`;
    });
  }
  return parts[0] ?? 'null';
}

function elementText(datatype: Datatype, value: number | bigint | string): string {
  if (datatype === 'BYTES') return JSON.stringify(value);
  if (datatype === 'BOOL') return value ? 'true' : 'false';
  const number = datatype === 'FP16' ? numberFromHalf(Number(value)) : value;
  if (typeof number === 'number' && !Number.isFinite(number)) return 'null';
  return String(number);
}
