/** Two models on the same rows, by the pod's own runtime: how fast each is, and how their answers differ. */
import { ELEMENT_ARRAYS } from '../../../inference/protocol/element-arrays.ts';
import { numberFromHalf } from '../../../inference/protocol/half-float.ts';
import {
  type Datatype,
  elementCount,
  type ModelMetadata,
  type Tensor,
  type TensorData,
} from '../../../inference/protocol/tensor.ts';
import { CommandFailure } from '../failure.ts';
import type { OfflineModel } from '../model/offline-model.ts';

const ROUNDS = 9;
/** Of one model in one round. */
const ROUND_MS = 150;

/** Rows per second of each, medians of rounds in which they take turns. */
export async function compareSpeed(
  before: OfflineModel,
  after: OfflineModel,
  batch: readonly Tensor[],
  rows: number,
): Promise<{ before: number; after: number }> {
  const rates: [number[], number[]] = [[], []];
  // The first round warms both up, and does not count.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, model] of [before, after].entries()) {
      const rate = await rowsPerSecond(model, batch, rows);
      if (round > 0) rates[index as 0 | 1].push(rate);
    }
  }
  return { before: median(rates[0]), after: median(rates[1]) };
}

async function rowsPerSecond(model: OfflineModel, batch: readonly Tensor[], rows: number) {
  const startMs = performance.now();
  let runs = 0;
  let elapsedMs = 0;
  while (elapsedMs < ROUND_MS) {
    const outcome = await model.run(copied(batch));
    if (outcome instanceof Error) throw new CommandFailure(outcome.message, 1);
    runs++;
    elapsedMs = performance.now() - startMs;
  }
  return (runs * rows * 1000) / elapsedMs;
}

/** A run takes its inputs' memory away. */
export function copied(tensors: readonly Tensor[]): Tensor[] {
  return tensors.map(({ data, shape }) => ({ data: data.slice() as TensorData, shape }));
}

/** One row's inputs, `rows` times one below the other. */
export function repeated(inputs: readonly Tensor[], rows: number): Tensor[] {
  return inputs.map(({ data, shape }) => ({
    data: repeat(data, rows),
    shape: [rows, ...shape.slice(1)],
  }));
}

/** A row of nothing but zeros, for the speed of a model that there are no rows for. */
export function zeroRow({ inputs }: ModelMetadata): Tensor[] {
  return inputs.map(({ datatype, shape: declared }) => {
    const shape = declared.map((size) => (size === -1 ? 1 : size));
    const count = elementCount(shape);
    const data =
      datatype === 'BYTES'
        ? new Array<string>(count).fill('')
        : new ELEMENT_ARRAYS[datatype](count);
    return { data, shape };
  });
}

/** The largest absolute difference between two answers; infinite where only one of two elements is a number. */
export function largestDifference(
  { outputs }: ModelMetadata,
  a: readonly Tensor[],
  b: readonly Tensor[],
): number {
  let largest = 0;
  for (const [index, { datatype }] of outputs.entries()) {
    if (!datatype.startsWith('FP')) continue;
    const [one, other] = [numbersOf(datatype, a[index]), numbersOf(datatype, b[index])];
    for (let i = 0; i < one.length; i++) {
      const difference = Math.abs((one[i] ?? 0) - (other[i] ?? Number.NaN));
      if (Number.isNaN(difference) && !Object.is(one[i], other[i])) return Number.POSITIVE_INFINITY;
      if (difference > largest) largest = difference;
    }
  }
  return largest;
}

function numbersOf(datatype: Datatype, tensor: Tensor | undefined): number[] {
  const data = (tensor?.data ?? []) as ArrayLike<number>;
  return Array.from(data, (value) => (datatype === 'FP16' ? numberFromHalf(value) : value));
}

function repeat(data: TensorData, times: number): TensorData {
  if (!ArrayBuffer.isView(data)) return Array.from({ length: times }, () => data).flat();
  const Elements = data.constructor as new (
    length: number,
  ) => Exclude<TensorData, readonly string[]>;
  const all = new Elements(data.length * times);
  for (let i = 0; i < times; i++) all.set(data as never, i * data.length);
  return all;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
