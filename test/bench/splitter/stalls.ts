/**
 * For how long an update of the weights keeps a worker from its requests, in a mesh of a thousand other routes:
 * turns of its event loop that took over 5 ms, an update each 50 ms. Needs a machine on which nothing else
 * runs: a worker that the system has put aside has a long turn, too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startFlippingMesh } from '../../envoy/splitting/flipping-mesh.ts';
import { loopTimes, since } from '../../envoy/splitting/loop-times.ts';
import { startBenchBackend } from '../backend.ts';
import type { BenchOptions } from '../options.ts';
import { printTable, type Target } from '../target.ts';
import { STICKY_HEADER } from './meshes.ts';

const UPDATE_EVERY_MS = 50;
const WEIGHTS = [
  { stable: 9000, canary: 1000 },
  { stable: 8000, canary: 2000 },
] as const;

export async function stallBench(options: BenchOptions): Promise<Target[]> {
  const backend = await startBenchBackend();
  const mesh = await startFlippingMesh({
    ports: { stable: backend.port, canary: backend.port },
    weights: WEIGHTS,
    route: { stickyHeader: STICKY_HEADER },
    concurrency: 1,
  });
  try {
    await mesh.inSync();
    const before = await loopTimes(mesh.envoy);
    const updates = Math.ceil((options.rounds * options.seconds * 1000) / UPDATE_EVERY_MS);
    for (let update = 0; update < updates; update++) {
      mesh.flip();
      await sleep(UPDATE_EVERY_MS);
    }
    await mesh.inSync();
    const { stalls, buckets } = since(before, await loopTimes(mesh.envoy));
    console.log('\n### turns of the worker while weights are updated, 1,001 routes\n');
    const shown = [...buckets].filter(([le]) => Number(le) >= 1000 && Number(le) <= 60_000);
    printTable(
      ['updates', ...shown.map(([le]) => `up to ${Number(le) / 1000} ms`)],
      [[String(updates), ...shown.map(([, count]) => String(count))]],
    );
    const name = 'turns of over 5 ms per update of the weights';
    return [{ name, measured: stalls / updates, atMost: 0 }];
  } finally {
    await mesh.stop();
    await backend.stop();
  }
}
