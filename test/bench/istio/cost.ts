/** What our filters add to a caller's sidecar at 1,000 requests/s: CPU and memory, against a sidecar without them. */

import type { BenchOptions } from '../options.ts';
import { MEASURED_CORE, pin } from '../pinning.ts';
import { median, printTable, type Target } from '../target.ts';
import { MODELS, ORDERS, PATH, type Scene } from './scene.ts';
import {
  envoyOf,
  loadSidecar,
  memoryOf,
  type SidecarMemory,
  type SidecarUse,
} from './sidecar-load.ts';

const REQUESTS_PER_SECOND = 1000;
const CONNECTIONS = 32;
const USERS = 64;
const WARM_UP_SECONDS = 2;

const MAX_CPU_RATIO = 1.15;
const MAX_ANONYMOUS_MB = 12;
const MAX_RESIDENT_MB = 25;

const WITHOUT = 'no filters';
const WITH = 'router, splitter, name rewritten';
const OTHER_WITHOUT = 'no filters, another host';
const OTHER = 'filters, another host';

interface Subject {
  readonly name: string;
  readonly host: string;
  readonly client: 'client' | 'plain';
}

const SUBJECTS: readonly Subject[] = [
  { name: WITHOUT, host: MODELS, client: 'plain' },
  { name: WITH, host: MODELS, client: 'client' },
  { name: OTHER_WITHOUT, host: ORDERS, client: 'plain' },
  { name: OTHER, host: ORDERS, client: 'client' },
];

/** A control plane must be running. */
export async function costBench(options: BenchOptions, scene: Scene): Promise<Target[]> {
  const pids = {
    client: await envoyOf(scene.client.sidecarPid),
    plain: await envoyOf(scene.plain.sidecarPid),
  };
  for (const pid of Object.values(pids)) await pin(pid, MEASURED_CORE);
  const load = (subject: Subject, seconds: number): Promise<SidecarUse> =>
    loadSidecar(scene[subject.client], pids[subject.client], {
      address: scene.address(subject.host),
      host: subject.host,
      path: PATH,
      users: USERS,
      connections: CONNECTIONS,
      requestsPerSecond: REQUESTS_PER_SECOND,
      seconds,
    });
  const uses = new Map<string, SidecarUse[]>(SUBJECTS.map(({ name }) => [name, []]));
  for (const subject of SUBJECTS) await load(subject, WARM_UP_SECONDS);
  for (let round = 0; round < options.rounds; round++) {
    for (const subject of round % 2 === 0 ? SUBJECTS : SUBJECTS.toReversed()) {
      uses.get(subject.name)?.push(await load(subject, options.seconds));
    }
  }
  const memory = { client: await memoryOf(pids.client), plain: await memoryOf(pids.plain) };
  return report(uses, memory);
}

function report(
  uses: ReadonlyMap<string, readonly SidecarUse[]>,
  memory: Readonly<Record<Subject['client'], SidecarMemory>>,
): Target[] {
  console.log("\n### a caller's sidecar, 2 workers, 1,000 requests/s, bodies of 1 kB\n");
  const ratio = (name: string): number => {
    const base = uses.get(WITHOUT) ?? [];
    const own = uses.get(name) ?? [];
    return median(own.map(({ cpuMicros }, i) => cpuMicros / (base[i]?.cpuMicros ?? Number.NaN)));
  };
  const rows = SUBJECTS.map(({ name, client }) => {
    const of = (pick: (use: SidecarUse) => number): string =>
      median((uses.get(name) ?? []).map(pick)).toFixed(2);
    const { anonymousMb, residentMb } = memory[client];
    return [
      name,
      of(({ cpuMicros }) => cpuMicros),
      ratio(name).toFixed(3),
      of(({ p50Ms }) => p50Ms),
      of(({ p99Ms }) => p99Ms),
      anonymousMb.toFixed(1),
      residentMb.toFixed(1),
    ];
  });
  printTable(
    ['sidecar', 'CPU us/request', 'ratio', 'p50 ms', 'p99 ms', 'MB anonymous', 'MB resident'],
    rows,
  );
  const added = (field: keyof SidecarMemory): number => memory.client[field] - memory.plain[field];
  return [
    { name: 'sidecar, CPU with filters / without', measured: ratio(WITH), atMost: MAX_CPU_RATIO },
    {
      name: 'sidecar, MB of anonymous memory added',
      measured: added('anonymousMb'),
      atMost: MAX_ANONYMOUS_MB,
    },
    {
      name: 'sidecar, MB of resident memory added',
      measured: added('residentMb'),
      atMost: MAX_RESIDENT_MB,
    },
  ];
}
