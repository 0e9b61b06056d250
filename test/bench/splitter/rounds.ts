/**
 * Rounds of all subjects in turn, in alternating order. These machines drift, so subjects are compared within
 * a round, and it is the ratios whose median counts.
 */
import type { BenchOptions } from '../options.ts';
import { median } from '../target.ts';
import type { Subject } from './meshes.ts';

/** Connections, caches and just-in-time compilers have settled by then. */
const WARM_UP_SECONDS = 0.5;

export class Rounds<Result> {
  readonly #results: ReadonlyMap<string, readonly Result[]>;

  constructor(results: ReadonlyMap<string, readonly Result[]>) {
    this.#results = results;
  }

  median(subject: string, pick: (result: Result) => number): number {
    return median((this.#results.get(subject) ?? []).map(pick));
  }

  /** Median over the rounds of one subject's figure by another's of the same round. */
  ratio(subject: string, than: string, pick: (result: Result) => number): number {
    const others = this.#results.get(than) ?? [];
    const own = this.#results.get(subject) ?? [];
    const pairs = own.map((result, round) => {
      const other = others[round];
      return other === undefined ? Number.NaN : pick(result) / pick(other);
    });
    return median(pairs);
  }
}

/** `load` loads a subject for so many seconds while all others idle. */
export async function inRounds<Result>(
  options: BenchOptions,
  subjects: readonly Subject[],
  load: (subject: Subject, seconds: number) => Promise<Result>,
): Promise<Rounds<Result>> {
  const results = new Map<string, Result[]>(subjects.map(({ name }) => [name, []]));
  for (const subject of subjects) await load(subject, WARM_UP_SECONDS);
  for (let round = 0; round < options.rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      results.get(subject.name)?.push(await load(subject, options.seconds));
    }
  }
  return new Rounds(results);
}
