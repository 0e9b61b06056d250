/**
 * A real mesh of Istio's: one server, known by several names, and two clients that differ in nothing but the
 * label of their namespaces, so one has our filters and the other has not.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import { freePort } from '../../../control-plane/cli/quickstart/ports.ts';
import {
  startControlPlane,
  type TestControlPlane,
} from '../../harness/kubernetes/control-plane.ts';
import { until } from '../../harness/until.ts';
import { startMesh, type TestMesh, type Workload } from '../../istio/harness/mesh.ts';
import { type PodAnswer, podAgent, request } from '../../istio/harness/pod-client.ts';
import { backend, route } from '../../kubernetes/objects.ts';
import { chatBody } from './chat-body.ts';

/** The host of models, and one that is none. */
export const MODELS = 'models.shop';
export const ORDERS = 'orders.shop';
export const PATH = '/v1/chat/completions';
export const VARIANT = 'x-modelweir-variant';

const INJECT = { 'modelweir.dev/inject': 'true' };
/** Where we run our own proxies, and what the target is for. */
const WORKERS = 2;
const READY_TIMEOUT_MS = 60_000;

export type Mode = 'native' | 'direct';
export type Variant = 'stable' | 'canary';

export interface Scene {
  readonly mesh: TestMesh;
  /** Has our filters, while a control plane of ours has them. */
  readonly client: Workload;
  readonly plain: Workload;
  /** Of a Service. */
  address(host: string): string;
  /** Settles when the client's requests are routed. */
  control(mode: Mode): Promise<TestControlPlane>;
  /** Gives all traffic to one variant, or each a half. */
  setWeights(stable: number, canary: number): Promise<void>;
  /** By the client, over one connection that it keeps. */
  ask(): Promise<PodAnswer>;
  stop(): Promise<void>;
}

export async function startScene(): Promise<Scene> {
  const mesh = await startMesh();
  try {
    return await build(mesh);
  } catch (error) {
    await mesh.stop();
    throw error;
  }
}

async function build(mesh: TestMesh): Promise<Scene> {
  const addresses = await createServices(mesh);
  const [, client, plain] = await Promise.all([
    mesh.add({ namespace: 'shop', name: 'server', labels: { app: 'server' } }, server()),
    mesh.add({ namespace: 'shop', name: 'client', workers: WORKERS }),
    mesh.add({ namespace: 'plain', name: 'client-without', workers: WORKERS }),
  ]);
  const agent = podAgent(client.relayPath, true);
  const ask = () =>
    request(
      client.relayPath,
      {
        host: addresses.get(MODELS) ?? '',
        port: 80,
        path: PATH,
        method: 'POST',
        headers: { host: MODELS, 'content-type': 'application/json' },
        body: chatBody(0),
      },
      agent,
    );
  const setWeights = async (stable: number, canary: number): Promise<void> => {
    await mesh.cluster.put(chatRoute(stable, canary));
  };
  return {
    mesh,
    client,
    plain,
    ask,
    setWeights,
    address: (host) => addresses.get(host) ?? '',
    control: async (mode) => {
      const controlPlane = await startControlPlane(mesh.cluster, await argsOf(mesh, mode));
      const isRouted = async () => (await ask()).headers[VARIANT] !== undefined;
      await until('requests are routed', isRouted, READY_TIMEOUT_MS);
      return controlPlane;
    },
    stop: async () => {
      agent.destroy();
      await mesh.stop();
    },
  };
}

async function argsOf({ node, istiod }: TestMesh, mode: Mode): Promise<string[]> {
  const common = ['--host', '0.0.0.0', '--plaintext', '--istiod-url', istiod.monitoringUrl];
  const port = await freePort();
  if (mode === 'direct') {
    const target = ['--xds-port', `${port}`, '--xds-target', `${node.address}:${port}`];
    return [...common, '--istio', mode, '--module-source', 'file', ...target];
  }
  const modules = ['--module-source', 'http', '--module-port', `${port}`];
  const url = ['--module-url', `http://${node.address}:${port}`];
  return [...common, '--istio', mode, ...modules, ...url];
}

async function createServices({ cluster, namespace }: TestMesh) {
  await cluster.createAll(readFileSync(join(repositoryRoot, 'deploy/rbac-istio.yaml'), 'utf8'));
  await namespace('shop', INJECT);
  await namespace('plain');
  await cluster.create(strictTls());
  const addresses = new Map<string, string>();
  for (const name of ['models', 'orders', 'stable', 'canary']) {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'shop', name },
      spec: {
        selector: { app: 'server' },
        ports: [{ name: 'http', port: 80, targetPort: 8080 }],
        clusterIP: undefined as string | undefined,
      },
    };
    const created = (await cluster.create(service)) as typeof service;
    addresses.set(`${name}.shop`, created.spec.clusterIP ?? '');
  }
  for (const name of ['stable', 'canary']) {
    const model = { name: `chat-${name}` };
    const spec = {
      endpoints: undefined,
      service: { name, port: 'http' },
      protocol: 'OpenAI',
      model,
    };
    await cluster.create(backend(name, spec, 'shop'));
  }
  await cluster.create(chatRoute(50, 50));
  return addresses;
}

function strictTls() {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { namespace: 'istio-system', name: 'default' },
    spec: { mtls: { mode: 'STRICT' } },
  };
}

/** Splits by user and gives each variant its own name of the model, so that nothing is left out. */
function chatRoute(stable: number, canary: number) {
  const variant = (name: Variant, weight: number) => ({ name, backendRef: { name }, weight });
  const spec = {
    models: [{ name: 'chat' }],
    hostnames: [MODELS],
    variants: [variant('stable', stable), variant('canary', canary)],
    sticky: { header: 'x-user' },
  };
  return route('chat', spec, 'shop');
}

function server() {
  const file = fileURLToPath(new URL('answer-server.ts', import.meta.url));
  return { command: process.execPath, args: [file, '8080'], readyLine: 'server is ready' };
}
