/**
 * From an edit at a real API server, among a hundred routes, to the first answer of a real Envoy that follows
 * it. Timed from when the edit is sent: what the API server takes to write it counts.
 */
import { startEnvoy } from '../../harness/envoy.ts';
import { type ObjectName, startCluster } from '../../harness/kubernetes/cluster.ts';
import { startControlPlane } from '../../harness/kubernetes/control-plane.ts';
import { until } from '../../harness/until.ts';
import { startBenchBackend } from '../backend.ts';
import type { BenchOptions } from '../options.ts';
import { MEASURED_CORE, pin } from '../pinning.ts';
import { median, printTable, type Target } from '../target.ts';
import { changesOf, quantile } from './cases.ts';
import { followedEdits } from './followed-edits.ts';
import { resource } from './resources.ts';

const NAME = 'edit to answer, API server';
const ROUTES = 100;
const MAX_P50_MS = 150;
/** After five edits at once the control plane takes up one in 500 ms: these are one at a time. */
const PAUSE_MS = 600;
const MODEL = 'edited';

export async function apiEditBench(options: BenchOptions): Promise<Target[]> {
  if (!options.only.test(NAME)) return [];
  console.error(`${NAME} ...`);
  const target = { name: `${NAME}, p50 ms`, atMost: MAX_P50_MS };
  if ((process.env['KUBEBUILDER_ASSETS'] ?? '') === '') {
    console.log('\nMISSED: no API server, KUBEBUILDER_ASSETS says where its program is\n');
    return [{ ...target, measured: Number.NaN }];
  }
  const times = await measure(changesOf(options));
  const p50 = median(times);
  console.log(`\n### from an edit at the API server to the first answer that follows it\n`);
  const row = [String(ROUTES), String(times.length), p50, quantile(times, 0.99)];
  const cells = row.map((one) => (typeof one === 'number' ? one.toFixed(1) : one));
  printTable(['routes', 'edits', 'p50 ms', 'p99 ms'], [cells]);
  return [{ ...target, measured: p50 }];
}

async function measure(count: number): Promise<number[]> {
  const ending: (() => Promise<unknown>)[] = [];
  try {
    const cluster = await startCluster();
    ending.push(() => cluster.stop());
    const backend = await startBenchBackend();
    ending.push(() => backend.stop());
    for (const object of objects(backend.port)) await cluster.create(object);
    const controlPlane = await startControlPlane(cluster);
    ending.push(() => controlPlane.stop());
    const envoy = await startEnvoy({ xdsPort: controlPlane.xdsPort, mode: 'DELTA_GRPC' });
    ending.push(() => envoy.stop());
    for (const pid of [controlPlane.pid, envoy.pid]) await pin(pid, MEASURED_CORE);
    await until('the proxy has it all', async () => {
      const { proxies } = await controlPlane.report();
      return proxies.some(({ inSync, types }) => inSync && types.length === 5);
    });
    const [address] = (await envoy.listeners()).values();
    return await followedEdits({
      url: `http://${address}/v2/models/${MODEL}/infer`,
      count,
      pauseMs: PAUSE_MS,
      edit: async (variant) => {
        await cluster.put(edited(variant));
      },
    });
  } finally {
    for (const end of ending.reverse()) await end();
  }
}

function objects(port: number): ObjectName[] {
  const endpoints = [{ address: '127.0.0.1', port }];
  const backend = resource('ModelBackend', MODEL, { protocol: 'OpenInference', endpoints });
  const others = Array.from({ length: ROUTES - 1 }, (_, at) => {
    return route(`other-${at}`, [{ name: 'a', backendRef: { name: MODEL } }]);
  });
  return [backend, edited('a'), ...others];
}

function edited(variant: 'a' | 'b'): ObjectName {
  const variants = ['a', 'b'].map((name) => {
    return { name, backendRef: { name: MODEL }, weight: name === variant ? 1 : 0 };
  });
  return route(MODEL, variants);
}

function route(name: string, variants: readonly object[]): ObjectName {
  return resource('ModelRoute', name, { models: [{ name }], variants });
}
