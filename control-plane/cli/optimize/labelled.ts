/** Two models on labelled rows: what each gets right, and where they differ. */
import type { Tensor } from '../../../inference/protocol/tensor.ts';
import { CommandFailure } from '../failure.ts';
import type { OfflineModel } from '../model/offline-model.ts';
import { showProgress } from '../progress.ts';
import { isBad, type Row, type RowFile } from '../rows/row.ts';
import type { Predictor } from '../scores/predictor.ts';
import { copied, largestDifference } from './comparison.ts';

export interface LabelledComparison {
  readonly rows: number;
  /** Shares of the rows. */
  readonly before: number;
  readonly after: number;
  /** Rows to which both say the same. */
  readonly agreed: number;
  /** Between the elements of any floating-point output of a row. */
  readonly largestDifference: number;
  readonly badRows: number;
}

/** @throws CommandFailure where a model fails, or no row can be used. */
export async function compareOnRows(
  file: RowFile,
  before: OfflineModel,
  after: OfflineModel,
  predictor: Predictor,
): Promise<LabelledComparison> {
  const count = { rows: 0, before: 0, after: 0, agreed: 0, largestDifference: 0, badRows: 0 };
  const progress = showProgress('compare', file.bytes);
  try {
    for await (const row of file.rows(0)) {
      progress.update(file.bytesRead, count.rows);
      if (isBad(row)) {
        count.badRows++;
        continue;
      }
      const [one, other] = await Promise.all([answer(before, row), answer(after, row)]);
      const said = [one, other].map((outputs) => prediction(before, predictor, outputs));
      const label = predictor.normalize(row.label ?? '');
      count.rows++;
      count.before += Number(said[0] === label);
      count.after += Number(said[1] === label);
      count.agreed += Number(said[0] === said[1]);
      const difference = largestDifference(before.metadata, one, other);
      count.largestDifference = Math.max(count.largestDifference, difference);
    }
  } finally {
    progress.stop();
  }
  if (count.rows === 0) throw new CommandFailure('the labelled file has no row to compare on', 2);
  return { ...count, before: count.before / count.rows, after: count.after / count.rows };
}

async function answer(model: OfflineModel, { number, inputs }: Row): Promise<readonly Tensor[]> {
  const outcome = await model.run(copied(inputs));
  if (outcome instanceof Error) throw new CommandFailure(`row ${number}: ${outcome.message}`, 1);
  return outcome;
}

/** Null: scores that are no numbers, which is nothing right. */
function prediction(
  { metadata }: OfflineModel,
  predictor: Predictor,
  outputs: readonly Tensor[],
): string | null {
  const index = metadata.outputs.findIndex(({ name }) => name === predictor.output);
  try {
    return predictor.predict(outputs[index]?.data ?? []);
  } catch {
    return null;
  }
}
