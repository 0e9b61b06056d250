/**
 * Rounds of all subjects of a case in turn, in alternating order. These machines drift, so subjects are
 * compared within a round, and it is the ratios whose median counts.
 */
import { type LoadResult, measure } from '../load.ts';
import type { BenchOptions } from '../options.ts';
import { median } from '../target.ts';
import { type Case, SIZES } from './cases.ts';
import { CHAT_PATH, chatBody } from './chat-body.ts';
import { STICKY_HEADER, type Subject, type SubjectName } from './subjects.ts';

/** Connections to the backend, caches and the just-in-time compilers have settled by then. */
const WARM_UP_SECONDS = 0.5;

export class CaseResult {
  readonly case: Case;
  /** By subject, a result a round. */
  readonly #rounds: ReadonlyMap<SubjectName, readonly LoadResult[]>;

  constructor(measured: Case, rounds: ReadonlyMap<SubjectName, readonly LoadResult[]>) {
    this.case = measured;
    this.#rounds = rounds;
  }

  /** Median over the rounds; not a number where the subject was not measured. */
  median(subject: SubjectName, pick: (result: LoadResult) => number): number {
    return median((this.#rounds.get(subject) ?? []).map(pick));
  }

  /** Median over the rounds of one subject's CPU per request by another's of the same round. */
  cpuRatio(subject: SubjectName, than: SubjectName): number {
    return median(this.#pairs(subject, than).map(([own, other]) => own / other));
  }

  /** Likewise, how many microseconds it is more. */
  cpuAdded(subject: SubjectName, than: SubjectName): number {
    return median(this.#pairs(subject, than).map(([own, other]) => own - other));
  }

  #pairs(subject: SubjectName, than: SubjectName): [number, number][] {
    const others = this.#rounds.get(than) ?? [];
    return (this.#rounds.get(subject) ?? []).map((result, round) => [
      result.cpuMicros,
      others[round]?.cpuMicros ?? Number.NaN,
    ]);
  }
}

export async function runCase(
  options: BenchOptions,
  measured: Case,
  subjects: readonly Subject[],
): Promise<CaseResult> {
  const rounds = new Map<SubjectName, LoadResult[]>(subjects.map(({ name }) => [name, []]));
  for (const subject of subjects) await load(measured, subject, WARM_UP_SECONDS);
  for (let round = 0; round < options.rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      rounds.get(subject.name)?.push(await load(measured, subject, options.seconds));
    }
  }
  return new CaseResult(measured, rounds);
}

function load(measured: Case, subject: Subject, seconds: number): Promise<LoadResult> {
  const request = {
    method: 'POST',
    path: CHAT_PATH,
    // Whose choice is sticky; the others' does not look at it.
    headers: { 'content-type': 'application/json', [STICKY_HEADER]: 'user-42' },
    body: chatBody(subject.model, measured.place, SIZES[measured.size]),
  } as const;
  const { url, pid } = subject;
  const { connections } = measured;
  return measure({ url, connections, seconds, requests: [request], pids: [pid] });
}
