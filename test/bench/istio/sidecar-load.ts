/** What one sidecar's Envoy uses while its pod's application sends requests at a steady rate. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Workload } from '../../istio/harness/mesh.ts';
import type { OpenLoopResult } from '../inference/open-loop.ts';

const run = promisify(execFile);
const NANOS_PER_MICRO = 1000;

export interface SidecarLoad {
  /** Of the Service. */
  readonly address: string;
  /** By which the application calls it. */
  readonly host: string;
  readonly path: string;
  /** Who send in turns. */
  readonly users: number;
  readonly connections: number;
  readonly requestsPerSecond: number;
  readonly seconds: number;
}

export interface SidecarUse extends OpenLoopResult {
  /** Of all threads of Envoy, per request. */
  readonly cpuMicros: number;
}

export interface SidecarMemory {
  readonly anonymousMb: number;
  readonly residentMb: number;
}

/** `envoyPid`: of the sidecar of `client`. */
export async function loadSidecar(
  client: Workload,
  envoyPid: number,
  load: SidecarLoad,
): Promise<SidecarUse> {
  const file = fileURLToPath(new URL('load-process.ts', import.meta.url));
  const { command, args } = client.network.command(process.execPath, [file, JSON.stringify(load)]);
  const before = await cpuNanos(envoyPid);
  const { stdout } = await run(command, args);
  const used = (await cpuNanos(envoyPid)) - before;
  const result: OpenLoopResult = JSON.parse(stdout);
  const requests = load.requestsPerSecond * load.seconds;
  return { ...result, cpuMicros: used / NANOS_PER_MICRO / requests };
}

/** Time on a core, in the scheduler's own nanoseconds: the usual ticks are too coarse for so light a load. */
async function cpuNanos(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const times = tasks.map(async (task) => {
    const text = await readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8');
    return Number(text.split(' ')[0]);
  });
  return (await Promise.all(times)).reduce((sum, time) => sum + time, 0);
}

export async function memoryOf(pid: number): Promise<SidecarMemory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string): number => {
    const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
    return (Number(kib) * 1024) / 1e6;
  };
  return { anonymousMb: megabytes('RssAnon'), residentMb: megabytes('VmRSS') };
}

/** The Envoy that a pilot-agent has started. */
export async function envoyOf(agentPid: number): Promise<number> {
  // Each of the agent's threads has the children that it started itself.
  for (const task of await readdir(`/proc/${agentPid}/task`)) {
    const text = await readFile(`/proc/${agentPid}/task/${task}/children`, 'utf8');
    for (const pid of text.split(' ').filter((word) => word !== '')) {
      const name = await readFile(`/proc/${pid}/comm`, 'utf8');
      if (name.trim() === 'envoy') return Number(pid);
    }
  }
  throw new Error(`process ${agentPid} has started no Envoy`);
}
