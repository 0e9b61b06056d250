/** How long it takes from an applied change of weights to the first request that is served by it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { printTable, type Target } from '../target.ts';
import { type Mode, type Scene, VARIANT, type Variant } from './scene.ts';

const CHANGES = 50;
const TIMEOUT_MS = 20_000;
/** As a rollout or a person would; a control plane that is told more often takes several changes together. */
const PAUSE_MS = 1000;
const TARGETS: Readonly<Record<Mode, { readonly p50: number; readonly p99: number }>> = {
  native: { p50: 500, p99: 1000 },
  direct: { p50: 100, p99: 250 },
};

export interface ChangeTimes {
  readonly mode: Mode;
  /** In ms, sorted: from the moment before the object was sent. */
  readonly times: readonly number[];
}

/** A control plane of this mode must be running. */
export async function measureChanges(scene: Scene, mode: Mode): Promise<ChangeTimes> {
  await change(scene, 'canary');
  const times: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    await sleep(PAUSE_MS);
    times.push(await change(scene, i % 2 === 0 ? 'stable' : 'canary'));
  }
  return { mode, times: times.toSorted((a, b) => a - b) };
}

async function change(scene: Scene, variant: Variant): Promise<number> {
  const started = performance.now();
  await (variant === 'stable' ? scene.setWeights(100, 0) : scene.setWeights(0, 100));
  while ((await scene.ask()).headers[VARIANT] !== variant) {
    if (performance.now() - started > TIMEOUT_MS) throw new Error(`${variant} is not served`);
  }
  return performance.now() - started;
}

export function reportChanges(all: readonly ChangeTimes[]): Target[] {
  console.log(
    `\n### from an applied change to the first request served by it, ${CHANGES} changes, a second apart\n`,
  );
  const rows = all.map(({ mode, times }) => [
    mode,
    quantile(times, 0.5).toFixed(0),
    quantile(times, 0.99).toFixed(0),
  ]);
  printTable(['mode', 'p50 ms', 'p99 ms'], rows);
  return all.flatMap(({ mode, times }) => [
    {
      name: `change to served, ${mode}, p50 in ms`,
      measured: quantile(times, 0.5),
      atMost: TARGETS[mode].p50,
    },
    {
      name: `change to served, ${mode}, p99 in ms`,
      measured: quantile(times, 0.99),
      atMost: TARGETS[mode].p99,
    },
  ]);
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
