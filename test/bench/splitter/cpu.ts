/**
 * What it costs to split: Envoy's CPU per request where a sticky key decides between two variants and the
 * model gets another name, against a route of one variant whose backend knows the public name.
 */
import { startBenchBackend } from '../backend.ts';
import { type LoadResult, measure } from '../load.ts';
import type { BenchOptions } from '../options.ts';
import { printTable, type Target } from '../target.ts';
import { STICKY_HEADER, type Subject, startSubject } from './meshes.ts';
import { inRounds, type Rounds } from './rounds.ts';
import { type UserPlace, userRequests } from './users.ts';

const BODY_BYTES = 1000;
const CONNECTIONS = 16;
const ONE = 'one variant';
const HEADER = 'sticky header';
const FIELD = 'sticky field';
/** No target: what a route pays whose attempts are rewritten behind the load balancer. */
const PLANNED = 'sticky header, retry, publicModel';
const AT_MOST = { [HEADER]: 1.08, [FIELD]: 1.15 } as const;
const PLACES: readonly UserPlace[] = ['first', 'last'];

export async function cpuBench(options: BenchOptions): Promise<Target[]> {
  const backend = await startBenchBackend();
  const subjects: Subject[] = [];
  try {
    const ports = { stable: backend.port, canary: backend.port };
    const two = { ports, weights: { stable: 9000, canary: 1000 }, isRenamed: true };
    const one = { ports: { stable: backend.port }, weights: { stable: 1 }, isRenamed: false };
    subjects.push(await startSubject(ONE, one));
    const header = { sticky: { header: STICKY_HEADER } };
    subjects.push(await startSubject(HEADER, { ...two, spec: header }));
    const field = { sticky: { bodyField: 'user' } };
    subjects.push(await startSubject(FIELD, { ...two, spec: field }));
    const planned = { ...header, retry: { attempts: 2 }, responses: { publicModel: true } };
    subjects.push(await startSubject(PLANNED, { ...two, spec: planned }));
    const targets: Target[] = [];
    for (const place of PLACES) targets.push(...(await compare(options, subjects, place)));
    return targets;
  } finally {
    for (const subject of subjects.toReversed()) await subject.stop();
    await backend.stop();
  }
}

async function compare(
  options: BenchOptions,
  subjects: readonly Subject[],
  place: UserPlace,
): Promise<Target[]> {
  const requests = userRequests(place, BODY_BYTES);
  const rounds = await inRounds(options, subjects, ({ url, pid }, seconds) =>
    measure({ url, connections: CONNECTIONS, seconds, requests, pids: [pid] }),
  );
  console.log(`\n### bodies of 1 kB, the name first, the user ${place}\n`);
  print(rounds);
  return Object.entries(AT_MOST).map(([name, atMost]) => ({
    name: `${name} / ${ONE}, CPU per request, the user ${place}`,
    measured: rounds.ratio(name, ONE, ({ cpuMicros }) => cpuMicros),
    atMost,
  }));
}

function print(rounds: Rounds<LoadResult>): void {
  const row = (name: string): string[] => [
    name,
    rounds.median(name, ({ cpuMicros }) => cpuMicros).toFixed(1),
    rounds.ratio(name, ONE, ({ cpuMicros }) => cpuMicros).toFixed(3),
    rounds.median(name, ({ coreShare }) => coreShare).toFixed(2),
    rounds.median(name, ({ requestsPerSecond }) => requestsPerSecond).toFixed(0),
  ];
  printTable(
    ['route', 'CPU us/request', 'ratio', 'core', 'requests/s'],
    [ONE, HEADER, FIELD, PLANNED].map(row),
  );
}
