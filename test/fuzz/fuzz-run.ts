/** Runs one target for its time: first what was kept, then case after case of a seed. */
import { relative } from 'node:path';
import { randomSource } from '../harness/random.ts';
import { keepCase, keptCases } from './kept-cases.ts';
import { failureOf, shrink } from './shrink.ts';
import type { FuzzCase, FuzzTarget } from './target.ts';

/** Of new cases: one bug fails many, and more of them say nothing new. */
const MAX_NEW_FAILURES = 3;
/** Of a failure's text and of a body, what a report shows. */
const MAX_SHOWN = 2000;

export interface FuzzRun {
  readonly seed: number;
  readonly seconds: number;
  /** Runs this one only. */
  readonly only: number | null;
}

export interface FuzzReport {
  readonly target: FuzzTarget;
  readonly kept: number;
  readonly cases: number;
  /** How often bodies were read: each case is read in many splits. */
  readonly reads: number;
  readonly seconds: number;
  readonly failures: number;
}

export async function fuzz(target: FuzzTarget, run: FuzzRun): Promise<FuzzReport> {
  const started = performance.now();
  const kept = keptCases(target.name);
  let failures = 0;
  for (const one of kept) {
    const failure = await failureOf(target, one);
    if (failure === null) continue;
    failures++;
    print(`${relative(process.cwd(), one.file)} fails`, failure, one);
  }
  const failuresBefore = failures;
  let cases = 0;
  let reads = 0;
  const elapsed = (): number => (performance.now() - started) / 1000;
  while (elapsed() < run.seconds && failures - failuresBefore < MAX_NEW_FAILURES) {
    const number = run.only ?? cases;
    const generated = caseOf(target, run.seed, number);
    try {
      const read = target.check(generated);
      reads += typeof read === 'number' ? read : await read;
    } catch (error) {
      failures++;
      await report(target, run.seed, number, generated, error as Error);
    }
    cases++;
    if (run.only !== null) break;
  }
  return { target, kept: kept.length, cases, reads, seconds: elapsed(), failures };
}

/** Each case has a seed of its own, so that it can be made again without those before it. */
function caseOf(target: FuzzTarget, seed: number, number: number): FuzzCase {
  const own = Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b);
  return target.generate(randomSource(own));
}

async function report(
  target: FuzzTarget,
  seed: number,
  number: number,
  failing: FuzzCase,
  first: Error,
): Promise<void> {
  const again = `npm run fuzz -- --only ${target.name} --seed ${seed} --case ${number}`;
  if ((await failureOf(target, failing)) === null) {
    print(`${again}: fails only after the cases before it`, first, failing);
    return;
  }
  const mayShrink = target.mayShrink?.(failing) ?? true;
  const smallest = mayShrink ? await shrink(target, failing) : failing;
  const failure = (await failureOf(target, smallest)) ?? first;
  const why = `${failure.message.split('\n')[0]} (seed ${seed}, case ${number})`;
  const file = keepCase(target.name, `seed-${seed}-case-${number}`, why, smallest);
  print(`${again}: kept in ${relative(process.cwd(), file)}`, failure, smallest);
}

function print(what: string, failure: Error, { setting, body }: FuzzCase): void {
  console.log(`FAILED ${what}`);
  console.log(failure.stack?.slice(0, MAX_SHOWN));
  console.log(`setting ${JSON.stringify(setting).slice(0, MAX_SHOWN)}`);
  console.log(`body    ${JSON.stringify(body.toString('latin1')).slice(0, MAX_SHOWN)}\n`);
}
