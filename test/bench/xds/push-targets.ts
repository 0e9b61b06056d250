/** What a push may take. */
import type { Target } from '../target.ts';
import { type Case, quantile } from './cases.ts';
import type { PushResult } from './pushes.ts';
import { OURS, THEIRS } from './subjects.ts';

const MAX_P99_MS = 400;
const MAX_MEMORY_MB = 300;
const MAX_RATIO = 2;
const MAX_BYTES_PER_ROUTE = 400;

/** Only the incremental protocol has targets: it is what is recommended, and what can send a part. */
export function pushTargets(one: Case, results: ReadonlyMap<string, PushResult>): Target[] {
  const ours = results.get(OURS);
  if (one.mode !== 'delta' || ours === undefined) return [];
  const bytesPerRoute = ours.resent.map(({ bytes, routes }) => bytes / Math.max(1, routes));
  const { name } = one;
  return [
    {
      name: `edit to last ACK, p99 ms, ${name}`,
      measured: quantile(ours.fromChangeMs, 0.99),
      atMost: MAX_P99_MS,
    },
    {
      name: `control plane's peak memory, MB, ${name}`,
      measured: ours.memory.peakBytes / 1e6,
      atMost: MAX_MEMORY_MB,
    },
    ...THEIRS.map((theirs) => ({
      name: `publication to last ACK, p50 by go-control-plane's (${theirs} cache), ${name}`,
      measured: p50(ours) / p50(results.get(theirs)),
      atMost: MAX_RATIO,
    })),
    {
      name: `bytes of a resent resource per route in it, ${name}`,
      measured: bytesPerRoute.length === 0 ? Number.NaN : Math.max(...bytesPerRoute),
      atMost: MAX_BYTES_PER_ROUTE,
    },
    { name: `resources resent unchanged, ${name}`, measured: ours.unneeded, atMost: 0 },
  ];
}

function p50(result: PushResult | undefined): number {
  return result === undefined ? Number.NaN : quantile(result.fromPublicationMs, 0.5);
}
