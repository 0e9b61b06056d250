/** One table a case. */
import { printTable } from '../target.ts';
import type { Measurement } from './measurement.ts';
import type { CaseResult } from './rounds.ts';

const HEAD = [
  'connections',
  'batching',
  'CPU us/request',
  'Envoy',
  'pod',
  'CPU ratio',
  'requests/s',
  'rate ratio',
  'p50 ms',
  'p99 ms',
  'rows/call',
  'rows/run',
  'core',
  'load core',
];

export function printTables(results: readonly CaseResult[]): void {
  for (const name of new Set(results.map((result) => result.case.name))) {
    console.log(`\n### ${name}\n`);
    const ofCase = results.filter((result) => result.case.name === name);
    printTable(HEAD, ofCase.flatMap(rowsOf));
  }
}

function rowsOf({ case: { subjects }, connections, rounds }: CaseResult): string[][] {
  return subjects.map((subject) => {
    const of = (pick: (result: Measurement) => number): number => rounds.median(subject, pick);
    const ratio = (pick: (result: Measurement) => number): string =>
      rounds.ratio(subject, subjects[0] ?? subject, pick).toFixed(2);
    return [
      String(connections),
      subject,
      of((r) => r.cpuMicros).toFixed(1),
      of((r) => r.envoyMicros).toFixed(1),
      of((r) => r.podMicros).toFixed(1),
      ratio((r) => r.cpuMicros),
      of((r) => r.requestsPerSecond).toFixed(0),
      ratio((r) => r.requestsPerSecond),
      of((r) => r.p50Ms).toFixed(3),
      of((r) => r.p99Ms).toFixed(3),
      of((r) => r.rowsPerCall).toFixed(1),
      of((r) => r.rowsPerRun).toFixed(1),
      of((r) => r.coreShare).toFixed(2),
      of((r) => r.loadShare).toFixed(2),
    ];
  });
}
