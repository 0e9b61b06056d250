/** What a benchmark has to reach. */

export interface Target {
  readonly name: string;
  /** Measured, in the target's unit. */
  readonly measured: number;
  /** At most this. */
  readonly atMost: number;
}

/** One line a target. Returns whether all are met. */
export function printTargets(targets: readonly Target[]): boolean {
  console.log('\n## targets\n');
  for (const { name, measured, atMost } of targets) {
    const verdict = measured <= atMost ? 'met   ' : 'MISSED';
    console.log(`${verdict} ${name}: ${measured.toFixed(2)}, at most ${atMost.toFixed(2)}`);
  }
  return targets.every(({ measured, atMost }) => measured <= atMost);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Prints a Markdown table. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`| ${head.join(' | ')} |`);
  console.log(`|${head.map(() => '---').join('|')}|`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
}
