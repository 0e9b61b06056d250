/**
 * What copying every request costs the requests themselves: their latency at a fixed rate, far below what
 * Envoy could take. The backends of requests and of copies are processes of their own and share the second
 * core with the load generator: at this rate that core idles, too, else the copies' backend would be what is
 * measured.
 */
import autocannon from 'autocannon';
import { startBenchBackend } from '../backend.ts';
import type { BenchOptions } from '../options.ts';
import { cpuSeconds } from '../pinning.ts';
import { printTable, type Target } from '../target.ts';
import { type MeshShape, STICKY_HEADER, type Subject, startSubject } from './meshes.ts';
import { inRounds } from './rounds.ts';
import { userRequests } from './users.ts';

const BODY_BYTES = 1000;
const CONNECTIONS = 8;
const REQUESTS_PER_SECOND = 1000;
const STOP_CHECK_MS = 100;
const NONE = 'no shadow';
const ALL = 'shadow of all';
const AT_MOST = 1.1;

interface Latencies {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicros: number;
}

export async function shadowBench(options: BenchOptions): Promise<Target[]> {
  const primary = await startBenchBackend();
  const copies = await startBenchBackend();
  const subjects: Subject[] = [];
  try {
    const shape: MeshShape = {
      ports: { stable: primary.port, canary: copies.port },
      weights: { stable: 1, canary: 0 },
      isRenamed: true,
    };
    const shadow = { variant: 'canary', maxConcurrent: 1000 };
    const start = async (name: string, more: object) => {
      const spec = { sticky: { header: STICKY_HEADER }, ...more };
      subjects.push(await startSubject(name, { ...shape, spec }));
    };
    await start(NONE, {});
    await start(ALL, { shadow });
    const rounds = await inRounds(options, subjects, paced);
    console.log(`\n### latency at ${REQUESTS_PER_SECOND} requests/s of 1 kB\n`);
    const rows = [NONE, ALL].map((name) => [
      name,
      rounds.median(name, ({ p50Ms }) => p50Ms).toFixed(3),
      rounds.median(name, ({ p99Ms }) => p99Ms).toFixed(3),
      rounds.ratio(name, NONE, ({ p99Ms }) => p99Ms).toFixed(2),
      rounds.median(name, ({ cpuMicros }) => cpuMicros).toFixed(1),
    ]);
    printTable(['route', 'p50 ms', 'p99 ms', 'p99 ratio', 'CPU us/request'], rows);
    const measured = rounds.ratio(ALL, NONE, ({ p99Ms }) => p99Ms);
    return [{ name: `${ALL} / ${NONE}, p99`, measured, atMost: AT_MOST }];
  } finally {
    for (const subject of subjects.toReversed()) await subject.stop();
    await primary.stop();
    await copies.stop();
  }
}

/** @throws {Error} when a request fails or is not answered by 200. */
async function paced({ url, pid }: Subject, seconds: number): Promise<Latencies> {
  const latencies: number[] = [];
  const before = await cpuSeconds(pid);
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const load = {
      url,
      connections: CONNECTIONS,
      duration: seconds,
      overallRate: REQUESTS_PER_SECOND,
      sampleInt: STOP_CHECK_MS,
      // Latencies are our own: from when a request was sent.
      ignoreCoordinatedOmission: true,
      requests: userRequests('first', BODY_BYTES),
    };
    const instance = autocannon(load, (error: Error | null, value: autocannon.Result) =>
      error ? reject(error) : resolve(value),
    );
    instance.on('response', (_client, _status, _bytes, responseMs) => latencies.push(responseMs));
  });
  const failed = result.non2xx + result.errors + result.timeouts;
  if (failed > 0 || latencies.length === 0) {
    throw new Error(`${url}: ${failed} of ${latencies.length} requests failed`);
  }
  latencies.sort((a, b) => a - b);
  return {
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? Number.NaN,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
    cpuMicros: (((await cpuSeconds(pid)) - before) / latencies.length) * 1e6,
  };
}
