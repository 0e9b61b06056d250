/** Pods, as a kubelet would leave them in the API, and what they need around them. */
import type { ObjectName, TestCluster } from '../../harness/kubernetes/cluster.ts';
import { pathOf } from '../../harness/kubernetes/cluster.ts';
import { until } from '../../harness/until.ts';

export const NODE = 'node-of-test';

export interface WorkloadSpec {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of its sidecar's Envoy. Default 1. */
  readonly workers?: number;
}

export interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
  }[];
}

/** What came back from the API server. */
export interface InjectedPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly nodeName: string;
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
    readonly volumes?: readonly { readonly name: string }[];
  };
}

export async function createNode(cluster: TestCluster): Promise<void> {
  await cluster.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: NODE } });
}

export async function createNamespace(
  cluster: TestCluster,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  await cluster.create({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels },
  } as ObjectName);
}

/** With a service account of the same name, which is what it may be called by in policies. */
export async function createPod(cluster: TestCluster, spec: WorkloadSpec): Promise<InjectedPod> {
  const { namespace, name, labels = {}, annotations = {} } = spec;
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } };
  await cluster.put(account);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels, annotations },
    spec: {
      serviceAccountName: name,
      nodeName: NODE,
      containers: [{ name: 'application', image: 'application' }],
    },
  };
  return (await cluster.create(pod)) as InjectedPod;
}

export async function setRunning(
  cluster: TestCluster,
  { metadata: { namespace, name } }: InjectedPod,
  address: string,
): Promise<void> {
  const ref = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name } };
  const types = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'];
  const status = {
    phase: 'Running',
    podIP: address,
    podIPs: [{ ip: address }],
    conditions: types.map((type) => ({ type, status: 'True' })),
  };
  await cluster.api.send({
    method: 'PATCH',
    path: `${pathOf(ref, name)}/status`,
    contentType: 'application/merge-patch+json',
    body: { status },
  });
}

/** For istiod, which asks the API server whose it is. */
export async function tokenFor(
  cluster: TestCluster,
  { metadata: { namespace }, spec }: InjectedPod,
): Promise<string> {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: '' } };
  const answer = await cluster.api.send<{ status: { token: string } }>({
    method: 'POST',
    path: `${pathOf(account as ObjectName, spec.serviceAccountName)}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: ['istio-ca'], expirationSeconds: 43_200 },
    },
  });
  return answer.status.token;
}

/** istiod writes it into every namespace. */
export async function rootCertificate(cluster: TestCluster, namespace: string): Promise<string> {
  const metadata = { namespace, name: 'istio-ca-root-cert' };
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
  let found: string | undefined;
  await until(`${namespace} has istiod's certificate`, async () => {
    const map = await cluster.get<{ data?: Record<string, string> }>(ref).catch(() => null);
    found = map?.data?.['root-cert.pem'];
    return found !== undefined;
  });
  return found ?? '';
}

const OVERRIDE = 'sidecar.istio.io/bootstrapOverride';

/** What a pod's sidecar adds to its bootstrap, from the ConfigMap that it names; null: nothing. */
export async function bootstrapOverride(
  cluster: TestCluster,
  { metadata: { namespace, annotations = {} } }: InjectedPod,
): Promise<string | null> {
  const name = annotations[OVERRIDE];
  if (name === undefined) return null;
  const metadata = { namespace, name };
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
  const { data } = await cluster.get<{ data: Record<string, string> }>(ref);
  return data['custom_bootstrap.json'] ?? null;
}
