/** What the pod has to reach, against MLServer's best setting of the same round and onnxruntime alone. */
import type { Target } from '../target.ts';
import { MLSERVER_NAMES } from './mlserver.ts';
import type { CaseResult, Pick } from './rounds.ts';

interface Goal {
  /** Of cases, by their names. */
  readonly case: RegExp;
  readonly name: string;
  readonly subject: string;
  readonly pick: Pick;
  readonly others: readonly string[];
  /** Of the others; default: the same as of the subject. */
  readonly pickOther?: Pick;
  readonly best: (...values: number[]) => number;
  readonly bound: { readonly atMost: number } | { readonly atLeast: number };
}

const rate: Pick = (m) => m.requestsPerSecond;
const p50: Pick = (m) => m.p50Ms;
const p99: Pick = (m) => m.p99Ms;
const HTTP_FORMS = ['pod, JSON', 'pod, binary'];
const RAW = { others: ['onnxruntime, batches of 32'], name: 'rows/s / onnxruntime alone' };
const MLSERVER = { others: MLSERVER_NAMES, best: Math.max };

const GOALS: readonly Goal[] = [
  ...HTTP_FORMS.map((subject) => faster(/^digits http 64$/, subject, 12)),
  faster(/^digits grpc 64$/, 'pod, gRPC', 5),
  ofTheLimit('pod, JSON', 0.75),
  ofTheLimit('pod, binary', 0.8),
  ...HTTP_FORMS.map((subject) => sooner(/ http 16$/, subject)),
  sooner(/ grpc 16$/, 'pod, gRPC'),
];

/** One target for each goal and each case that has it and was run. */
export function targetsOf(results: readonly CaseResult[]): Target[] {
  return GOALS.flatMap((goal) =>
    results
      .filter((result) => goal.case.test(result.case.name))
      .map((result) => ({
        name: `${result.case.name}, ${goal.subject}, ${goal.name}`,
        measured: result.ratioToBest(
          goal.subject,
          goal.pick,
          goal.others,
          goal.pickOther ?? goal.pick,
          goal.best,
        ),
        ...goal.bound,
      })),
  );
}

function faster(of: RegExp, subject: string, atLeast: number): Goal {
  const name = "requests/s / MLServer's best";
  return { case: of, name, subject, pick: rate, ...MLSERVER, bound: { atLeast } };
}

function ofTheLimit(subject: string, atLeast: number): Goal {
  return { case: /^mlp http 64$/, subject, pick: rate, ...RAW, best: Math.max, bound: { atLeast } };
}

function sooner(of: RegExp, subject: string): Goal {
  return {
    case: of,
    name: "p99 / MLServer's best p50",
    subject,
    pick: p99,
    others: MLSERVER_NAMES,
    pickOther: p50,
    best: Math.min,
    bound: { atMost: 1 },
  };
}
