/** What a benchmark has to reach. */

export type Target = AtMost | AtLeast;

interface Measured {
  readonly name: string;
  /** In the target's unit; not a number where it could not be measured, which is a miss. */
  readonly measured: number;
}

interface AtMost extends Measured {
  readonly atMost: number;
}

interface AtLeast extends Measured {
  readonly atLeast: number;
}

/** One line a target. Returns whether all are met. */
export function printTargets(targets: readonly Target[]): boolean {
  console.log('\n## targets\n');
  for (const target of targets) {
    const verdict = isMet(target) ? 'met   ' : 'MISSED';
    console.log(`${verdict} ${target.name}: ${target.measured.toFixed(2)}, ${boundText(target)}`);
  }
  return targets.every(isMet);
}

function boundText(target: Target): string {
  return 'atMost' in target
    ? `at most ${target.atMost.toFixed(2)}`
    : `at least ${target.atLeast.toFixed(2)}`;
}

function isMet(target: Target): boolean {
  return 'atMost' in target ? target.measured <= target.atMost : target.measured >= target.atLeast;
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
