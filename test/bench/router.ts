/**
 * What the filters cost: Envoy's CPU per request with router, splitter, rewriter and a batcher that lets
 * pass, against the same Envoy without filters, and with empty ones: what Wasm itself costs here. The request is an OpenAI one, so that the model is in the
 * body: a stand-in for what people pay an ext_proc hop for.
 */
import { startMesh } from '../harness/mesh.ts';
import { startBenchBackend } from './backend.ts';
import { type LoadResult, measure } from './load.ts';
import type { BenchOptions } from './options.ts';
import { MEASURED_CORE, pin } from './pinning.ts';
import { startPlainEnvoy } from './plain-envoy.ts';
import { median, printTable, type Target } from './target.ts';

const BODY_BYTES = [1024, 65536];
const CONNECTIONS = [1, 16, 64];

const BASELINES = { 'no filter': 'none', 'empty filters': 'empty' } as const;

export async function routerBench(options: BenchOptions): Promise<Target[]> {
  const closers: (() => Promise<void>)[] = [];
  try {
    const backend = await startBenchBackend();
    closers.push(() => backend.stop());
    const { port } = backend;
    const subjects: Subject[] = [];
    for (const [name, filters] of Object.entries(BASELINES)) {
      const plain = await startPlainEnvoy(port, filters);
      closers.push(() => plain.stop());
      await pin(plain.pid, MEASURED_CORE);
      subjects.push({ name, url: plain.url, pid: plain.pid });
    }
    const mesh = await startMesh({ files: { 'mesh.yaml': resources(port) } });
    closers.push(() => mesh.stop());
    await pin(mesh.envoy.pid, MEASURED_CORE);
    await mesh.whenServing(`/v1/embeddings`, body(64));
    subjects.push({ name: 'filters', url: mesh.url, pid: mesh.envoy.pid });
    return await compare(options, subjects);
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

interface Subject {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

async function compare(options: BenchOptions, subjects: readonly Subject[]): Promise<Target[]> {
  const rows: string[][] = [];
  const targets: Target[] = [];
  for (const bytes of BODY_BYTES) {
    for (const connections of CONNECTIONS) {
      const results = await alternate(options, subjects, bytes, connections);
      const costs = results.map((list) => median(list.map((r) => r.cpuMicros)));
      const ratios = costs.map((cost) => cost / (costs[0] ?? Number.NaN));
      results.forEach((list, i) => {
        rows.push(row(bytes, connections, subjects[i]?.name ?? '', list, ratios[i] ?? Number.NaN));
      });
      if (bytes === 1024 && connections === 16) {
        targets.push({
          name: 'filters / no filter, 1 kB, 16 connections',
          measured: ratios.at(-1) ?? Number.NaN,
          atMost: 1.35,
        });
      }
    }
  }
  printTable(
    ['body', 'connections', 'Envoy', 'CPU us/request', 'ratio', 'requests/s', 'p50 ms', 'p99 ms'],
    rows,
  );
  return targets;
}

/** Rounds of each subject in turn, in alternating order, so that drift hits all alike. */
async function alternate(
  options: BenchOptions,
  subjects: readonly Subject[],
  bytes: number,
  connections: number,
): Promise<LoadResult[][]> {
  const results: LoadResult[][] = subjects.map(() => []);
  const requests = [
    {
      method: 'POST' as const,
      path: '/v1/embeddings',
      headers: { 'content-type': 'application/json' },
      body: body(bytes),
    },
  ];
  for (let round = 0; round < options.rounds; round++) {
    const order = round % 2 === 0 ? [...subjects.keys()] : [...subjects.keys()].toReversed();
    for (const index of order) {
      const { url, pid } = subjects[index] as Subject;
      const load = { url, connections, seconds: options.seconds, requests, pids: [pid] };
      results[index]?.push(await measure(load));
    }
  }
  return results;
}

function row(
  bytes: number,
  connections: number,
  name: string,
  list: LoadResult[],
  ratio: number,
): string[] {
  const of = (pick: (result: LoadResult) => number): number => median(list.map(pick));
  return [
    `${bytes / 1024} kB`,
    String(connections),
    name,
    of((r) => r.cpuMicros).toFixed(1),
    ratio.toFixed(2),
    of((r) => r.requestsPerSecond).toFixed(0),
    of((r) => r.p50Ms).toFixed(2),
    of((r) => r.p99Ms).toFixed(2),
  ];
}

/** An embeddings request of about `bytes` bytes, the model first. */
function body(bytes: number): string {
  const head = '{"model":"embedder","input":"';
  return `${head}${'x'.repeat(Math.max(0, bytes - head.length - 2))}"}`;
}

function resources(port: number): string {
  return `
apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: embedder }
spec:
  protocol: OpenAI
  endpoints: [{ address: 127.0.0.1, port: ${port} }]
  model: { name: embedder-v2 }
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: embedder }
spec:
  models: [{ name: embedder }]
  variants: [{ name: stable, backendRef: { name: embedder }, weight: 1 }]
  sticky: { header: x-user }
---
# Another route's batching: so the batcher is in the chain, and lets this one's requests pass.
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: batched }
spec:
  models: [{ name: batched }]
  variants: [{ name: stable, backendRef: { name: batched }, weight: 1 }]
  batching: {}
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: batched }
spec:
  protocol: OpenInference
  endpoints: [{ address: 127.0.0.1, port: ${port} }]
`;
}
