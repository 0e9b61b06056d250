/** One table for each model and transport. */
import { printTable } from '../target.ts';
import type { CaseResult, Pick } from './rounds.ts';

const HEAD = [
  'connections',
  'server',
  'requests/s',
  'p50 ms',
  'p99 ms',
  'CPU us/request',
  'core',
  'load core',
];

export function printTables(results: readonly CaseResult[]): void {
  for (const title of new Set(results.map((result) => result.case.title))) {
    console.log(`\n### ${title}\n`);
    printTable(HEAD, results.filter((result) => result.case.title === title).flatMap(rowsOf));
  }
}

function rowsOf(result: CaseResult): string[][] {
  return result.case.subjects.map((subject) => {
    const of = (pick: Pick, digits: number): string => text(result.median(subject, pick), digits);
    return [
      String(result.case.connections),
      subject,
      of((m) => m.requestsPerSecond, 0),
      of((m) => m.p50Ms, 2),
      of((m) => m.p99Ms, 2),
      of((m) => (m.coreShare / m.requestsPerSecond) * 1e6, 1),
      of((m) => m.coreShare, 2),
      of((m) => m.loadShare, 2),
    ];
  });
}

function text(value: number, digits: number): string {
  return Number.isNaN(value) ? '' : value.toFixed(digits);
}
