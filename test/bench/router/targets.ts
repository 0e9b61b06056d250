/** What the filters may cost, as ratios of Envoy's CPU per request within one case. */
import type { Target } from '../target.ts';
import type { CaseResult } from './rounds.ts';
import type { SubjectName } from './subjects.ts';

interface Goal {
  readonly case: string;
  readonly subject: SubjectName;
  readonly than: SubjectName;
  readonly bound: { readonly atMost: number } | { readonly atLeast: number };
}

const GOALS: readonly Goal[] = [
  ...atMost(1.1, 'router', ['1 kB first 16', '1 kB last 16']),
  ...atMost(1.3, 'chain', ['1 kB first 16', '1 kB last 16']),
  ...atMost(1.05, 'fast', ['64 kB first 16', '1 MB first 16']),
  ...atMost(1.25, 'router', ['64 kB first 16', '64 kB last 16']),
  ...atMost(1.25, 'fast', ['64 kB last 16']),
  ...cheaperThan('json_to_metadata'),
  ...cheaperThan('lua'),
  {
    case: 'routes 1 kB first 16',
    subject: '10,000 routes',
    than: '10 routes',
    bound: { atMost: 1.05 },
  },
];

/** One target for each goal whose case was run. */
export function targetsOf(results: readonly CaseResult[]): Target[] {
  return GOALS.flatMap((goal) => {
    const result = results.find((one) => one.case.name === goal.case);
    if (result === undefined) return [];
    const name = `${goal.subject} / ${goal.than}, ${goal.case}`;
    return [{ name, measured: result.cpuRatio(goal.subject, goal.than), ...goal.bound }];
  });
}

function atMost(limit: number, subject: SubjectName, cases: readonly string[]): Goal[] {
  return cases.map((name) => ({
    case: name,
    subject,
    than: 'no filter',
    bound: { atMost: limit },
  }));
}

function cheaperThan(subject: SubjectName): Goal[] {
  return ['64 kB first 16', '64 kB last 16'].map((name) => ({
    case: name,
    subject,
    than: 'router',
    bound: { atLeast: 3 },
  }));
}
