/** From a change of one route's weights to the last acknowledgement by a proxy, and what it costs. */
import type { BenchOptions } from '../options.ts';
import { MEASURED_CORE } from '../pinning.ts';
import { median, printTable, type Target } from '../target.ts';
import { type Case, casesOf, changesOf, quantile } from './cases.ts';
import type { WindowReport } from './fleet.ts';
import { pushTargets } from './push-targets.ts';
import { eachSubject, type Subject } from './subjects.ts';
import { type CpuUse, cpuUse, type ProcessMemory, processMemory } from './usage.ts';

export interface PushResult {
  readonly name: string;
  readonly firstSyncMs: number;
  /** A figure a change: from when it had been made, and from its publication. */
  readonly fromChangeMs: readonly number[];
  readonly fromPublicationMs: readonly number[];
  /** A change, in ms. No server is faster than the proxies. */
  readonly cpuMs: CpuUse;
  readonly memory: ProcessMemory;
  /** To one proxy. */
  readonly bytesPerChange: number;
  /** Resources that a proxy was sent although it had them, all changes and proxies together. */
  readonly unneeded: number;
  /** What one proxy got with the last change. */
  readonly resent: WindowReport['resources'];
}

/** The just-in-time compiler has settled by then. */
const WARM_UP_CHANGES = 3;

export async function pushBench(options: BenchOptions): Promise<Target[]> {
  const targets: Target[] = [];
  for (const one of casesOf(options)) {
    if (!options.only.test(`push, ${one.name}`)) continue;
    // Only for who waits: what is printed at the end does not need it.
    console.error(`push, ${one.name} ...`);
    const changes = changesOf(options);
    const results = await eachSubject(options, one, WARM_UP_CHANGES + changes, (subject) =>
      measure(subject, one, changes),
    );
    print(one, [...results.values()]);
    targets.push(...pushTargets(one, results));
  }
  return targets;
}

async function measure(
  { server, fleet, firstSyncMs }: Subject,
  one: Case,
  changes: number,
): Promise<PushResult> {
  for (let edit = 1; edit <= WARM_UP_CHANGES; edit++) await push({ server, fleet }, edit);
  const cpu = () => cpuUse(server.pid, fleet.pid, MEASURED_CORE);
  const before = await cpu();
  const reports: Awaited<ReturnType<typeof push>>[] = [];
  for (let edit = 1; edit <= changes; edit++) {
    reports.push(await push({ server, fleet }, WARM_UP_CHANGES + edit));
  }
  const after = await cpu();
  const perChange = (who: keyof CpuUse): number => ((after[who] - before[who]) / changes) * 1000;
  return {
    name: server.name,
    firstSyncMs,
    fromChangeMs: reports.map(({ report, changedMs }) => report.lastAckMs - changedMs),
    fromPublicationMs: reports.map(({ report, publishedMs }) => report.lastAckMs - publishedMs),
    cpuMs: {
      server: perChange('server'),
      proxies: perChange('proxies'),
      others: perChange('others'),
    },
    memory: await processMemory(server.pid),
    bytesPerChange: median(reports.map(({ report }) => report.bytes)) / one.proxies,
    unneeded: reports.reduce((sum, { report }) => sum + report.unneeded, 0),
    resent: reports.at(-1)?.report.resources ?? [],
  };
}

async function push({ server, fleet }: Pick<Subject, 'server' | 'fleet'>, edit: number) {
  await fleet.arm();
  const { changedMs, publishedMs } = await server.change(edit);
  const report = await fleet.settled(true);
  return { report, changedMs, publishedMs: await publishedMs };
}

function print(one: Case, results: readonly PushResult[]): void {
  console.log(`\n### ${one.name}\n`);
  const ms = (values: readonly number[]): string[] =>
    [0.5, 0.99].map((share) => quantile(values, share).toFixed(1));
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);
  const head = [
    'server',
    'edit to last ACK, p50 ms',
    'p99 ms',
    'publication to last ACK, p50 ms',
    'p99 ms',
    'CPU ms a change',
    "the proxies' CPU ms",
    "others' CPU ms on its core",
    'resident MB',
    'peak MB',
    'first sync ms',
    'bytes a change, one proxy',
    'resent unchanged',
  ];
  const rows = results.map((result) => [
    result.name,
    ...ms(result.fromChangeMs),
    ...ms(result.fromPublicationMs),
    result.cpuMs.server.toFixed(0),
    result.cpuMs.proxies.toFixed(0),
    Math.max(0, result.cpuMs.others).toFixed(0),
    mb(result.memory.residentBytes),
    mb(result.memory.peakBytes),
    result.firstSyncMs.toFixed(0),
    result.bytesPerChange.toFixed(0),
    String(result.unneeded),
  ]);
  printTable(head, rows);
  for (const { name, resent } of results) {
    const parts = resent.map((item) => {
      const type = item.typeUrl.slice(item.typeUrl.lastIndexOf('.') + 1);
      const perRoute =
        item.routes === 0 ? '' : `, ${(item.bytes / item.routes).toFixed(0)} a route`;
      return `${type} ${item.name}: ${item.bytes} bytes, ${item.routes} routes${perRoute}`;
    });
    console.log(`\n${name} resends with one change: ${parts.join('; ')}`);
  }
}
