/**
 * `npm run fuzz -- [--seconds N] [--seed S] [--only TARGET] [--case N]`: random cases, each read by our
 * code and by something else that knows the answer. The seconds are shared by all targets. Exits 1 if
 * any case fails; what failed is printed, made small, and kept in `seeds`, which each run replays first.
 */
import { parseArgs } from 'node:util';
import { answerTarget } from './answer/target.ts';
import { batchTarget } from './batch/target.ts';
import { formTarget } from './form/target.ts';
import { type FuzzReport, fuzz } from './fuzz-run.ts';
import { grpcTarget } from './grpc/target.ts';
import { fieldsTarget, jsonTarget } from './json/target.ts';
import type { FuzzTarget } from './target.ts';
import { wasmTarget } from './wasm/target.ts';

const TARGETS: readonly FuzzTarget[] = [
  jsonTarget,
  fieldsTarget,
  grpcTarget,
  formTarget,
  answerTarget,
  batchTarget,
  wasmTarget,
];
const DEFAULT_SECONDS = 600;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: String(DEFAULT_SECONDS) },
    /** Another one with each run, unless it is given. */
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    only: { type: 'string' },
    /** One case of that seed: to see it fail again. */
    case: { type: 'string' },
  },
});
const targets = TARGETS.filter(({ name }) => values.only === undefined || name === values.only);
if (targets.length === 0) {
  const names = TARGETS.map(({ name }) => name).join(', ');
  console.error(`unknown target ${values.only}: choose from ${names}`);
  process.exit(2);
}
const seed = wholeNumber('seed', values.seed);
const seconds = wholeNumber('seconds', values.seconds) / targets.length;
const only = values.case === undefined ? null : wholeNumber('case', values.case);

console.log(`seed ${seed}, ${seconds.toFixed(1)} s for each of ${targets.length} targets`);
const reports: FuzzReport[] = [];
for (const target of targets) {
  const report = await fuzz(target, { seed, seconds, only });
  printReport(report);
  reports.push(report);
}
const failed = reports.filter(({ failures }) => failures > 0).length;
console.log(`${reports.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function printReport({ target, kept, cases, reads, seconds: took, failures }: FuzzReport): void {
  const perSecond = Math.round(cases / took);
  const counts = `${kept} kept and ${cases} new cases, ${reads} reads, ${perSecond} cases/s`;
  console.log(`${failures === 0 ? 'ok    ' : 'FAILED'} ${target.name}: ${target.claim}: ${counts}`);
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} must be a whole number, not ${text}`);
  process.exit(2);
}
