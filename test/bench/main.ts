/**
 * `npm run bench -- NAME ...`: runs benchmarks and prints a line a target, `met` or `MISSED`, with both
 * figures; exits 1 if one is missed. Figures are ratios within one run: these machines are noisy.
 */
import { parseArgs } from 'node:util';
import { batcherBench } from './batcher.ts';
import type { BenchOptions } from './options.ts';
import { pinSelf } from './pinning.ts';
import { reloadBench } from './reload.ts';
import { routerBench } from './router.ts';
import type { Target } from './target.ts';
import { printTargets } from './target.ts';

type Bench = (options: BenchOptions) => Promise<Target[]>;

const BENCHES: Readonly<Record<string, Bench>> = {
  router: routerBench,
  batcher: batcherBench,
  reload: reloadBench,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' } },
});
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES);
const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(
    `unknown benchmark ${unknown.join(', ')}: there are ${Object.keys(BENCHES).join(', ')}`,
  );
  process.exit(2);
}

const options = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
await pinSelf();
const targets: Target[] = [];
for (const name of names) {
  console.log(`\n## ${name} (${options.rounds} rounds of ${options.seconds} s, medians)\n`);
  targets.push(...((await BENCHES[name]?.(options)) ?? []));
}
process.exit(printTargets(targets) ? 0 : 1);
