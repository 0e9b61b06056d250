/** One load on one subject, and what it cost Envoy, the pod and the generator. */
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds } from '../pinning.ts';
import { encodeRequests, RawLoad, type RawRequest } from '../raw-load.ts';
import { type Runs, readRuns } from './pod-counters.ts';
import type { Subject } from './subjects.ts';

export interface Measurement {
  readonly requestsPerSecond: number;
  /** Of Envoy and pod together, per request. */
  readonly cpuMicros: number;
  readonly envoyMicros: number;
  readonly podMicros: number;
  /** Share of one core that Envoy and pod used: far below 1 they waited for the load. */
  readonly coreShare: number;
  /** Share of its core that the generator used: near 1 it is what was measured. */
  readonly loadShare: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Rows of a request that the pod got: those that the mesh joined. */
  readonly rowsPerCall: number;
  /** Rows of a run of the model: those that mesh and pod joined. */
  readonly rowsPerRun: number;
}

export interface LoadPlan {
  readonly connections: number;
  readonly seconds: number;
  readonly requests: readonly RawRequest[];
  /** As the pod knows it. */
  readonly served: string;
}

/** The load's own beginning is not measured: connections are made, and batches have not their size yet. */
const RAMP_SECONDS = 0.2;

/** @throws {Error} when a request fails or is not answered by 200: such figures would mean nothing. */
export async function measure(subject: Subject, plan: LoadPlan): Promise<Measurement> {
  const { url, podUrl } = subject;
  const load = RawLoad.start(url, encodeRequests(url, plan.requests), plan.connections);
  try {
    const window = measureWindow(subject, plan, load, () => readRuns(podUrl, plan.served));
    return await Promise.race([window, load.failed]);
  } finally {
    await load.stop();
  }
}

async function measureWindow(
  { pids }: Subject,
  plan: LoadPlan,
  load: RawLoad,
  runs: () => Promise<Runs>,
): Promise<Measurement> {
  await sleep(RAMP_SECONDS * 1000);
  const runsBefore = await runs();
  const cpuBefore = await Promise.all(pids.map(cpuSeconds));
  const own = process.cpuUsage();
  const latencies: number[] = [];
  const started = performance.now();
  load.onAnswer = (latencyMs) => latencies.push(latencyMs);
  await sleep(plan.seconds * 1000);
  load.onAnswer = () => undefined;
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(own);
  const cpuAfter = await Promise.all(pids.map(cpuSeconds));
  const runsAfter = await runs();
  if (latencies.length === 0) throw new Error(`no answer within ${seconds} s`);
  const [envoy = 0, pod = 0] = cpuAfter.map((cpu, i) => cpu - (cpuBefore[i] ?? 0));
  latencies.sort((a, b) => a - b);
  const micros = (cpu: number): number => (cpu / latencies.length) * 1e6;
  const rows = runsAfter.rows - runsBefore.rows;
  return {
    requestsPerSecond: latencies.length / seconds,
    cpuMicros: micros(envoy + pod),
    envoyMicros: micros(envoy),
    podMicros: micros(pod),
    coreShare: (envoy + pod) / seconds,
    loadShare: (user + system) / 1e6 / seconds,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    rowsPerCall: rows / (runsAfter.requests - runsBefore.requests),
    rowsPerRun: rows / (runsAfter.runs - runsBefore.runs),
  };
}
