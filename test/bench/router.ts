/**
 * What it costs to route by a model that the body names: Envoy's CPU per request with our filters,
 * against the same Envoy without filters and with what else could do it.
 */
import { startBenchBackend } from './backend.ts';
import type { BenchOptions } from './options.ts';
import { CASES } from './router/cases.ts';
import { FIRST_BYTE, firstByteBench } from './router/first-byte.ts';
import { type CaseResult, runCase } from './router/rounds.ts';
import { type Subject, Subjects } from './router/subjects.ts';
import { printTables } from './router/tables.ts';
import { targetsOf } from './router/targets.ts';
import type { Target } from './target.ts';

/** @throws {Error} when `only` names no case, or a subject does not answer. */
export async function routerBench(options: BenchOptions): Promise<Target[]> {
  const names = [...CASES.map(({ name }) => name), FIRST_BYTE];
  if (!names.some((name) => options.only.test(name))) {
    throw new Error(`no case matches ${options.only}: there are ${names.join(', ')}`);
  }
  const results = await runCases(options);
  printTables(results);
  return [...targetsOf(results), ...(await firstByteBench(options))];
}

async function runCases(options: BenchOptions): Promise<CaseResult[]> {
  const backend = await startBenchBackend();
  const all = new Subjects(backend.port);
  const results: CaseResult[] = [];
  try {
    for (const one of CASES.filter(({ name }) => options.only.test(name))) {
      // Only for who waits: what is printed at the end does not need it.
      console.error(`${one.name} ...`);
      const subjects: Subject[] = [];
      for (const name of one.subjects) subjects.push(await all.get(name));
      results.push(await runCase(options, one, subjects));
    }
  } finally {
    await all.stop();
    await backend.stop();
  }
  return results;
}
