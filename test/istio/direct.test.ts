/**
 * The direct mode: pods that Istio's injector and ours have both changed, real agents that merge our bootstrap
 * into theirs, and sidecars that ask our control plane over mTLS with the certificates of the mesh.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { repositoryRoot } from '../../control-plane/cli/quickstart/places.ts';
import { freePort } from '../../control-plane/cli/quickstart/ports.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { startControlPlane, type TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { until } from '../harness/until.ts';
import { conditions } from '../kubernetes/conditions.ts';
import { webhookObjects } from '../kubernetes/injection/scene.ts';
import type { TestMesh } from './harness/mesh.ts';
import { request } from './harness/pod-client.ts';
import { proxyContainer } from './harness/sidecar.ts';
import { startTraffic } from './harness/traffic.ts';
import { rootCertificate } from './harness/workload.ts';
import {
  DIGIT,
  digitsRoute,
  EMBEDDING,
  embedRoute,
  ourBackends,
  type Shop,
  startShop,
} from './shop.ts';

const SERVER_NAME = 'modelweir.test';
const IDENTITY = 'spiffe://cluster.local/ns/{namespace}/sa/*';
const OVERRIDE = 'sidecar.istio.io/bootstrapOverride';
const VARIANT = 'x-modelweir-variant';

let folder: string;
let shop: Shop;
let args: readonly string[];
let controlPlane: TestControlPlane;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelweir-'));
  shop = await startShop(prepare);
  const routes = [embedRoute(100, 0), digitsRoute(100, 0)];
  for (const object of [...ourBackends(), ...routes]) await shop.mesh.cluster.create(object);
  await until('requests go where their model is', async () => (await variant()) === 'stable');
});

after(async () => {
  await shop?.stop();
  await controlPlane?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Our control plane and its webhook are there, and namespaces have their ConfigMap, before pods come. */
async function prepare(mesh: TestMesh): Promise<void> {
  const rights = readFileSync(join(repositoryRoot, 'deploy/rbac-istio-direct.yaml'), 'utf8');
  await mesh.cluster.createAll(rights);
  const ports = { xds: await freePort(), inject: await freePort(), modules: await freePort() };
  for (const object of webhookObjects(ports.inject)) await mesh.cluster.create(object);
  args = await serveArguments(mesh, ports);
  controlPlane = await startControlPlane(mesh.cluster, args);
  const isReady = async () => (await fetch(`${controlPlane.statusUrl}/readyz`)).status === 200;
  await until('it is ready', isReady);
  for (const namespace of ['shop', 'ml']) {
    const metadata = { namespace, name: 'modelweir-bootstrap' };
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
    const isThere = () => mesh.cluster.get(ref).then(Boolean, () => false);
    await until(`${namespace} has its ConfigMap`, isThere);
  }
  await until('the webhook is trusted', async () => {
    const { webhooks } = await mesh.cluster.get<{
      webhooks: { clientConfig: { caBundle?: string } }[];
    }>({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: '0-modelweir-injector' },
    });
    return webhooks.every(({ clientConfig }) => clientConfig.caBundle !== undefined);
  });
}

