/** What `modelweir optimize` prints. */
import { textTable } from '../quickstart/text-table.ts';
import { figure } from '../scores/score-text.ts';
import type { OptimizeOptions, OptimizeReport, Pair } from './run.ts';

export function reportText(report: OptimizeReport, { to, calibration }: OptimizeOptions): string {
  const { bytes, rowsPerSecond, batchRows, labelled, folder } = report;
  const how = to === 'fp16' ? '' : calibration === null ? ', dynamic' : ', static';
  const rows = [
    ['', 'BEFORE', 'AFTER', 'AFTER / BEFORE'],
    line('bytes', bytes, 0),
    line(`rows/s, ${batchRows} a run`, rowsPerSecond, 0),
    ...(labelled === null ? [] : [line('accuracy', labelled, 4)]),
  ];
  const parts = [`${folder}/model.onnx (${to}${how})`, textTable(rows)];
  if (labelled === null) parts.push('Accuracy is not known: give --data and --label.');
  else {
    const { rows: count, agreed, largestDifference, badRows } = labelled;
    const bad = badRows > 0 ? `; ${badRows} rows could not be read` : '';
    parts.push(
      `Same answer for ${agreed} of ${count} rows; scores differ by ${figure(largestDifference)} at most${bad}.`,
    );
  }
  return parts.join('\n\n');
}

function line(what: string, { before, after }: Pair, digits: number): string[] {
  const ratio = before > 0 ? (after / before).toFixed(2) : '-';
  return [what, before.toFixed(digits), after.toFixed(digits), ratio];
}
