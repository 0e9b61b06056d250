/** One connection to each of Envoy's workers, so that a test can say in which of them something happens. */
import { Agent } from 'node:http';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import type { TestEnvoy } from '../../harness/envoy.ts';

const MAX_CONNECTIONS = 100;

/** The kernel deals connections out by chance: opens some until each worker has one. */
export async function connectionPerWorker(
  envoy: TestEnvoy,
  url: string,
  workers: number,
): Promise<readonly Agent[]> {
  const found = new Map<string, Agent>();
  for (let i = 0; i < MAX_CONNECTIONS && found.size < workers; i++) {
    const before = await connectionsByWorker(envoy);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await exchange({ url }, agent);
    const after = await connectionsByWorker(envoy);
    const worker = [...after].find(([name, count]) => count > (before.get(name) ?? 0))?.[0];
    if (worker === undefined || found.has(worker)) agent.destroy();
    else found.set(worker, agent);
  }
  if (found.size < workers) throw new Error(`only ${found.size} of ${workers} workers answered`);
  return [...found.values()];
}

function connectionsByWorker(envoy: TestEnvoy): Promise<ReadonlyMap<string, number>> {
  return envoy.stats(/^listener\.127\.0\.0\.1_\d+\.worker_\d+\.downstream_cx_total$/);
}
