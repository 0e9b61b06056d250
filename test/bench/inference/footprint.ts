/** How soon a pod with the digits model is ready, and what memory it has when all ways in were loaded. */
import { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import type { BenchOptions } from '../options.ts';
import { median, printTable, type Target } from '../target.ts';
import { type LoadPlan, measure } from './measurement.ts';
import { startBenchPod } from './pod.ts';
import { residentBytes } from './process-tree.ts';

export const FOOTPRINT = 'footprint';

const CONNECTIONS = 64;
const MAX_READY_MS = 1500;
const MAX_RESIDENT_MB = 200;
/** In this order, each after the one before, on the same pod. */
const FORMS: readonly LoadPlan['form'][] = ['json', 'binary', 'grpc'];

/** `residentMb`: once it is ready, then after each of the forms. */
interface Round {
  readonly readyMs: number;
  readonly residentMb: readonly number[];
}

export async function footprint(options: BenchOptions): Promise<Target[]> {
  console.error(`${FOOTPRINT} ...`);
  const rounds: Round[] = [];
  for (let round = 0; round < options.rounds; round++) rounds.push(await runRound(options));
  const readyMs = median(rounds.map((round) => round.readyMs));
  const residentMb = ['ready', ...FORMS].map((_, at) =>
    median(rounds.map((round) => round.residentMb[at] ?? Number.NaN)),
  );
  console.log(`\n### start and memory, digits, ${CONNECTIONS} connections\n`);
  printTable(
    ['ready after ms', 'MB resident when ready', ...FORMS.map((form) => `after ${form}`)],
    [[readyMs, ...residentMb].map((value) => value.toFixed(0))],
  );
  return [
    { name: 'digits, ready after ms', measured: readyMs, atMost: MAX_READY_MS },
    ...FORMS.map((form, at) => ({
      name: `digits, resident MB after ${form}`,
      measured: residentMb[at + 1] ?? Number.NaN,
      atMost: MAX_RESIDENT_MB,
    })),
  ];
}

async function runRound({ seconds }: BenchOptions): Promise<Round> {
  const supervisor = new Supervisor();
  try {
    const pod = await startBenchPod(supervisor, ['digits']);
    const residentMb = [await residentMbOf(pod.pid)];
    for (const form of FORMS) {
      await measure(pod, { model: 'digits', form, connections: CONNECTIONS, seconds });
      residentMb.push(await residentMbOf(pod.pid));
    }
    return { readyMs: pod.readyMs, residentMb };
  } finally {
    await supervisor.stop();
  }
}

async function residentMbOf(pid: number): Promise<number> {
  return (await residentBytes(pid)) / 1e6;
}
