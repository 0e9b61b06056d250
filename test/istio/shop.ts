/**
 * The mesh of the cases: a client and an application `models.shop` of its own that knows nothing of models, two
 * model servers in `ml`, everything over STRICT mTLS, and our control plane beside istiod.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modelRepository, repositoryRoot } from '../../control-plane/cli/quickstart/places.ts';
import { freePort } from '../../control-plane/cli/quickstart/ports.ts';
import type { ObjectName } from '../harness/kubernetes/cluster.ts';
import { startControlPlane, type TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { backend, route } from '../kubernetes/objects.ts';
import { type Application, startMesh, type TestMesh, type Workload } from './harness/mesh.ts';
import { type PodAnswer, type PodRequest, request } from './harness/pod-client.ts';
import { underTraffic } from './harness/traffic.ts';

export const INJECT = { 'modelweir.dev/inject': 'true' };

export interface Shop {
  readonly mesh: TestMesh;
  readonly client: Workload;
  readonly stable: Workload;
  /** Where the client finds a Service of the mesh, by its name and namespace: `models.shop`. */
  address(host: string): string;
  /** Asks as an application does that knows a host's name. */
  ask(call: Call): Promise<PodAnswer>;
  /** The request itself, for whoever sends it otherwise. */
  requestFor(call: Call): PodRequest;
  /** Requests for embeddings flow from before the change until after it, and none of them fails. */
  underTraffic(change: () => Promise<void>): Promise<number>;
  /** `serve --istio MODE`, where sidecars can fetch modules. */
  control(args?: readonly string[]): Promise<TestControlPlane>;
  stop(): Promise<void>;
}

export interface Call {
  /** `models.shop`. */
  readonly host: string;
  readonly path: string;
  readonly body: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `prepare` comes before the first pod. */
export async function startShop(
  prepare: (mesh: TestMesh) => Promise<void> = () => Promise.resolve(),
): Promise<Shop> {
  const mesh = await startMesh();
  try {
    const addresses = await createServices(mesh);
    await prepare(mesh);
    const [stable, , , client] = await Promise.all([
      mesh.add(modelPod('stable'), modelServer(['digits-stable', 'tiny-embed'])),
      mesh.add(modelPod('canary'), modelServer(['digits-canary', 'tiny-embed'])),
      mesh.add({ namespace: 'shop', name: 'models', labels: { app: 'models' } }, echo('models')),
      mesh.add({ namespace: 'shop', name: 'client' }),
    ]);
    const modulePort = await freePort();
    const address = (host: string) => addresses.get(host) ?? '';
    const requestFor = ({ host, path, body, headers = {} }: Call): PodRequest => ({
      host: address(host),
      port: 80,
      path,
      method: 'POST',
      headers: { host, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return {
      mesh,
      client,
      stable,
      address,
      requestFor,
      underTraffic: (change) => underTraffic(client.relayPath, () => requestFor(EMBEDDING), change),
      ask: (call) => request(client.relayPath, requestFor(call)),
      control: (args = ['--istio', 'native']) =>
        startControlPlane(mesh.cluster, [
          ...['--host', '0.0.0.0', '--plaintext', '--module-source', 'http'],
          ...['--module-port', `${modulePort}`],
          ...['--module-url', `http://${mesh.node.address}:${modulePort}`],
          ...['--istiod-url', mesh.istiod.monitoringUrl],
          ...args,
        ]),
      stop: () => mesh.stop(),
    };
  } catch (error) {
    await mesh.stop();
    throw error;
  }
}

async function createServices(mesh: TestMesh): Promise<ReadonlyMap<string, string>> {
  const rights = join(repositoryRoot, 'deploy/rbac-istio.yaml');
  await mesh.cluster.createAll(readFileSync(rights, 'utf8'));
  await mesh.namespace('shop', INJECT);
  await mesh.namespace('ml', INJECT);
  await mesh.cluster.create(strictTls());
  const services = [
    service('shop', 'models', { app: 'models' }),
    service('ml', 'digits', { serves: 'digits' }),
    service('ml', 'stable', { app: 'stable' }),
    service('ml', 'canary', { app: 'canary' }),
  ];
  const addresses = new Map<string, string>();
  for (const one of services) {
    const { metadata, spec } = (await mesh.cluster.create(one)) as typeof one & {
      spec: { clusterIP: string };
    };
    addresses.set(`${metadata.name}.${metadata.namespace}`, spec.clusterIP);
  }
  return addresses;
}

function strictTls(): ObjectName & object {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { namespace: 'istio-system', name: 'default' },
    spec: { mtls: { mode: 'STRICT' } },
  } as ObjectName;
}

function service(namespace: string, name: string, selector: Readonly<Record<string, string>>) {
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: { selector, ports },
  };
}

function modelPod(name: string) {
  return { namespace: 'ml', name, labels: { app: name, serves: 'digits' } };
}

function modelServer(models: readonly string[]): Application {
  return {
    command: process.execPath,
    args: [
      `${repositoryRoot}/inference/start.mjs`,
      ...['--repository', modelRepository, '--models', models.join(',')],
      ...['--host', '0.0.0.0', '--port', '8080'],
    ],
    readyLine: '"port":8080',
  };
}

function echo(name: string): Application {
  const file = fileURLToPath(new URL('harness/echo-server.ts', import.meta.url));
  return { command: process.execPath, args: [file, name, '8080'], readyLine: 'echo is ready' };
}

/** Backends and routes of the shop: embeddings by `models.shop`, digits by `digits.ml`. */
export function ourBackends() {
  const of = (name: string) => ({ endpoints: undefined, service: { name, port: 'http' } });
  return ['stable', 'canary'].flatMap((name) => [
    backend(`digits-${name}`, { ...of(name), model: { name: `digits-${name}` } }, 'ml'),
    backend(
      `embed-${name}`,
      { ...of(name), protocol: 'OpenAI', model: { name: 'tiny-embed' } },
      'ml',
    ),
  ]);
}

export function embedRoute(stable: number, canary: number) {
  return splitRoute('embed', ['models.shop'], stable, canary, {});
}

export function digitsRoute(stable: number, canary: number) {
  const batching = { maxRows: 32, maxDelayMs: 100 };
  return splitRoute('digits', ['digits.ml'], stable, canary, { batching });
}

function splitRoute(
  name: string,
  hostnames: readonly string[],
  stable: number,
  canary: number,
  spec: object,
) {
  const variant = (of: string, weight: number) => {
    return { name: of, backendRef: { name: `${name}-${of}` }, weight };
  };
  return route(
    name,
    {
      models: [{ name }],
      hostnames,
      variants: [variant('stable', stable), variant('canary', canary)],
      sticky: { header: 'x-user' },
      variantHeader: true,
      ...spec,
    },
    'ml',
  );
}

export const EMBEDDING: Call = {
  host: 'models.shop',
  path: '/v1/embeddings',
  body: { model: 'embed', input: ['a ship sails'] },
};

export const DIGIT: Call = {
  host: 'digits.ml',
  path: '/v2/models/digits/infer',
  body: {
    inputs: [
      {
        name: 'pixels',
        shape: [1, 64],
        datatype: 'FP32',
        data: Array.from({ length: 64 }, (_, index) => index % 16),
      },
    ],
  },
};
