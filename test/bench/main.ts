/**
 * `npm run bench -- NAME ...`: runs benchmarks and prints a line a target, `met` or `MISSED`, with both
 * figures; exits 1 if one is missed. Figures are ratios within one run: these machines are noisy.
 */
import { parseArgs } from 'node:util';
import { batcherBench } from './batcher.ts';
import { providersBench } from './inference/providers.ts';
import { inferenceBench } from './inference.ts';
import { isPrepared, runPrepared } from './istio/prepared.ts';
import { istioBench } from './istio.ts';
import type { BenchOptions } from './options.ts';
import { pinSelf } from './pinning.ts';
import { reloadBench } from './reload.ts';
import { routerBench } from './router.ts';
import { splitterBench } from './splitter.ts';
import type { Target } from './target.ts';
import { printTargets } from './target.ts';
import { xdsBench } from './xds.ts';

interface Bench {
  readonly run: (options: BenchOptions) => Promise<Target[]>;
  readonly rounds: number;
  readonly seconds: number;
}

/** With the rounds and seconds that each has unless told otherwise. */
const BENCHES: Readonly<Record<string, Bench>> = {
  // Many cases: as little of each as is still well above the 10 ms in which CPU time is counted.
  router: { run: routerBench, rounds: 4, seconds: 1.5 },
  batcher: { run: batcherBench, rounds: 3, seconds: 0.6 },
  splitter: { run: splitterBench, rounds: 5, seconds: 2 },
  // 12 cases of five to eight subjects each, and a few of the pod alone: ten minutes and more.
  inference: { run: inferenceBench, rounds: 3, seconds: 1.5 },
  // Where there is a GPU.
  providers: { run: providersBench, rounds: 3, seconds: 5 },
  reload: { run: reloadBench, rounds: 5, seconds: 2 },
  // Ten changes a round; it takes as long as they take.
  xds: { run: xdsBench, rounds: 5, seconds: 0 },
  istio: { run: istioBench, rounds: 6, seconds: 5 },
};
/** Needs Go and the rights to make network namespaces: it runs only when named. */
const ISTIO = 'istio';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    /**
     * A regular expression over the names of the router's or the pod's cases, `^1 kB first 16` or
     * `^digits http 64`, or of the splitter's parts.
     */
    only: { type: 'string', default: '' },
    /** Of the batcher's, by their names and commas: `digits-json,workers`. */
    cases: { type: 'string', default: '' },
    /** Likewise: `1,64`. */
    connections: { type: 'string', default: '' },
    /** `xds`: certificates on both sides. */
    tls: { type: 'boolean', default: false },
    /** `xds`: a share of its sizes, to try it out. */
    scale: { type: 'string', default: '1' },
  },
});
const names =
  positionals.length > 0 ? positionals : Object.keys(BENCHES).filter((name) => name !== ISTIO);
const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(
    `unknown benchmark ${unknown.join(', ')}: there are ${Object.keys(BENCHES).join(', ')}`,
  );
  process.exit(2);
}

if (names.includes(ISTIO) && !isPrepared()) process.exit(await runPrepared(process.argv.slice(2)));
await pinSelf();
const targets: Target[] = [];
for (const name of names) {
  const bench = BENCHES[name];
  if (bench === undefined) continue;
  const rounds = Number(values.rounds ?? bench.rounds);
  const seconds = Number(values.seconds ?? bench.seconds);
  console.log(`\n## ${name} (${rounds} rounds of ${seconds} s, medians)\n`);
  const part = {
    only: new RegExp(values.only),
    cases: list(values.cases),
    connections: list(values.connections).map(Number),
    tls: values.tls,
    scale: Number(values.scale),
  };
  targets.push(...(await bench.run({ rounds, seconds, ...part })));
}
process.exit(printTargets(targets) ? 0 : 1);

function list(text: string): string[] {
  return text.split(',').filter((item) => item !== '');
}
