/**
 * Rounds of all subjects of a case in turn, in alternating order, for each number of connections. These
 * machines drift, so subjects are compared within a round, and it is the ratios whose median counts.
 */
import type { BenchOptions } from '../options.ts';
import { Rounds } from '../splitter/rounds.ts';
import type { Case } from './cases.ts';
import { type LoadPlan, type Measurement, measure } from './measurement.ts';
import { MODELS } from './models.ts';
import { requestsFor } from './requests.ts';
import type { Subject } from './subjects.ts';

/** Just-in-time compilers have seen the case by then. */
const WARM_UP_SECONDS = 0.5;
const WARM_UP_CONNECTIONS = 16;
/** Rows of a call with that many connections, also where four workers share them. */
const JOINED_ROWS_AT_LEAST = 1.2;

export interface CaseResult {
  readonly case: Case;
  readonly connections: number;
  /** By subject. */
  readonly rounds: Rounds<Measurement>;
}

/** @throws {Error} when a subject that is to join requests does not. */
export async function runCase(
  options: BenchOptions,
  one: Case,
  subjects: readonly Subject[],
): Promise<CaseResult[]> {
  const requests = requestsFor(one.model, one.encoding);
  const { served } = MODELS[one.model];
  const warmUp = { requests, served, seconds: WARM_UP_SECONDS, connections: WARM_UP_CONNECTIONS };
  for (const subject of subjects) {
    const { rowsPerCall } = await measure(subject, warmUp);
    // A batcher that was refused, or cannot read these requests, lets them pass: figures would not show why.
    if (subject.joinsInMesh && !(rowsPerCall >= JOINED_ROWS_AT_LEAST)) {
      throw new Error(`${one.name}, ${subject.name}: the mesh joins nothing`);
    }
  }
  const results: CaseResult[] = [];
  for (const connections of one.connections) {
    const seconds = options.seconds * one.timeFactor;
    const plan = { requests, served, seconds, connections };
    const rounds = await inRounds(options.rounds, subjects, plan);
    results.push({ case: one, connections, rounds });
  }
  return results;
}

async function inRounds(
  count: number,
  subjects: readonly Subject[],
  plan: LoadPlan,
): Promise<Rounds<Measurement>> {
  const results = new Map<string, Measurement[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < count; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      results.get(subject.name)?.push(await measure(subject, plan));
    }
  }
  return new Rounds(results);
}
