/** Lines of the output, one a row, in the order of the rows. */
import type { ModelMetadata, Tensor } from '../../../inference/protocol/tensor.ts';
import { nestedText } from '../rows/element-text.ts';
import type { BadRow } from '../rows/row.ts';

/** How the line of a row without an answer begins; see `isFailedLine`. */
const FAILED = '{"error":';

/** `{"row":1,"outputs":{"label":7,"scores":[0.1,0.9]}}`. An output that has a dimension of rows comes without it. */
export function answerLine(
  number: number,
  { outputs }: ModelMetadata,
  tensors: readonly Tensor[],
): string {
  const values = outputs.map(({ name, datatype, shape: declared }, index) => {
    const { data, shape } = tensors[index] as Tensor;
    const isRow = declared[0] === -1 && shape[0] === 1;
    const value = nestedText(datatype, data, isRow ? shape.slice(1) : shape);
    return `${JSON.stringify(name)}:${value}`;
  });
  return `{"row":${number},"outputs":{${values.join(',')}}}`;
}

/** `{"error":"column x is \"?\", not ...","row":7,"field":"x"}`. */
export function failedLine({ number, field, reason }: BadRow): string {
  return JSON.stringify({ error: reason, row: number, ...(field === null ? {} : { field }) });
}

export function isFailedLine(line: string): boolean {
  return line.startsWith(FAILED);
}

/** NaN where it is no line of ours. */
export function rowOfLine(line: string): number {
  try {
    return Number(JSON.parse(line).row);
  } catch {
    return Number.NaN;
  }
}
