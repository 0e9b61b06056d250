/**
 * Rounds of all subjects of a case in turn, in alternating order. These machines drift, so subjects are
 * compared within a round, and it is the ratios whose median counts.
 */
import type { BenchOptions } from '../options.ts';
import { median } from '../target.ts';
import type { Case } from './cases.ts';
import type { Measurement } from './measurement.ts';
import type { Subjects } from './subjects.ts';

export type Pick = (measurement: Measurement) => number;

export class CaseResult {
  readonly case: Case;
  /** By subject; none where it could not be measured. */
  readonly #rounds: ReadonlyMap<string, readonly Measurement[]>;

  constructor(measured: Case, rounds: ReadonlyMap<string, readonly Measurement[]>) {
    this.case = measured;
    this.#rounds = rounds;
  }

  /** Median over the rounds; not a number where the subject was not measured. */
  median(subject: string, pick: Pick): number {
    return median((this.#rounds.get(subject) ?? []).map(pick));
  }

  /**
   * Median over the rounds of a subject's figure by the best of others' in the same round.
   * Not a number where none of them was measured.
   */
  ratioToBest(
    subject: string,
    pick: Pick,
    others: readonly string[],
    pickOther: Pick,
    best: (...values: number[]) => number,
  ): number {
    const own = this.#rounds.get(subject) ?? [];
    const ratios = own.map((measurement, round) => {
      const values = others.flatMap((other) => this.#rounds.get(other)?.[round] ?? []);
      return values.length === 0 ? Number.NaN : pick(measurement) / best(...values.map(pickOther));
    });
    return median(ratios);
  }
}

export async function runCase(
  options: BenchOptions,
  one: Case,
  subjects: Subjects,
): Promise<CaseResult> {
  const names = await subjects.available(one.subjects);
  const rounds = new Map<string, Measurement[]>(names.map((name) => [name, []]));
  for (const name of names) await subjects.warmUp(name, one);
  for (let round = 0; round < options.rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      rounds.get(name)?.push(await subjects.measure(name, { ...one, seconds: options.seconds }));
    }
  }
  return new CaseResult(one, rounds);
}
