/** How long an edit takes: from the moment a file is written to the first answer that follows it. */
import { Agent } from 'node:http';
import { exchange } from '../../control-plane/cli/quickstart/exchange.ts';
import { startMesh, type TestMesh } from '../harness/mesh.ts';
import { startBenchBackend } from './backend.ts';
import type { BenchOptions } from './options.ts';
import { median, printTable, type Target } from './target.ts';

const EDITS_PER_ROUND = 10;
const PATH = '/v2/models/m/infer';

export async function reloadBench(options: BenchOptions): Promise<Target[]> {
  const backend = await startBenchBackend();
  const rows: string[][] = [];
  const targets: Target[] = [];
  try {
    for (const mode of ['GRPC', 'DELTA_GRPC'] as const) {
      const mesh = await startMesh({ files: { 'mesh.yaml': resources(backend.port, 'a') }, mode });
      try {
        await mesh.whenServing(PATH, '{}');
        const times = await edits(mesh, backend.port, options.rounds * EDITS_PER_ROUND);
        const p50 = median(times);
        rows.push([mode, String(times.length), p50.toFixed(1), Math.max(...times).toFixed(1)]);
        targets.push({ name: `edit to answer, ${mode}, p50 in ms`, measured: p50, atMost: 100 });
      } finally {
        await mesh.stop();
      }
    }
  } finally {
    await backend.stop();
  }
  printTable(['streams', 'edits', 'p50 ms', 'max ms'], rows);
  return targets;
}

async function edits(mesh: TestMesh, port: number, count: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const name = i % 2 === 0 ? 'b' : 'a';
    await mesh.write('mesh.yaml', resources(port, name));
    const written = performance.now();
    while ((await variant(mesh, agent)) !== name) {
      if (performance.now() - written > 10_000) throw new Error('an edit was not served in 10 s');
    }
    times.push(performance.now() - written);
  }
  agent.destroy();
  return times;
}

async function variant(mesh: TestMesh, agent: Agent): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const request = { url: mesh.url + PATH, method: 'POST', headers, body: '{}' };
  return (await exchange(request, agent)).headers['x-modelweir-variant'];
}

function resources(port: number, variant: string): string {
  return `
apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: m }
spec:
  protocol: OpenInference
  endpoints: [{ address: 127.0.0.1, port: ${port} }]
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: m }
spec:
  models: [{ name: m }]
  variants: [{ name: ${variant}, backendRef: { name: m }, weight: 1 }]
`;
}
