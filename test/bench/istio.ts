/** What a mesh of Istio's pays for our filters, and how soon it has a change. `--only` takes the parts' names. */
import { type ChangeTimes, measureChanges, reportChanges } from './istio/changes.ts';
import { costBench } from './istio/cost.ts';
import { type Mode, startScene } from './istio/scene.ts';
import type { BenchOptions } from './options.ts';
import type { Target } from './target.ts';

const COST = 'cost';
const MODES: readonly Mode[] = ['native', 'direct'];

/** Needs Istio's programs and a network namespace, see `istio/prepared.ts`. */
export async function istioBench(options: BenchOptions): Promise<Target[]> {
  const modes = MODES.filter((mode) => options.only.test(mode));
  const isCost = options.only.test(COST);
  if (modes.length === 0 && !isCost) {
    throw new Error(`nothing matches ${options.only}: there are ${[COST, ...MODES].join(', ')}`);
  }
  const scene = await startScene();
  const targets: Target[] = [];
  const changes: ChangeTimes[] = [];
  try {
    for (const mode of MODES) {
      const asksCost = isCost && mode === 'native';
      if (!modes.includes(mode) && !asksCost) continue;
      // Only for who waits: what is printed at the end does not need it.
      console.error(`${mode} ...`);
      const controlPlane = await scene.control(mode);
      try {
        if (asksCost) targets.push(...(await costBench(options, scene)));
        if (modes.includes(mode)) changes.push(await measureChanges(scene, mode));
      } finally {
        await controlPlane.stop();
      }
    }
  } finally {
    await scene.stop();
  }
  return changes.length > 0 ? [...targets, ...reportChanges(changes)] : targets;
}
