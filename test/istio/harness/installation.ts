/** Istio's own objects in a cluster, as `istioctl manifest generate` makes them, less what needs containers. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { type ObjectName, objectsOf, type TestCluster } from '../../harness/kubernetes/cluster.ts';
import { until } from '../../harness/until.ts';
import type { IstiodAddresses } from './istiod.ts';
import { istioProgram } from './programs.ts';

const execute = promisify(execFile);
/** Nothing here runs containers, and istiod runs beside the cluster. */
const LEFT_OUT = new Set(['Deployment', 'HorizontalPodAutoscaler', 'PodDisruptionBudget']);
const MANIFEST_LIMIT_BYTES = 64 * 1024 * 1024;

interface Webhooks extends ObjectName {
  readonly webhooks: readonly { clientConfig: WebhookClient }[];
}

interface WebhookClient {
  url?: string;
  service?: { readonly path: string };
}

export async function installIstio(
  cluster: TestCluster,
  addresses: IstiodAddresses,
): Promise<void> {
  await cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } });
  const objects = objectsOf(await manifest()).filter((object) => isWanted(object));
  const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
  for (const object of objects) {
    if (object.kind.endsWith('WebhookConfiguration')) aim(object as Webhooks, addresses);
    if (object.kind === 'ConfigMap' && object.metadata.name === 'istio') {
      setMesh(object as MeshSettings, addresses);
    }
    await cluster.create(object);
  }
  for (const definition of definitions) {
    await until(`${definition.metadata.name} is served`, () => isEstablished(cluster, definition));
  }
}

function isWanted(object: ObjectName | null): object is ObjectName {
  return object !== null && !LEFT_OUT.has(object.kind);
}

async function manifest(): Promise<string> {
  const args = ['manifest', 'generate', '--set', 'profile=minimal'];
  const { stdout } = await execute(istioProgram('istioctl'), args, {
    maxBuffer: MANIFEST_LIMIT_BYTES,
  });
  return stdout;
}

interface MeshSettings extends ObjectName {
  readonly data: { mesh: string };
}

function setMesh({ data }: MeshSettings, addresses: IstiodAddresses): void {
  const mesh = parse(data.mesh);
  mesh.defaultConfig.discoveryAddress = addresses.xds;
  // Its filter is only in Istio's build of Envoy.
  mesh.defaultProviders = {};
  data.mesh = stringify(mesh);
}

/** The API server cannot reach a Service's address: it asks istiod by URL. */
function aim({ webhooks }: Webhooks, addresses: IstiodAddresses): void {
  for (const { clientConfig } of webhooks) {
    clientConfig.url = `https://localhost:${addresses.webhook}${clientConfig.service?.path ?? ''}`;
    delete clientConfig.service;
  }
}

interface Definition {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

async function isEstablished(cluster: TestCluster, definition: ObjectName): Promise<boolean> {
  const { status } = await cluster.get<Definition>(definition);
  return (status?.conditions ?? []).some(
    ({ type, status: is }) => type === 'Established' && is === 'True',
  );
}
