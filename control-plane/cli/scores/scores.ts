/** How often a classifier is right: counts of labels and answers, and the usual figures made of them. */

export interface ClassScores {
  readonly label: string;
  /** Of the rows that got this answer, the share that has this label; 0 where none got it. */
  readonly precision: number;
  /** Of the rows with this label, the share that got this answer; 0 where none has it. */
  readonly recall: number;
  /** Harmonic mean of both; 0 where both are. */
  readonly f1: number;
  /** Rows with this label. */
  readonly support: number;
}

export interface ScoreReport {
  readonly rows: number;
  readonly right: number;
  /** 0 where there are no rows. */
  readonly accuracy: number;
  /** Means over the classes, each counted once. */
  readonly macro: Pick<ClassScores, 'precision' | 'recall' | 'f1'>;
  /** Every label and every answer, sorted: numbers by value, else by code unit. */
  readonly classes: readonly ClassScores[];
  /** `confusion[i][j]`: rows with the label of class i that got class j as answer. */
  readonly confusion: readonly (readonly number[])[];
}

export class Scores {
  /** Label to answer to rows. */
  readonly #counts = new Map<string, Map<string, number>>();

  add(label: string, answer: string): void {
    const answers = this.#counts.get(label) ?? new Map<string, number>();
    this.#counts.set(label, answers);
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }

  report(): ScoreReport {
    const labels = this.#labels();
    const confusion = labels.map((label) => {
      const answers = this.#counts.get(label);
      return labels.map((answer) => answers?.get(answer) ?? 0);
    });
    const classes = labels.map((label, i) => classScores(label, i, confusion));
    const rows = sum(classes.map(({ support }) => support));
    const right = sum(labels.map((_, i) => confusion[i]?.[i] ?? 0));
    const mean = (figure: 'precision' | 'recall' | 'f1') =>
      share(sum(classes.map((one) => one[figure])), classes.length);
    return {
      rows,
      right,
      accuracy: share(right, rows),
      macro: { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') },
      classes,
      confusion,
    };
  }

  #labels(): string[] {
    const answers = [...this.#counts.values()].flatMap((counts) => [...counts.keys()]);
    const labels = [...new Set([...this.#counts.keys(), ...answers])];
    const areNumbers = labels.every((label) => label !== '' && Number.isFinite(Number(label)));
    return areNumbers ? labels.sort((a, b) => Number(a) - Number(b)) : labels.sort();
  }
}

function classScores(
  label: string,
  i: number,
  confusion: readonly (readonly number[])[],
): ClassScores {
  const right = confusion[i]?.[i] ?? 0;
  const support = sum(confusion[i] ?? []);
  const answered = sum(confusion.map((row) => row[i] ?? 0));
  return {
    label,
    precision: share(right, answered),
    recall: share(right, support),
    f1: share(2 * right, support + answered),
    support,
  };
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
