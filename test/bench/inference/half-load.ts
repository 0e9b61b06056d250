/** Latency at half of the load that the pod can just bear, with requests that come when they come. */
import type { BenchOptions } from '../options.ts';
import { encodeRequests } from '../raw-load.ts';
import { median, printTable, type Target } from '../target.ts';
import { measure } from './measurement.ts';
import { type OpenLoopResult, openLoop } from './open-loop.ts';
import { type BenchedModel, type Encoding, requestsFor } from './requests.ts';
import type { Subjects } from './subjects.ts';

export interface HalfLoadCase {
  /** `half load digits json`. */
  readonly name: string;
  readonly model: BenchedModel;
  readonly form: Encoding;
}

export const HALF_LOAD_CASES: readonly HalfLoadCase[] = (['digits', 'mlp'] as const).flatMap(
  (model) =>
    (['json', 'binary'] as const).map((form) => ({
      name: `half load ${model} ${form}`,
      model,
      form,
    })),
);

const CONNECTIONS = 64;
/** Of a p99: a second of the large model is too few requests for one. */
const TIME_FACTOR = 2;
const MAX_P99_BY_P50 = 3;

interface Round extends OpenLoopResult {
  readonly requestsPerSecond: number;
}

export async function halfLoad(
  options: BenchOptions,
  cases: readonly HalfLoadCase[],
  subjects: Subjects,
): Promise<Target[]> {
  const rows: string[][] = [];
  const targets: Target[] = [];
  for (const one of cases) {
    console.error(`${one.name} ...`);
    const rounds: Round[] = [];
    const subject = one.form === 'json' ? 'pod, JSON' : 'pod, binary';
    await subjects.warmUp(subject, { model: one.model, transport: 'http' });
    for (let round = 0; round < options.rounds; round++) {
      rounds.push(await runRound(options, one, subjects));
    }
    const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
    const ratio = of((round) => round.p99Ms / round.p50Ms);
    rows.push([
      one.name,
      of((round) => round.requestsPerSecond).toFixed(0),
      of((round) => round.p50Ms).toFixed(2),
      of((round) => round.p99Ms).toFixed(2),
      of((round) => round.sentP99Ms).toFixed(2),
      ratio.toFixed(2),
    ]);
    targets.push({ name: `${one.name}, p99 / p50`, measured: ratio, atMost: MAX_P99_BY_P50 });
  }
  if (rows.length > 0) {
    console.log('\n### at half load, requests at random times\n');
    printTable(['case', 'requests/s', 'p50 ms', 'p99 ms', 'p99 ms since sent', 'p99 / p50'], rows);
  }
  return targets;
}

async function runRound(
  { seconds }: BenchOptions,
  { model, form }: HalfLoadCase,
  subjects: Subjects,
): Promise<Round> {
  const pod = await subjects.server('pod, JSON');
  const full = await measure(pod, { model, form, connections: CONNECTIONS, seconds });
  const requestsPerSecond = full.requestsPerSecond / 2;
  const result = await openLoop({
    url: pod.url,
    encoded: encodeRequests(pod.url, requestsFor(model, form)),
    connections: CONNECTIONS,
    requestsPerSecond,
    seconds: seconds * TIME_FACTOR,
  });
  return { ...result, requestsPerSecond };
}
