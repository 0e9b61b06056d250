/** From an edit of a file, among a hundred routes, to the first answer of a real Envoy that follows it. */
import { Agent } from 'node:http';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { startMesh, type TestMesh } from '../../harness/mesh.ts';
import { startBenchBackend } from '../backend.ts';
import type { BenchOptions } from '../options.ts';
import { MEASURED_CORE, pin } from '../pinning.ts';
import { median, printTable, type Target } from '../target.ts';
import { changesOf, quantile } from './cases.ts';
import { documents, resource, routeFiles } from './resources.ts';

const ROUTES = 100;
const MAX_P50_MS = 50;
const TIMEOUT_MS = 10_000;
const FILE = 'edited.yaml';
const MODEL = 'edited';
const PATH = `/v2/models/${MODEL}/infer`;
const MODES = ['GRPC', 'DELTA_GRPC'] as const;

export async function editBench(options: BenchOptions): Promise<Target[]> {
  const names = MODES.map((mode) => `edit to answer, ${mode}`);
  if (!names.some((name) => options.only.test(name))) return [];
  const backend = await startBenchBackend();
  const rows: string[][] = [];
  const targets: Target[] = [];
  try {
    for (const [at, mode] of MODES.entries()) {
      const name = names[at] ?? '';
      if (!options.only.test(name)) continue;
      console.error(`${name} ...`);
      const times = await measure(mode, backend.port, changesOf(options));
      const p50 = median(times);
      const p99 = quantile(times, 0.99);
      rows.push([mode, String(times.length), p50.toFixed(1), p99.toFixed(1)]);
      targets.push({ name: `${name}, p50 ms`, measured: p50, atMost: MAX_P50_MS });
    }
  } finally {
    await backend.stop();
  }
  console.log(`\n### from an edit to the first answer that follows it, ${ROUTES} routes\n`);
  printTable(['streams', 'edits', 'p50 ms', 'p99 ms'], rows);
  return targets;
}

async function measure(
  mode: (typeof MODES)[number],
  port: number,
  count: number,
): Promise<number[]> {
  const files = { ...routeFiles(ROUTES), [FILE]: edited(port, 'a') };
  const mesh = await startMesh({ files, mode });
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  try {
    // Whoever asks, again and again, must not take their time from them.
    for (const pid of [mesh.controlPlanePid, mesh.envoy.pid]) await pin(pid, MEASURED_CORE);
    await mesh.whenServing(PATH, '{}');
    for (let edit = 0; edit < count; edit++) {
      const wanted = edit % 2 === 0 ? 'b' : 'a';
      await mesh.write(FILE, edited(port, wanted));
      const writtenMs = performance.now();
      while ((await variant(mesh, agent)) !== wanted) {
        if (performance.now() - writtenMs > TIMEOUT_MS) {
          throw new Error(`an edit was not served in ${TIMEOUT_MS} ms`);
        }
      }
      times.push(performance.now() - writtenMs);
    }
  } finally {
    agent.destroy();
    await mesh.stop();
  }
  return times;
}

async function variant(mesh: TestMesh, agent: Agent): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const request = { url: mesh.url + PATH, method: 'POST', headers, body: '{}' };
  return (await exchange(request, agent)).headers['x-modelweir-variant'];
}

/** The route's only variant has this name. */
function edited(port: number, variantName: string): string {
  const endpoints = [{ address: '127.0.0.1', port }];
  const variants = [{ name: variantName, backendRef: { name: MODEL }, weight: 1 }];
  return documents([
    resource('ModelBackend', MODEL, { protocol: 'OpenInference', endpoints }),
    resource('ModelRoute', MODEL, { models: [{ name: MODEL }], variants }),
  ]);
}
