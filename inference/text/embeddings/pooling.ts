import { RequestError } from '../../protocol/errors.ts';
import { numberFromHalf } from '../../protocol/half-float.ts';
import type { Tensor } from '../../protocol/tensor.ts';

export type Pooling = 'mean' | 'cls' | 'last';

/**
 * One vector for each row: of a tensor (rows, tokens, size) by `pooling`, of (rows, size) as it is. `lengths`
 * are the tokens of each row; what fills it up behind them does not count.
 */
export function poolRows(
  { data, shape }: Tensor,
  lengths: readonly number[],
  pooling: Pooling,
): Float32Array[] {
  const size = shape.at(-1) ?? 0;
  const width = shape.length === 3 ? (shape[1] as number) : 1;
  const values = floatsOf(data);
  if (!values || shape[0] !== lengths.length || shape.length > 3 || shape.length < 2) {
    throw new RequestError('internal', `the model gave a tensor of shape [${shape}]`);
  }
  return lengths.map((length, row) => {
    const start = row * width * size;
    if (shape.length === 2) return values.slice(start, start + size);
    const at = (token: number) => values.slice(start + token * size, start + (token + 1) * size);
    if (pooling === 'cls') return at(0);
    if (pooling === 'last') return at(Math.max(0, Math.min(length, width) - 1));
    return meanOf(values, start, Math.min(length, width), size);
  });
}

/** Its first `dimensions` numbers, if it is to be shorter; of length 1, if it is to be scaled. */
export function finishVector(
  vector: Float32Array,
  dimensions: number | undefined,
  normalize: boolean,
): Float32Array {
  const kept = dimensions === undefined ? vector : vector.subarray(0, dimensions);
  if (!normalize) return kept;
  let squares = 0;
  for (const value of kept) squares += value * value;
  // A vector of zeros has no direction, and stays one.
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
  return kept.map((value) => value * scale);
}

function meanOf(values: Float32Array, start: number, count: number, size: number): Float32Array {
  const sums = new Float64Array(size);
  for (let token = 0; token < count; token++) {
    const from = start + token * size;
    for (let i = 0; i < size; i++) (sums[i] as number) += values[from + i] as number;
  }
  return Float32Array.from(sums, (sum) => sum / Math.max(count, 1));
}

function floatsOf(data: Tensor['data']): Float32Array | undefined {
  if (data instanceof Float32Array) return data;
  return data instanceof Uint16Array ? Float32Array.from(data, numberFromHalf) : undefined;
}
