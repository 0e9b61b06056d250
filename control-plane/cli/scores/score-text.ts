/** Scores as tables. */
import { textTable } from '../quickstart/text-table.ts';
import type { ScoreReport } from './scores.ts';

/** A matrix that is wider than a terminal says nothing. */
const MOST_CLASSES = 20;

export function scoreText(report: ScoreReport): string {
  const { accuracy, right, rows, macro, classes } = report;
  const table = textTable([
    ['CLASS', 'PRECISION', 'RECALL', 'F1', 'ROWS'],
    ...classes.map(({ label, precision, recall, f1, support }) => [
      label,
      ...[precision, recall, f1].map(figure),
      String(support),
    ]),
    ['macro average', ...[macro.precision, macro.recall, macro.f1].map(figure), String(rows)],
  ]);
  return [
    `accuracy ${figure(accuracy)} (${right} of ${rows} rows)`,
    table,
    confusionText(report),
  ].join('\n\n');
}

export function figure(value: number): string {
  return value.toFixed(4);
}

function confusionText({ classes, confusion }: ScoreReport): string {
  if (classes.length > MOST_CLASSES) {
    return `The confusion matrix of ${classes.length} classes is in the output of --json.`;
  }
  const labels = classes.map(({ label }) => label);
  const rows = confusion.map((counts, i) => [labels[i] ?? '', ...counts.map(String)]);
  return `Confusion matrix (down: label, across: answer)\n${textTable([['', ...labels], ...rows])}`;
}
