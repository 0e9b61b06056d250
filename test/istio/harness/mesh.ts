/** A whole mesh for one test file: API server, controllers, istiod, and pods with sidecars that carry traffic. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { startCluster, type TestCluster } from '../../harness/kubernetes/cluster.ts';
import { until } from '../../harness/until.ts';
import { installIstio } from './installation.ts';
import { ISTIOD, type Istiod, istiodAddresses, startIstiod } from './istiod.ts';
import { request } from './pod-client.ts';
import { addNodeNetwork, type NodeNetwork, type PodNetwork } from './pod-network.ts';
import { startSidecar } from './sidecar.ts';
import {
  bootstrapOverride,
  createNamespace,
  createNode,
  createPod,
  type InjectedPod,
  rootCertificate,
  setRunning,
  tokenFor,
  type WorkloadSpec,
} from './workload.ts';

const READY_TIMEOUT_MS = 60_000;

export interface Workload {
  readonly pod: InjectedPod;
  readonly network: PodNetwork;
  /** Of the process that lets tests be its application. */
  readonly relayPath: string;
  /** Of the sidecar's Envoy. */
  admin(path: string): Promise<string>;
  sidecarLogs(): string;
  /** Of the sidecar's pilot-agent. */
  readonly sidecarPid: number;
}

export interface TestMesh {
  readonly node: NodeNetwork;
  readonly cluster: TestCluster;
  readonly istiod: Istiod;
  readonly supervisor: Supervisor;
  namespace(name: string, labels?: Readonly<Record<string, string>>): Promise<void>;
  /** A pod with a sidecar that is ready. `application` is a command that runs in its network. */
  add(spec: WorkloadSpec, application?: Application): Promise<Workload>;
  stop(): Promise<void>;
}

export interface Application {
  readonly command: string;
  readonly args: readonly string[];
  /** In a line of its output when it serves. */
  readonly readyLine: string;
}

export async function startMesh(): Promise<TestMesh> {
  const user = { name: ISTIOD, groups: ['system:serviceaccounts', 'system:authenticated'] };
  const cluster = await startCluster({ users: [user], controllers: true, audiences: ['istio-ca'] });
  const supervisor = new Supervisor();
  const stop = async () => {
    await supervisor.stop();
    await cluster.stop();
  };
  try {
    const node = await addNodeNetwork();
    const addresses = await istiodAddresses(node);
    await installIstio(cluster, addresses);
    await createNode(cluster);
    const istiod = await startIstiod(supervisor, cluster, addresses);
    return {
      node,
      cluster,
      istiod,
      supervisor,
      namespace: (name, labels = {}) =>
        createNamespace(cluster, name, { 'istio-injection': 'enabled', ...labels }),
      add: (spec, application) => addWorkload({ supervisor, cluster, node }, spec, application),
      stop,
    };
  } catch (error) {
    const logs = supervisor.children.flatMap((child) => child.log.lines.slice(-20));
    await stop();
    throw new Error(`no mesh: ${error}\n${logs.join('\n')}`, { cause: error });
  }
}

async function addWorkload(
  { supervisor, cluster, node }: Pick<TestMesh, 'supervisor' | 'cluster' | 'node'>,
  spec: WorkloadSpec,
  application: Application | undefined,
): Promise<Workload> {
  const pod = await createPod(cluster, spec);
  const network = await node.addPod(supervisor, spec.name);
  if (application !== undefined) {
    const child = supervisor.start({
      name: spec.name,
      ...network.command(application.command, application.args),
    });
    const isReady = (line: string) => line.includes(application.readyLine) || undefined;
    await child.waitForLine(isReady, READY_TIMEOUT_MS);
  }
  // istiod knows a proxy's pod by its address.
  await setRunning(cluster, pod, network.address);
  const sidecar = await startSidecar(supervisor, pod, network, {
    token: await tokenFor(cluster, pod),
    rootCertificate: await rootCertificate(cluster, spec.namespace),
    workers: spec.workers ?? 1,
    bootstrapOverride: await bootstrapOverride(cluster, pod),
  });
  const relayPath = await startRelay(supervisor, network, spec.name);
  const isReady = async () => {
    if (sidecar.hasExited) throw new Error(sidecar.log.lines.slice(-30).join('\n'));
    const url = `http://${network.address}:15021/healthz/ready`;
    return (await exchange({ url }).catch(() => null))?.status === 200;
  };
  try {
    await until(`the sidecar of ${spec.name} is ready`, isReady, READY_TIMEOUT_MS);
  } catch (error) {
    throw new Error(`${error}\n${sidecar.log.lines.slice(-40).join('\n')}`);
  }
  return {
    pod,
    network,
    relayPath,
    admin: async (path) => {
      const answer = await request(relayPath, { host: '127.0.0.1', port: 15000, path });
      return answer.body.toString();
    },
    sidecarLogs: () => sidecar.log.lines.join('\n'),
    sidecarPid: sidecar.pid,
  };
}

async function startRelay(
  supervisor: Supervisor,
  network: PodNetwork,
  name: string,
): Promise<string> {
  const path = join(supervisor.folder, `${randomUUID().slice(0, 8)}.socket`);
  const file = fileURLToPath(new URL('relay.ts', import.meta.url));
  const child = supervisor.start({
    name: `relay of ${name}`,
    ...network.command(process.execPath, [file, path]),
  });
  await child.waitForLine((line) => line.includes('ready') || undefined, READY_TIMEOUT_MS);
  return path;
}
