/** What batching in the mesh must be worth, as ratios within one case. */
import type { Target } from '../target.ts';
import type { Measurement } from './measurement.ts';
import type { CaseResult } from './rounds.ts';
import type { SubjectName } from './subjects.ts';

interface Goal {
  readonly case: RegExp;
  readonly connections: number;
  readonly what: string;
  readonly pick: (result: Measurement) => number;
  readonly subject: SubjectName;
  readonly than: SubjectName;
  readonly bound: { readonly atMost: number } | { readonly atLeast: number };
}

/** "No worse" is told from "worse" by more than what two runs of the same differ by here. */
const NOISE = 0.05;

const cpu = { what: 'CPU per request', pick: (r: Measurement): number => r.cpuMicros };
const rate = { what: 'requests/s', pick: (r: Measurement): number => r.requestsPerSecond };
const p50 = { what: 'p50', pick: (r: Measurement): number => r.p50Ms };
const p99 = { what: 'p99', pick: (r: Measurement): number => r.p99Ms };
const DIGITS = { case: /^digits-json$/, connections: 64, subject: 'mesh' } as const;
const MLP = { case: /^mlp-/, connections: 64, subject: 'mesh' } as const;
const EACH = { case: /-(json|binary)$/, subject: 'mesh', than: 'none' } as const;

const GOALS: readonly Goal[] = [
  { ...DIGITS, ...cpu, than: 'none', bound: { atMost: 0.35 } },
  { ...DIGITS, ...cpu, than: 'pod', bound: { atMost: 0.45 } },
  { ...DIGITS, ...rate, than: 'none', bound: { atLeast: 3 } },
  { ...MLP, ...rate, than: 'none', bound: { atLeast: 6 } },
  { ...MLP, ...rate, than: 'pod', bound: { atLeast: 1 - NOISE } },
  { ...EACH, ...p50, connections: 1, bound: { atMost: 1.05 } },
  { ...EACH, ...p99, connections: 64, bound: { atMost: 1 } },
];

/** One target for each goal and each case that has it and was run. */
export function targetsOf(results: readonly CaseResult[]): Target[] {
  return GOALS.flatMap(({ case: of, connections, what, pick, subject, than, bound }) =>
    results
      .filter((result) => of.test(result.case.name) && result.connections === connections)
      .map((result) => ({
        name: `${result.case.name}, ${connections} connections, ${what}: ${subject} / ${than}`,
        measured: result.rounds.ratio(subject, than, pick),
        ...bound,
      })),
  );
}
