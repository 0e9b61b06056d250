/**
 * How long it takes until many proxies have what changed, against go-control-plane's own server on the same
 * resources; until all are served when all come back at once; until a real Envoy serves an edit. `--only`
 * takes what is printed while it runs: `^push, .*delta`, `reconnect`, `edit`.
 */
import type { BenchOptions } from './options.ts';
import type { Target } from './target.ts';
import { apiEditBench } from './xds/api-edits.ts';
import { editBench } from './xds/edits.ts';
import { pushBench } from './xds/pushes.ts';
import { reconnectBench } from './xds/reconnects.ts';

export async function xdsBench(options: BenchOptions): Promise<Target[]> {
  return [
    ...(await pushBench(options)),
    ...(await reconnectBench(options)),
    ...(await editBench(options)),
    ...(await apiEditBench(options)),
  ];
}
