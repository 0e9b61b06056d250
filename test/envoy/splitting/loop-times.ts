/** How long the turns of Envoy's event loops took: a worker that is at one thing serves nobody else. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestEnvoy } from '../../harness/envoy.ts';
import { samples } from './prometheus.ts';

const METRIC = 'envoy_listener_manager_worker_dispatcher_loop_duration_us_bucket';
const STALL_MICROS = '5000';

export interface LoopTimes {
  readonly turns: number;
  /** Turns of more than 5 ms. */
  readonly stalls: number;
  /** By the upper bound in microseconds of their bucket; no more than a bucket tells. */
  readonly buckets: ReadonlyMap<string, number>;
}

/** For the bootstrap of an Envoy whose `loopTimes` are read: histograms are joined at each flush. */
export const LOOP_TIMES = { enable_dispatcher_stats: true, stats_flush_interval: '0.5s' };

const TWO_FLUSHES_MS = 1000;

/** Of all workers since they started. Needs `LOOP_TIMES` in the bootstrap. */
export async function loopTimes(envoy: TestEnvoy): Promise<LoopTimes> {
  await sleep(TWO_FLUSHES_MS);
  const buckets = new Map<string, number>();
  for (const { name, labels, value } of await samples(envoy)) {
    const le = labels['le'];
    if (name !== METRIC || le === undefined) continue;
    buckets.set(le, (buckets.get(le) ?? 0) + value);
  }
  return timesOf(buckets);
}

/** What came between two looks. */
export function since(before: LoopTimes, after: LoopTimes): LoopTimes {
  const more = [...after.buckets].map(([le, count]): [string, number] => {
    return [le, count - (before.buckets.get(le) ?? 0)];
  });
  return timesOf(new Map(more));
}

function timesOf(buckets: ReadonlyMap<string, number>): LoopTimes {
  const turns = buckets.get('+Inf') ?? 0;
  return { turns, stalls: turns - (buckets.get(STALL_MICROS) ?? 0), buckets };
}
