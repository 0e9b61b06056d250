/**
 * All proxies lose their streams at one time and come back at once: those that know what they had, after a
 * change in between, and those that know nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../options.ts';
import { cpuSeconds } from '../pinning.ts';
import { median, printTable, type Target } from '../target.ts';
import { casesOf } from './cases.ts';
import { eachSubject, OURS, type Subject } from './subjects.ts';

interface ReconnectResult {
  readonly name: string;
  readonly resumedMs: number[];
  readonly freshMs: number[];
  readonly bytesResumed: number;
  readonly bytesFresh: number;
  readonly cpuMs: number;
}

const MAX_MS = 10_000;
/** By then a server has noticed that all are gone. */
const GONE_MS = 1000;

export async function reconnectBench(options: BenchOptions): Promise<Target[]> {
  const [one] = casesOf(options);
  if (one === undefined || !options.only.test(`reconnect, ${one.name}`)) return [];
  console.error(`reconnect, ${one.name} ...`);
  const results = await eachSubject(options, one, options.rounds, (subject) =>
    measure(subject, options.rounds),
  );
  console.log(`\n### ${one.proxies} proxies reconnect at once, ${one.routes} routes\n`);
  const worst = (values: readonly number[]): string => Math.max(...values).toFixed(0);
  printTable(
    [
      'server',
      'with what they had, median ms',
      'longest ms',
      'MB to all',
      'with nothing, median ms',
      'longest ms',
      'MB to all',
      'CPU ms for both',
    ],
    [...results.values()].map((result) => [
      result.name,
      median(result.resumedMs).toFixed(0),
      worst(result.resumedMs),
      (result.bytesResumed / 1e6).toFixed(2),
      median(result.freshMs).toFixed(0),
      worst(result.freshMs),
      (result.bytesFresh / 1e6).toFixed(2),
      result.cpuMs.toFixed(0),
    ]),
  );
  const ours = results.get(OURS);
  if (ours === undefined) return [];
  const of = (what: string, values: readonly number[]): Target => ({
    name: `${one.proxies} proxies reconnect ${what}, longest ms`,
    measured: Math.max(...values),
    atMost: MAX_MS,
  });
  return [of('with what they had', ours.resumedMs), of('with nothing', ours.freshMs)];
}

async function measure({ server, fleet }: Subject, rounds: number): Promise<ReconnectResult> {
  const resumed: { ms: number; bytes: number }[] = [];
  const fresh: { ms: number; bytes: number }[] = [];
  const cpuBefore = await cpuSeconds(server.pid);
  const reconnect = async (resume: boolean) => {
    const startedMs = await fleet.connect(resume);
    const { lastAckMs, bytes } = await fleet.settled(resume);
    return { ms: lastAckMs - startedMs, bytes };
  };
  for (let round = 1; round <= rounds; round++) {
    await fleet.arm();
    await fleet.disconnect();
    const { publishedMs } = await server.change(round);
    await publishedMs;
    await sleep(GONE_MS);
    resumed.push(await reconnect(true));
    await fleet.arm();
    await fleet.disconnect();
    await sleep(GONE_MS);
    fresh.push(await reconnect(false));
  }
  return {
    name: server.name,
    resumedMs: resumed.map(({ ms }) => ms),
    freshMs: fresh.map(({ ms }) => ms),
    bytesResumed: median(resumed.map(({ bytes }) => bytes)),
    bytesFresh: median(fresh.map(({ bytes }) => bytes)),
    cpuMs: (((await cpuSeconds(server.pid)) - cpuBefore) / rounds) * 1000,
  };
}
