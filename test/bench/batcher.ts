/**
 * What batching in the mesh is worth: CPU of Envoy and pod together per request, the digits model, Envoy
 * and pod sharing one core, the load on the other. The same path without the mesh's batching is the
 * baseline; the pod's own batching is on in both.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Supervisor } from '../../control-plane/cli/quickstart/supervisor.ts';
import { startMesh, type TestMesh } from '../harness/mesh.ts';
import { startPod } from '../harness/pod.ts';
import { type LoadResult, measure } from './load.ts';
import type { BenchOptions } from './options.ts';
import { MEASURED_CORE, pin } from './pinning.ts';
import { median, printTable, type Target } from './target.ts';

const CONNECTIONS = [1, 16, 64];
const HELD_OUT = fileURLToPath(
  new URL('../../examples/models/digits-heldout.csv', import.meta.url),
);
const PATH = '/v2/models/digits/infer';

interface Subject {
  readonly name: string;
  readonly mesh: TestMesh;
}

export async function batcherBench(options: BenchOptions): Promise<Target[]> {
  const supervisor = new Supervisor();
  const closers: (() => Promise<void>)[] = [() => supervisor.stop()];
  try {
    const pod = await startPod(supervisor, ['digits-stable']);
    await pin(pod.pid, MEASURED_CORE);
    const subjects: Subject[] = [];
    for (const name of ['unbatched', 'batched']) {
      const files = { 'mesh.yaml': resources(pod.port, name === 'batched') };
      const mesh = await startMesh({ files });
      closers.push(() => mesh.stop());
      await pin(mesh.envoy.pid, MEASURED_CORE);
      await mesh.whenServing(PATH, bodies()[0] ?? '');
      subjects.push({ name, mesh });
    }
    return await compare(options, subjects, pod.pid);
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

async function compare(
  options: BenchOptions,
  subjects: Subject[],
  podPid: number,
): Promise<Target[]> {
  const rows: string[][] = [];
  const targets: Target[] = [];
  for (const connections of CONNECTIONS) {
    const results = await alternate(options, subjects, podPid, connections);
    const of = (i: number, pick: (result: LoadResult) => number): number =>
      median((results[i] ?? []).map(pick));
    const cpu = of(1, (r) => r.cpuMicros) / of(0, (r) => r.cpuMicros);
    const p50 = of(1, (r) => r.p50Ms) / of(0, (r) => r.p50Ms);
    subjects.forEach(({ name }, i) => {
      rows.push([
        String(connections),
        name,
        of(i, (r) => r.cpuMicros).toFixed(1),
        i === 1 ? cpu.toFixed(2) : '1.00',
        of(i, (r) => r.requestsPerSecond).toFixed(0),
        of(i, (r) => r.p50Ms).toFixed(3),
        of(i, (r) => r.p99Ms).toFixed(3),
      ]);
    });
    if (connections === 64) {
      targets.push({ name: 'batched / unbatched CPU, 64 connections', measured: cpu, atMost: 0.5 });
    }
    if (connections === 1) {
      targets.push({ name: 'batched / unbatched p50, 1 connection', measured: p50, atMost: 1.1 });
    }
  }
  printTable(
    ['connections', 'path', 'CPU us/request', 'ratio', 'requests/s', 'p50 ms', 'p99 ms'],
    rows,
  );
  return targets;
}

async function alternate(
  options: BenchOptions,
  subjects: Subject[],
  podPid: number,
  connections: number,
): Promise<LoadResult[][]> {
  const results: LoadResult[][] = subjects.map(() => []);
  const requests = bodies().map((body) => ({
    method: 'POST' as const,
    path: PATH,
    headers: { 'content-type': 'application/json' },
    body,
  }));
  for (let round = 0; round < options.rounds; round++) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const index of order) {
      const { mesh } = subjects[index] as Subject;
      const pids = [mesh.envoy.pid, podPid];
      const load = { url: mesh.url, connections, seconds: options.seconds, requests, pids };
      results[index]?.push(await measure(load));
    }
  }
  return results;
}

/** Real rows of the held-back data, one a request. */
function bodies(): string[] {
  const lines = readFileSync(HELD_OUT, 'utf8').trim().split('\n').slice(1, 33);
  return lines.map((line) => {
    const data = line.split(',').slice(1).map(Number);
    return JSON.stringify({ inputs: [{ name: 'pixels', shape: [1, 64], datatype: 'FP32', data }] });
  });
}

function resources(port: number, batched: boolean): string {
  return `
apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: digits-stable }
spec:
  protocol: OpenInference
  endpoints: [{ address: 127.0.0.1, port: ${port} }]
  model: { name: digits-stable }
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: digits }
spec:
  models: [{ name: digits }]
  variants: [{ name: stable, backendRef: { name: digits-stable }, weight: 1 }]
  ${batched ? 'batching: { maxRows: 32 }' : ''}
`;
}
