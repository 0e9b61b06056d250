/** One closed loop on one server, and how busy both sides were. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { MODELS } from '../batcher/models.ts';
import { OTHER_CORE } from '../pinning.ts';
import { encodeRequests, RawLoad } from '../raw-load.ts';
import { treeCpuSeconds } from './process-tree.ts';
import { type BenchedModel, type Encoding, requestsFor } from './requests.ts';
import { onCore, type Server } from './server.ts';

export interface Measurement {
  /** Of one row each. */
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of one core that the server used: far below 1 it waited for the load. */
  readonly coreShare: number;
  /** Share of its core that the generator used: near 1 it is what was measured. */
  readonly loadShare: number;
}

export interface LoadPlan {
  readonly model: BenchedModel;
  /** JSON and binary go over HTTP. */
  readonly form: Encoding | 'grpc';
  readonly connections: number;
  readonly seconds: number;
}

/** The load's own beginning is not measured: connections are made, and batches have not their size yet. */
const RAMP_SECONDS = 0.3;
const GRPC_LOAD = join(import.meta.dirname, 'grpc-load.ts');

const run = promisify(execFile);

/** @throws {Error} when a request fails: such figures would mean nothing. */
export function measure(server: Server, plan: LoadPlan): Promise<Measurement> {
  return plan.form === 'grpc'
    ? measureGrpc(server, plan)
    : measureHttp(server, plan, requestsFor(plan.model, plan.form));
}

async function measureHttp(
  { url, pid }: Server,
  { connections, seconds }: LoadPlan,
  requests: ReturnType<typeof requestsFor>,
): Promise<Measurement> {
  const load = RawLoad.start(url, encodeRequests(url, requests), connections);
  try {
    return await Promise.race([measureWindow(load, pid, seconds), load.failed]);
  } finally {
    await load.stop();
  }
}

async function measureWindow(load: RawLoad, pid: number, wanted: number): Promise<Measurement> {
  await sleep(RAMP_SECONDS * 1000);
  const before = await treeCpuSeconds(pid);
  const ownBefore = process.cpuUsage();
  const latencies: number[] = [];
  const startedMs = performance.now();
  load.onAnswer = (latencyMs) => latencies.push(latencyMs);
  await sleep(wanted * 1000);
  load.onAnswer = () => undefined;
  const seconds = (performance.now() - startedMs) / 1000;
  const own = process.cpuUsage(ownBefore);
  const used = (await treeCpuSeconds(pid)) - before;
  if (latencies.length === 0) throw new Error(`no answer within ${seconds} s`);
  return {
    requestsPerSecond: latencies.length / seconds,
    ...quantiles(latencies),
    coreShare: used / seconds,
    loadShare: (own.user + own.system) / 1e6 / seconds,
  };
}

/** A process of its own, since HTTP/2 costs the generator more than it costs the measured server. */
async function measureGrpc(server: Server, plan: LoadPlan): Promise<Measurement> {
  const { served, input, rowSize } = MODELS[plan.model];
  const { command, args } = onCore(OTHER_CORE, process.execPath, [
    GRPC_LOAD,
    ...['--target', server.grpcTarget, '--model', served, '--input', input],
    ...['--columns', String(rowSize), '--connections', String(plan.connections)],
    ...['--warm-up-seconds', String(RAMP_SECONDS), '--seconds', String(plan.seconds)],
  ]);
  const before = { cpu: await treeCpuSeconds(server.pid), ms: performance.now() };
  const { stdout } = await run(command, args);
  const seconds = (performance.now() - before.ms) / 1000;
  const told = JSON.parse(stdout);
  if (told.failures > 0 || !(told.requestsPerSecond > 0)) {
    throw new Error(`gRPC at ${server.grpcTarget}: ${stdout.trim()}`);
  }
  return {
    requestsPerSecond: told.requestsPerSecond,
    p50Ms: told.p50Ms,
    p99Ms: told.p99Ms,
    // Of all the time that the generator lived: a little too small.
    coreShare: ((await treeCpuSeconds(server.pid)) - before.cpu) / seconds,
    loadShare: told.loadCores,
  };
}

export function quantiles(latencies: number[] | Float64Array): { p50Ms: number; p99Ms: number } {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
