/** `modelweir uninstall`: takes away what the control plane has written into a cluster, under traffic. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { IstioReport } from '../istio/live/report.ts';
import type { KubeApi } from '../kube/api.ts';
import { CommandFailure } from './failure.ts';
import { wholeNumber } from './options.ts';

interface Options {
  readonly istio: boolean;
  readonly kubeconfig: string | undefined;
  readonly leaseNamespace: string;
  readonly settleSeconds: number;
  readonly timeoutSeconds: number;
}

const POLL_MS = 200;

export function uninstallCommand(): Command {
  return new Command('uninstall')
    .description(
      "Takes Istio's objects that the control plane wrote away: filters first, then routes. Traffic goes on.",
    )
    .option('--istio', "Istio's objects", false)
    .option('--kubeconfig <file>', 'how to reach it (default: KUBECONFIG, then that of the pod)')
    .option('--lease-namespace <name>', 'where replicas agree who writes', 'modelweir-system')
    .option(
      '--settle-seconds <seconds>',
      'how long proxies get to take up a step before the next one',
      wholeNumber(1, 600),
      5,
    )
    .option('--timeout-seconds <seconds>', 'gives up after so long', wholeNumber(1, 3600), 120)
    .action(uninstall);
}

async function uninstall(options: Options): Promise<void> {
  if (!options.istio) throw new CommandFailure('say what is to go: give --istio', 2);
  const { connectKube } = await import('../kube/connect.ts');
  const api = await connectKube(options.kubeconfig).catch((error: Error) => {
    throw new CommandFailure(`no cluster (${error.message}): see --kubeconfig`, 2);
  });
  try {
    const count = await remove(api, options);
    console.log(`nothing of ours is left: ${count} objects are gone`);
  } finally {
    api.close();
  }
}

/** How many there were. */
async function remove(api: KubeApi, options: Options): Promise<number> {
  const { pino } = await import('pino');
  const { IstioMesh } = await import('../istio/live/istio-mesh.ts');
  const logger = pino({ level: 'silent' });
  const mesh = new IstioMesh({
    settings: { mode: 'off', revision: null, rootNamespace: '', clusterDomain: '' },
    translate: () => ({ objects: [], kept: [], problems: [] }),
    istiod: null,
    logger,
    writer: { settleMs: options.settleSeconds * 1000 },
  });
  const deadlineMs = performance.now() + options.timeoutSeconds * 1000;
  const election = await leadership(api, options, (isLeading) => mesh.lead(isLeading));
  mesh.attach(api);
  mesh.offer({ listeners: [], routes: [], targets: [], services: [], secrets: [] });
  let most = 0;
  try {
    for (;;) {
      const report = mesh.report();
      most = Math.max(most, report.owned);
      if (report.done) return most;
      if (performance.now() > deadlineMs) throw new CommandFailure(unfinished(report, options), 1);
      await sleep(POLL_MS);
    }
  } finally {
    await election?.close();
    await mesh.close();
  }
}

function unfinished({ leading, owned, failures }: IstioReport, options: Options): string {
  const { timeoutSeconds, leaseNamespace } = options;
  if (!leading) {
    return (
      `a control plane leads in ${leaseNamespace} and would write the objects again: stop it, or run it with ` +
      '--istio off, which takes them away, too'
    );
  }
  const reasons = failures.length > 0 ? `: ${failures.join('; ')}` : '';
  return `${owned} objects are left after ${timeoutSeconds} s${reasons}`;
}

/** Only who leads may write. Null: there is nothing to lead, for no control plane ever ran. */
async function leadership(
  api: KubeApi,
  { leaseNamespace }: Options,
  listener: (isLeading: boolean) => void,
) {
  const { LEASE_NAME } = await import('../kube/adapter.ts');
  const { LEADER_DEFAULTS, LeaderElection } = await import('../kube/leader.ts');
  const { ask } = await import('./check/asking.ts');
  const path = `/apis/coordination.k8s.io/v1/namespaces/${leaseNamespace}/leases/${LEASE_NAME}`;
  if ((await ask(api, path)) === 'absent') {
    listener(true);
    return null;
  }
  const identity = `uninstall_${process.pid}_${Date.now()}`;
  const lease = { namespace: leaseNamespace, name: LEASE_NAME, identity, ...LEADER_DEFAULTS };
  const election = new LeaderElection(api, lease, listener);
  election.start();
  return election;
}
