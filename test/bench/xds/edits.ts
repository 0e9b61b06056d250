/** From an edit of a file, among a hundred routes, to the first answer of a real Envoy that follows it. */
import { startMesh } from '../../harness/mesh.ts';
import { startBenchBackend } from '../backend.ts';
import type { BenchOptions } from '../options.ts';
import { MEASURED_CORE, pin } from '../pinning.ts';
import { median, printTable, type Target } from '../target.ts';
import { changesOf, quantile } from './cases.ts';
import { followedEdits } from './followed-edits.ts';
import { documents, resource, routeFiles } from './resources.ts';

const ROUTES = 100;
const MAX_P50_MS = 50;
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
  try {
    // Whoever asks, again and again, must not take their time from them.
    for (const pid of [mesh.controlPlanePid, mesh.envoy.pid]) await pin(pid, MEASURED_CORE);
    await mesh.whenServing(PATH, '{}');
    return await followedEdits({
      url: mesh.url + PATH,
      count,
      pauseMs: 0,
      edit: (variant) => mesh.write(FILE, edited(port, variant)),
    });
  } finally {
    await mesh.stop();
  }
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
