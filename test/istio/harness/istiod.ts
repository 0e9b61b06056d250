/** A real istiod on a cluster of ours, on the node's address, with the rights that its manifest gives. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Child } from '../../../control-plane/cli/quickstart/child.ts';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { freePort } from '../../../control-plane/cli/quickstart/ports.ts';
import type { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import type { TestCluster } from '../../harness/kubernetes/cluster.ts';
import { until } from '../../harness/until.ts';
import type { NodeNetwork } from './pod-network.ts';
import { istioProgram } from './programs.ts';

export const ISTIOD = 'system:serviceaccount:istio-system:istiod';
const READY_TIMEOUT_MS = 60_000;

export interface IstiodAddresses {
  /** For proxies, with TLS. */
  readonly xds: string;
  /** For the API server's webhooks, on loopback. */
  readonly webhook: number;
  readonly debug: number;
  readonly monitoring: number;
}

export interface Istiod {
  readonly addresses: IstiodAddresses;
  /** What an Istio administrator asks it by: `/debug/syncz`. */
  readonly monitoringUrl: string;
  logs(): string;
  /** Ends it; proxies go on with what they have. */
  stopServing(): Promise<void>;
  /** Starts it again on the same addresses. */
  serveAgain(): Promise<void>;
}

export async function istiodAddresses(node: NodeNetwork): Promise<IstiodAddresses> {
  return {
    xds: `${node.address}:${await freePort()}`,
    webhook: await freePort(),
    debug: await freePort(),
    monitoring: await freePort(),
  };
}

export async function startIstiod(
  supervisor: Supervisor,
  cluster: TestCluster,
  addresses: IstiodAddresses,
): Promise<Istiod> {
  const folder = join(supervisor.folder, 'istiod');
  mkdirSync(folder, { recursive: true });
  const debugUrl = `http://127.0.0.1:${addresses.debug}`;
  const start = async (): Promise<Child> => {
    const child = supervisor.attempt(spec(cluster, folder, addresses));
    const isReady = async () => {
      if (child.hasExited)
        throw new Error(`istiod ended:\n${child.log.lines.slice(-20).join('\n')}`);
      const answer = await exchange({ url: `${debugUrl}/ready` }).catch(() => null);
      return answer?.status === 200;
    };
    await until('istiod is ready', isReady, READY_TIMEOUT_MS);
    return child;
  };
  let child = await start();
  return {
    addresses,
    monitoringUrl: `http://127.0.0.1:${addresses.monitoring}`,
    logs: () => child.log.lines.join('\n'),
    stopServing: () => supervisor.stopChild(child),
    serveAgain: async () => {
      child = await start();
    },
  };
}

function spec(cluster: TestCluster, folder: string, addresses: IstiodAddresses) {
  return {
    name: 'istiod',
    command: istioProgram('pilot-discovery'),
    args: [
      ...['discovery', '--kubeconfig', cluster.kubeconfig(ISTIOD), '--domain', 'cluster.local'],
      ...['--grpcAddr', '', '--secureGRPCAddr', addresses.xds],
      ...[
        '--httpAddr',
        `127.0.0.1:${addresses.debug}`,
        '--httpsAddr',
        `127.0.0.1:${addresses.webhook}`,
      ],
      ...['--monitoringAddr', `127.0.0.1:${addresses.monitoring}`, '--ctrlz_port', '0'],
      ...['--shutdownDuration', '1s'],
    ],
    // It reads and writes ./etc and ./var.
    cwd: folder,
    env: {
      // Without it the webhooks never get its certificate.
      REVISION: 'default',
      ISTIOD_CUSTOM_HOST: 'localhost',
      PILOT_CERT_PROVIDER: 'istiod',
      CLUSTER_ID: 'Kubernetes',
      POD_NAME: 'istiod-test',
      POD_NAMESPACE: 'istio-system',
      SERVICE_ACCOUNT: 'istiod',
      // What only Istio's build of Envoy has.
      PILOT_ENABLE_METADATA_EXCHANGE: 'false',
      PILOT_ENABLE_ALPN_FILTER: 'false',
      PILOT_DISABLE_MX_ALPN: 'true',
    },
  };
}
