/**
 * The pod against MLServer and against onnxruntime alone: rate and latency by model, form and connections,
 * each server on one core while the load has the other; latency at half load, memory and time to start.
 */
import { CASES } from './inference/cases.ts';
import { FOOTPRINT, footprint } from './inference/footprint.ts';
import { HALF_LOAD_CASES, halfLoad } from './inference/half-load.ts';
import { type CaseResult, runCase } from './inference/rounds.ts';
import { Subjects } from './inference/subjects.ts';
import { printTables } from './inference/tables.ts';
import { targetsOf } from './inference/targets.ts';
import type { BenchOptions } from './options.ts';
import type { Target } from './target.ts';

/** @throws {Error} when `only` names no case, or a subject does not answer. */
export async function inferenceBench(options: BenchOptions): Promise<Target[]> {
  const names = [...CASES, ...HALF_LOAD_CASES].map(({ name }) => name).concat(FOOTPRINT);
  if (!names.some((name) => options.only.test(name))) {
    throw new Error(`no case matches ${options.only}: there are ${names.join(', ')}`);
  }
  const subjects = new Subjects();
  const targets: Target[] = [];
  try {
    const results: CaseResult[] = [];
    for (const one of CASES.filter(({ name }) => options.only.test(name))) {
      // Only for who waits: what is printed at the end does not need it.
      console.error(`${one.name} ...`);
      results.push(await runCase(options, one, subjects));
    }
    printTables(results);
    targets.push(...targetsOf(results));
    const cases = HALF_LOAD_CASES.filter(({ name }) => options.only.test(name));
    targets.push(...(await halfLoad(options, cases, subjects)));
  } finally {
    await subjects.stop();
  }
  if (options.only.test(FOOTPRINT)) targets.push(...(await footprint(options)));
  return targets;
}
