/** Ours first, which also records what it sends; then the others on what was recorded. One at a time. */
import { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import type { BenchOptions } from '../options.ts';
import type { Case } from './cases.ts';
import { type BothSides, writeCertificates } from './certificate-files.ts';
import { startControlPlane } from './control-plane.ts';
import type { WindowReport } from './fleet.ts';
import { FleetClient } from './fleet-client.ts';
import { buildGoControlPlane, type Recording, startGoControlPlane } from './go-control-plane.ts';
import type { XdsServer } from './server.ts';

/** One server with its fleet, all in sync. */
export interface Subject {
  readonly server: XdsServer;
  readonly fleet: FleetClient;
  /** From the first connection to the last acknowledgement of all that there was. */
  readonly firstSyncMs: number;
  readonly firstSync: WindowReport;
}

export const OURS = 'modelweir';
export const THEIRS = ['snapshot', 'linear'] as const;

/**
 * What `measure` found of each, by name. Those that could not be started are left out, and said why.
 * `measure` makes `changes` changes in all.
 */
export async function eachSubject<Result>(
  options: BenchOptions,
  one: Case,
  changes: number,
  measure: (subject: Subject) => Promise<Result>,
): Promise<Map<string, Result>> {
  const supervisor = new Supervisor();
  const results = new Map<string, Result>();
  try {
    const certificates = options.tls ? await writeCertificates(supervisor.folder) : null;
    const recorded: Uint8Array[] = [];
    const ours = await startControlPlane(supervisor, one.routes, certificates?.server ?? null);
    const withOurs = await withFleet(one, ours, certificates, async (subject) => {
      recorded.push(await subject.fleet.recording());
      const result = await measure({ ...subject, server: recording(subject, recorded) });
      recorded.push(await subject.fleet.recording());
      return result;
    });
    results.set(OURS, withOurs);
    const [initial = new Uint8Array(), ...rest] = recorded;
    if (rest.length !== changes) throw new Error(`${rest.length} changes, not ${changes}`);
    await eachOther({ initial, changes: rest }, async (program, cache, what) => {
      const tls = certificates?.server ?? null;
      const server = await startGoControlPlane(supervisor, program, cache, what, tls);
      results.set(cache, await withFleet(one, server, certificates, measure));
    });
    return results;
  } finally {
    await supervisor.stop();
  }
}

/** Without Go there is nothing to compare with, which is a miss and not the end. */
async function eachOther(
  recording: Recording,
  run: (program: string, cache: (typeof THEIRS)[number], recording: Recording) => Promise<void>,
): Promise<void> {
  let program: string;
  try {
    program = await buildGoControlPlane();
  } catch (error) {
    console.log(`\nMISSED: no comparison, go-control-plane cannot be built: ${error}\n`);
    return;
  }
  for (const cache of THEIRS) await run(program, cache, recording);
}

async function withFleet<Result>(
  { proxies, mode }: Case,
  server: XdsServer,
  certificates: BothSides | null,
  measure: (subject: Subject) => Promise<Result>,
): Promise<Result> {
  const port = server.xdsPort;
  const fleet = await FleetClient.start({
    port,
    proxies,
    mode,
    certificates: certificates?.proxy ?? null,
  });
  try {
    await fleet.arm();
    const startedMs = await fleet.connect(false);
    const firstSync = await fleet.settled(true);
    const firstSyncMs = firstSync.lastAckMs - startedMs;
    return await measure({ server, fleet, firstSyncMs, firstSync });
  } finally {
    await fleet.stop();
    await server.stop();
  }
}

/** The same server; before each change, what the one before it made the recorder get is put aside. */
function recording({ server, fleet }: Pick<Subject, 'server' | 'fleet'>, into: Uint8Array[]) {
  let changes = 0;
  return {
    ...server,
    change: async (edit: number) => {
      if (changes++ > 0) into.push(await fleet.recording());
      return await server.change(edit);
    },
  };
}
