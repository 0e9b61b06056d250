/**
 * What copying every request costs the requests themselves: their latency at a fixed rate, far below what
 * Envoy could take. The backends of requests and of copies are processes of their own and share the second
 * core with the load generator: at this rate that core idles, too, else the copies' backend would be what is
 * measured.
 */
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { startBenchBackend } from '../backend.ts';
import type { BenchOptions } from '../options.ts';
import { cpuSeconds } from '../pinning.ts';
import { printTable, type Target } from '../target.ts';
import { type MeshShape, STICKY_HEADER, type Subject, startSubject } from './meshes.ts';
import { inRounds } from './rounds.ts';
import { userRequests } from './users.ts';

const BODY_BYTES = 1000;
/** One at a time: in a burst each would wait for the ones before it, and the wait would be what is measured. */
const EVERY_MS = 1;
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
    console.log(`\n### latency of a request of 1 kB each ${EVERY_MS} ms\n`);
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
  const agent = new Agent({ keepAlive: true });
  const requests = userRequests('first', BODY_BYTES).map(({ path, ...rest }) => ({
    url: url + path,
    ...rest,
  }));
  const before = await cpuSeconds(pid);
  const running: Promise<Answer | Error>[] = [];
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    for (const request of requests) {
      running.push(exchange(request, agent).catch((error: Error) => error));
      await sleep(EVERY_MS);
    }
  }
  const latencies = (await Promise.all(running)).map(latencyOf).sort((a, b) => a - b);
  agent.destroy();
  return {
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? Number.NaN,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
    cpuMicros: (((await cpuSeconds(pid)) - before) / latencies.length) * 1e6,
  };
}

function latencyOf(answer: Answer | Error): number {
  if (answer instanceof Error) throw answer;
  if (answer.status !== 200) throw new Error(`status ${answer.status}`);
  return answer.latencyMs;
}