async function serveArguments(
  { node, cluster }: TestMesh,
  ports: { readonly xds: number; readonly inject: number; readonly modules: number },
): Promise<string[]> {
  const authority = await makeAuthority('control plane');
  const { certificate, key } = await authority.issue([SERVER_NAME]);
  const files = {
    'server.pem': certificate,
    'server.key': key,
    'authority.pem': authority.certificate,
    'mesh.pem': await rootCertificate(cluster, 'shop'),
    'access.yaml': JSON.stringify([{ identity: IDENTITY }]),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const file = (name: string) => join(folder, name);
  return [
    ...['--istio', 'direct', '--host', '0.0.0.0', '--xds-port', `${ports.xds}`],
    ...['--tls-cert', file('server.pem'), '--tls-key', file('server.key')],
    ...['--tls-client-ca', file('mesh.pem'), '--proxy-access', file('access.yaml')],
    ...['--proxy-xds', `${node.address}:${ports.xds}`, '--proxy-server-name', SERVER_NAME],
    ...['--proxy-authority', file('authority.pem')],
    ...['--module-source', 'http', '--module-port', `${ports.modules}`],
    ...['--module-url', `http://${node.address}:${ports.modules}`],
    ...['--inject-port', `${ports.inject}`, '--inject-name', '127.0.0.1'],
  ];
}

async function variant(): Promise<string> {
  const { headers } = await shop.ask(EMBEDDING);
  return String(headers[VARIANT] ?? '');
}

test('a pod comes back injected by Istio, and told of our bootstrap by us before that', () => {
  const { pod } = shop.client;
  assert.equal(pod.metadata.annotations?.[OVERRIDE], 'modelweir-bootstrap');
  const env = proxyContainer(pod).env ?? [];
  assert.ok(env.some(({ name }) => name === 'ISTIO_BOOTSTRAP_OVERRIDE'));
  assert.ok(pod.spec.volumes?.some(({ name }) => name === 'custom-bootstrap-volume'));
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  assert.ok(!containers.some(({ name }) => name === 'modelweir-proxy'));
});

test('its sidecar asks us, for what is of its namespace, and no object has a configuration', async () => {
  const { proxies } = await controlPlane.report();
  const pods = proxies.map(({ nodeId }) => nodeId.split('~')[2]).toSorted();
  assert.deepEqual(pods, ['canary.ml', 'client.shop', 'models.shop', 'stable.ml']);
  const { items } = await shop.mesh.cluster.api.send<{ items: object[] }>({
    path: '/apis/networking.istio.io/v1alpha3/envoyfilters',
  });
  assert.ok(items.length > 0);
  assert.doesNotMatch(JSON.stringify(items), /EXTENSION_CONFIG/);
});

test('requests are joined in front of their model, over the mTLS of the mesh', async () => {
  await until('requests are joined', async () => {
    const ask = () => shop.ask({ ...DIGIT, headers: { 'x-user': 'somebody' } });
    const answers = await Promise.all(Array.from({ length: 8 }, ask));
    return answers.some(({ headers }) => Number(headers['x-modelweir-batch-size']) > 1);
  });
});

test('weights are served from us, and no listener changes', async () => {
  const changes = () =>
    shop.client.admin('/stats?filter=listener_manager.listener_(added|modified)');
  const before = await changes();
  for (const [stable, canary, name] of [
    [0, 100, 'canary'],
    [100, 0, 'stable'],
  ] as const) {
    await shop.mesh.cluster.put(embedRoute(stable, canary));
    await until(`${name} serves`, async () => (await variant()) === name);
  }
  assert.equal(await changes(), before);
});

test('the routes say that the proxies have them', async () => {
  await until('they are programmed', async () => {
    const { Programmed } = await conditions(shop.mesh.cluster, embedRoute(100, 0));
    return Programmed?.status === 'True';
  });
});

test('a sidecar without our bootstrap is left as it is, and takes every listener', async () => {
  const labels = { 'modelweir.dev/inject': 'false' };
  const other = await shop.mesh.add({ namespace: 'shop', name: 'other', labels });
  assert.equal(other.pod.metadata.annotations?.[OVERRIDE], undefined);
  const answer = await request(other.relayPath, shop.requestFor(EMBEDDING));
  assert.equal(JSON.parse(answer.body.toString()).name, 'models');
  const stats = await other.admin('/stats?filter=update_rejected|listener_create_failure');
  assert.doesNotMatch(stats, /: [1-9]/);
});

test('our control plane is restarted under traffic', async () => {
  const traffic = startTraffic(shop.client.relayPath, () => shop.requestFor(EMBEDDING));
  await controlPlane.stop();
  controlPlane = await startControlPlane(shop.mesh.cluster, args);
  await until('all are back', async () => (await controlPlane.report()).proxies.length === 4);
  await shop.mesh.cluster.put(embedRoute(0, 100));
  await until('canary serves', async () => (await variant()) === 'canary', 60_000);
  await traffic.stop();
  assert.deepEqual(traffic.failures, []);
});
