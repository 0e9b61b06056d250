import type { Tensor } from '../../protocol/tensor.ts';
import { integerTensor } from '../integer-tensor.ts';
import type { EmbeddingsConfig } from '../text-config.ts';
import type { EmbeddingInput } from './embedding-layout.ts';

/** Texts that go through the model together. */
export interface TokenRows {
  /** Which texts, one a row. */
  readonly texts: readonly number[];
  /** What each row is filled up to. */
  readonly width: number;
}

/** A row is filled up to at most so many times the width of its part's shortest row. */
const MOST_FILLING = 2;

/** Parts texts of these lengths so that texts of about the same length go together. */
export function partRows(
  lengths: readonly number[],
  { maxRowsPerRun, padToMultipleOf, maxTokens }: EmbeddingsConfig,
): readonly TokenRows[] {
  const widthOf = (text: number): number => {
    const length = lengths[text] ?? 0;
    const width = Math.ceil(length / padToMultipleOf) * padToMultipleOf;
    // No further than the model's last position.
    return Math.max(length, Math.min(width, maxTokens));
  };
  const sorted = [...lengths.keys()].sort((a, b) => widthOf(a) - widthOf(b) || a - b);
  const parts: { texts: number[]; least: number; width: number }[] = [];
  for (const text of sorted) {
    const width = widthOf(text);
    const last = parts.at(-1);
    if (last && last.texts.length < maxRowsPerRun && width <= last.least * MOST_FILLING) {
      last.texts.push(text);
      last.width = width;
    } else {
      parts.push({ texts: [text], least: width, width });
    }
  }
  return parts.map(({ texts, width }) => ({ texts, width }));
}

/** The model's inputs for a part, in its order. */
export function rowInputs(
  rows: TokenRows,
  tokens: readonly ArrayLike<number>[],
  inputs: readonly EmbeddingInput[],
  padTokenId: number,
): readonly Tensor[] {
  const shape = [rows.texts.length, rows.width] as const;
  return inputs.map(({ kind, datatype }) => {
    const values = new Int32Array(shape[0] * shape[1]);
    if (kind === 'tokens') values.fill(padTokenId);
    for (const [row, text] of rows.texts.entries()) {
      const ids = tokens[text] ?? [];
      const start = row * rows.width;
      for (let i = 0; i < ids.length; i++) {
        if (kind === 'tokens') values[start + i] = ids[i] as number;
        else if (kind === 'mask') values[start + i] = 1;
        else if (kind === 'positions') values[start + i] = i;
      }
    }
    return integerTensor(datatype, values, shape);
  });
}
