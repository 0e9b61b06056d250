/**
 * `npm run soak -- [--batched] [--requests N] [--updates N] [--connections N]`: mixed traffic, or such as is
 * joined, through a real mesh while its weights are edited. Prints Envoy's memory as it goes, then a line a target, `met` or `MISSED`; exits
 * 1 if one is missed. Linux only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { printTargets, type Target } from '../bench/target.ts';
import { startMesh, type TestMesh } from '../harness/mesh.ts';
import { batchedScene } from './batched/scene.ts';
import { mixedScene } from './mixed-scene.ts';
import { type SoakResult, type SoakSample, soak } from './soak.ts';
import { WEIGHTS_FILE } from './updates.ts';

const MAX_GROWTH = 1.05;
/** About twice what it takes: what grows before the warm-up has ended must not grow without a bound either. */
const MAX_RESIDENT_MB = 200;
const MB = 2 ** 20;
const WORKERS = 2;
const HELD_BYTES = /modelweir_router_held_bytes$/;
/** The one that asks. */
const ADMIN_REQUESTS = 1;
const UNDER_WAY = /^http\.[^.]+\.downstream_rq_active$/;
const JOINED = /modelweir_batcher_requests_total;.*outcome=joined$/;
/** After the last client has gone: Envoy counts what ends a little later. */
const GONE_MS = 500;

const { values } = parseArgs({
  options: {
    batched: { type: 'boolean', default: false },
    requests: { type: 'string', default: '1000000' },
    updates: { type: 'string', default: '1000' },
    connections: { type: 'string', default: '48' },
  },
});
const requests = wholeNumber('requests', values.requests);
const updates = wholeNumber('updates', values.updates);
const connections = wholeNumber('connections', values.connections);

const scene = values.batched ? batchedScene : mixedScene;

const backend = await scene.startBackend();
let targets: Target[];
try {
  const files = {
    'mesh.yaml': scene.meshYaml(backend.port),
    [WEIGHTS_FILE]: scene.weightsYaml(0),
  };
  const mesh = await startMesh({ files, concurrency: WORKERS });
  try {
    await mesh.whenServing(scene.question.path, scene.question.body);
    targets = await run(mesh);
  } finally {
    await mesh.stop();
  }
} finally {
  await backend.stop();
}
const isGood = printTargets(targets);
console.log(isGood ? '1 passed, 0 failed' : '0 passed, 1 failed');
process.exit(isGood ? 0 : 1);

async function run(mesh: TestMesh): Promise<Target[]> {
  console.log(`${requests} requests over ${connections} connections, ${updates} updates\n`);
  console.log('| requests | updates | resident MB | allocated MB | requests/s | max ms |');
  console.log('|---|---|---|---|---|---|');
  const result = await soak(mesh, { scene, requests, updates, connections, onSample: printSample });
  printCounts(result);
  await sleep(GONE_MS);
  const underWay = (await sumOf(mesh, UNDER_WAY)) - ADMIN_REQUESTS;
  return [
    ...targetsOf(result),
    { name: 'requests that are under way at the end', measured: underWay, atMost: 0 },
    values.batched
      ? { name: 'joined requests', measured: await sumOf(mesh, JOINED), atLeast: requests / 4 }
      : {
          name: 'bytes that count as held at the end',
          measured: await sumOf(mesh, HELD_BYTES),
          atMost: 0,
        },
  ];
}

/** Not a number where Envoy has no such metric. */
async function sumOf(mesh: TestMesh, pattern: RegExp): Promise<number> {
  const found = [...(await mesh.envoy.stats(pattern)).values()];
  return found.length === 0 ? Number.NaN : found.reduce((sum, value) => sum + value, 0);
}

function targetsOf({ load, edits, before, after, updatesBetween }: SoakResult): Target[] {
  const keptBytes = scene.keptBytes(updatesBetween);
  const resident = (after.residentBytes - keptBytes) / before.residentBytes;
  const allocated = (after.allocatedBytes - keptBytes) / before.allocatedBytes;
  return [
    { name: 'requests that failed', measured: load.counts.failed, atMost: 0 },
    { name: 'requests that were answered', measured: load.counts.answered, atLeast: requests / 2 },
    { name: 'updates seen in an answer', measured: edits.seen, atLeast: updates },
    { name: 'questions for an update that failed', measured: edits.failed, atMost: 0 },
    { name: 'resident MB', measured: after.residentBytes / MB, atMost: MAX_RESIDENT_MB },
    { name: 'resident memory, end / warmed up', measured: resident, atMost: MAX_GROWTH },
    { name: 'allocated memory, end / warmed up', measured: allocated, atMost: MAX_GROWTH },
  ];
}

function printSample(sample: SoakSample): void {
  const { requests: done, updates: seen, requestsPerSecond, memory, maxMs } = sample;
  const megabytes = (bytes: number): string => (bytes / MB).toFixed(1);
  const { residentBytes, allocatedBytes } = memory;
  const sizes = [megabytes(residentBytes), megabytes(allocatedBytes)];
  const cells = [done, seen, ...sizes, Math.round(requestsPerSecond), Math.round(maxMs)];
  console.log(`| ${cells.join(' | ')} |`);
}

function printCounts({ load, edits, seconds }: SoakResult): void {
  const { counts } = load;
  const statuses = [...counts.statuses].sort().map(([status, count]) => `${count} of ${status}`);
  console.log(`\n${load.done} requests in ${seconds.toFixed(0)} s: ${statuses.join(', ')},`);
  const slowest = `slowest answer ${counts.maxMs.toFixed(0)} ms (${counts.slowest})`;
  console.log(`${counts.hungUp} hung up; ${slowest},`);
  console.log(`slowest update ${edits.maxMs.toFixed(0)} ms`);
  for (const [what, count] of counts.failures) console.log(`failed ${count} times: ${what}`);
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`--${name} must be a whole number above 0, not ${text}`);
  process.exit(2);
}
