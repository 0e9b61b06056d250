/** `modelweir check`: what a cluster has of what the control plane needs, and what to do about the rest. */
import { Command } from 'commander';
import { KubeError } from '../../kube/api.ts';
import { CommandFailure } from '../failure.ts';
import type { Finding } from './finding.ts';

interface Options {
  readonly kubeconfig: string | undefined;
  readonly serviceAccount: string | undefined;
  readonly leaseNamespace: string;
  readonly istioNamespace: string;
  readonly json: boolean;
}

export function checkCommand(): Command {
  return new Command('check')
    .description(
      'Looks at a cluster: versions, kinds, rights, Istio, webhook. Exit code 1: there are problems; 2: no cluster.',
    )
    .option('--kubeconfig <file>', 'how to reach it (default: KUBECONFIG, then that of the pod)')
    .option(
      '--service-account <namespace/name>',
      'whose rights are looked at (default: those of who asks)',
    )
    .option('--lease-namespace <name>', 'where replicas agree who writes', 'modelweir-system')
    .option('--istio-namespace <name>', "Istio's root namespace, where istiod is", 'istio-system')
    .option('--json', 'print a list of findings as JSON', false)
    .action(check);
}

async function check(options: Options): Promise<void> {
  const findings = await lookAt(options);
  if (options.json) console.log(JSON.stringify(findings, null, 2));
  else for (const finding of findings) console.log(line(finding));
  const problems = findings.filter(({ level }) => level === 'problem').length;
  if (problems > 0) {
    throw new CommandFailure(`${problems} problem${problems === 1 ? '' : 's'}`, 1);
  }
}

async function lookAt(options: Options): Promise<Finding[]> {
  const { serviceAccount = null, leaseNamespace, istioNamespace, kubeconfig } = options;
  const { connectKube } = await import('../../kube/connect.ts');
  const { LEASE_NAME } = await import('../../kube/adapter.ts');
  const { controlPlaneRights, istioRights } = await import('../../kube/rights.ts');
  const { versionFinding, definitionsFinding, leaderFinding } = await import('./cluster-checks.ts');
  const { rightsFindings } = await import('./rights-checks.ts');
  const { istioState } = await import('./istio-checks.ts');
  const { webhookFindings } = await import('./webhook-checks.ts');
  try {
    const api = await connectKube(kubeconfig);
    const lease = { leaseNamespace, leaseName: LEASE_NAME };
    const rights = (about: string, of: ReturnType<typeof istioRights>, file: string) =>
      rightsFindings(api, about, of, { serviceAccount, fix: `kubectl apply -f deploy/${file}` });
    try {
      const istio = await istioState(api, istioNamespace);
      return [
        await versionFinding(api),
        await definitionsFinding(api),
        ...(await rights('rights', controlPlaneRights(lease), 'rbac.yaml')),
        await leaderFinding(api, leaseNamespace, LEASE_NAME),
        ...istio.findings,
        ...(istio.isInstalled
          ? await rights('rights for Istio', istioRights(), 'rbac-istio.yaml')
          : []),
        ...(await webhookFindings(api)),
      ];
    } finally {
      api.close();
    }
  } catch (error) {
    const { message } = error as Error;
    const what = error instanceof KubeError ? `the API server says: ${message}` : message;
    throw new CommandFailure(`the cluster cannot be looked at (${what}): see --kubeconfig`, 2);
  }
}

const MARKS = { ok: 'ok      ', note: 'note    ', problem: 'PROBLEM ' } as const;

function line({ about, level, message, fix }: Finding): string {
  const todo = fix === undefined ? '' : `\n          ${fix}`;
  return `${MARKS[level]}${about}: ${message}${todo}`;
}
