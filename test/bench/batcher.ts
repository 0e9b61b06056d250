/**
 * What batching in the mesh is worth: rate, latency, and CPU of Envoy and pod together per request, which share
 * one core while the load has the other. Compared are no batching at all, only the pod's, only the mesh's,
 * and both.
 */
import { chooseCases } from './batcher/cases.ts';
import { type CaseResult, runCase } from './batcher/rounds.ts';
import { type Subject, Subjects } from './batcher/subjects.ts';
import { printTables } from './batcher/tables.ts';
import { targetsOf } from './batcher/targets.ts';
import type { BenchOptions } from './options.ts';
import type { Target } from './target.ts';

/** @throws {Error} when an option names no case, or a subject does not answer. */
export async function batcherBench(options: BenchOptions): Promise<Target[]> {
  const cases = chooseCases(options.cases, options.connections);
  const all = new Subjects();
  const results: CaseResult[] = [];
  try {
    for (const one of cases) {
      // Only for who waits: what is printed at the end does not need it.
      console.error(`${one.name} ...`);
      const subjects: Subject[] = [];
      for (const name of one.subjects) subjects.push(await all.get(name));
      results.push(...(await runCase(options, one, subjects)));
    }
  } finally {
    await all.stop();
  }
  printTables(results);
  return targetsOf(results);
}
