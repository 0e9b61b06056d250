/** One table a size, and one for the numbers of routes. */
import type { LoadResult } from '../load.ts';
import { printTable } from '../target.ts';
import type { CaseResult } from './rounds.ts';
import type { SubjectName } from './subjects.ts';

const HEAD = [
  'name',
  'connections',
  'Envoy',
  'CPU us/request',
  'added us',
  'ratio',
  'core',
  'requests/s',
  'p50 ms',
  'p99 ms',
];

export function printTables(results: readonly CaseResult[]): void {
  for (const title of new Set(results.map((result) => result.case.title))) {
    print(
      title,
      results.filter((result) => result.case.title === title),
    );
  }
}

function print(title: string, results: readonly CaseResult[]): void {
  console.log(`\n### ${title}\n`);
  const rows = results.flatMap((result) =>
    result.case.subjects.map((subject) => row(result, subject)),
  );
  printTable(HEAD, rows);
}

function row(result: CaseResult, subject: SubjectName): string[] {
  const { place, connections, subjects } = result.case;
  const baseline = subjects[0] ?? subject;
  const of = (pick: (result: LoadResult) => number): number => result.median(subject, pick);
  return [
    place,
    String(connections),
    subject,
    of((r) => r.cpuMicros).toFixed(1),
    result.cpuAdded(subject, baseline).toFixed(1),
    result.cpuRatio(subject, baseline).toFixed(2),
    of((r) => r.coreShare).toFixed(2),
    of((r) => r.requestsPerSecond).toFixed(0),
    of((r) => r.p50Ms).toFixed(2),
    of((r) => r.p99Ms).toFixed(2),
  ];
}
