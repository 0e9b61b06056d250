/** What it costs to split, to copy and to restore names, against routes that do not. `--only` takes their names. */
import type { BenchOptions } from './options.ts';
import { cpuBench } from './splitter/cpu.ts';
import { eventBench } from './splitter/events.ts';
import { shadowBench } from './splitter/shadow.ts';
import { stallBench } from './splitter/stalls.ts';
import type { Target } from './target.ts';

const PARTS: Readonly<Record<string, (options: BenchOptions) => Promise<Target[]>>> = {
  cpu: cpuBench,
  shadow: shadowBench,
  events: eventBench,
  stalls: stallBench,
};

/** @throws {Error} when `only` names no part, or a subject does not answer. */
export async function splitterBench(options: BenchOptions): Promise<Target[]> {
  const parts = Object.entries(PARTS).filter(([name]) => options.only.test(name));
  if (parts.length === 0) {
    throw new Error(`nothing matches ${options.only}: there are ${Object.keys(PARTS).join(', ')}`);
  }
  const targets: Target[] = [];
  for (const [name, run] of parts) {
    // Only for who waits: what is printed at the end does not need it.
    console.error(`${name} ...`);
    targets.push(...(await run(options)));
  }
  return targets;
}
