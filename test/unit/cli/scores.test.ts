import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type ScoreReport, Scores } from '../../../control-plane/cli/scores/scores.ts';

interface Case {
  readonly name: string;
  readonly labels: readonly string[];
  readonly answers: readonly string[];
  readonly classes: readonly string[];
  readonly accuracy: number;
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  readonly f1: readonly number[];
  readonly support: readonly number[];
  readonly macro: ScoreReport['macro'];
  readonly confusion: readonly (readonly number[])[];
}

const REFERENCE = new URL('./reference/scores.golden.json', import.meta.url);
const CASES: readonly Case[] = JSON.parse(readFileSync(REFERENCE, 'utf8'));

describe("the figures are scikit-learn's", () => {
  for (const reference of CASES) {
    test(reference.name, () => {
      const scores = new Scores();
      reference.labels.forEach((label, i) => {
        scores.add(label, reference.answers[i] ?? '');
      });
      const { classes, confusion, accuracy, macro, rows } = scores.report();
      assert.equal(rows, reference.labels.length);
      assert.deepEqual(
        classes.map(({ label }) => label),
        reference.classes,
      );
      assert.deepEqual(
        classes.map(({ support }) => support),
        reference.support,
      );
      assert.deepEqual(confusion, reference.confusion);
      near([accuracy], [reference.accuracy]);
      near(
        classes.map(({ precision }) => precision),
        reference.precision,
      );
      near(
        classes.map(({ recall }) => recall),
        reference.recall,
      );
      near(
        classes.map(({ f1 }) => f1),
        reference.f1,
      );
      near(Object.values(macro), Object.values(reference.macro));
    });
  }
});

test('no rows give zeros, not NaN', () => {
  const { rows, accuracy, macro, classes } = new Scores().report();
  assert.deepEqual([rows, accuracy, classes], [0, 0, []]);
  assert.deepEqual(macro, { precision: 0, recall: 0, f1: 0 });
});

/** Sums of shares are added in another order there. */
function near(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    assert.ok(
      Math.abs(value - (expected[i] ?? Number.NaN)) < 1e-12,
      `${value}, not ${expected[i]}`,
    );
  });
}
