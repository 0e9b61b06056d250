/** `serve --kubernetes --istio` as a process of its own, with the rights that it has in a cluster. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCluster, type TestCluster } from '../harness/kubernetes/cluster.ts';
import { startControlPlane, type TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { installIstioDefinitions } from '../harness/kubernetes/istio-definitions.ts';
import { until } from '../harness/until.ts';
import { conditions, untilCondition } from './conditions.ts';
import { namespace } from './istio-objects.ts';
import { backend, route } from './objects.ts';

const NATIVE = [
  ...['--istio', 'native', '--module-source', 'http', '--module-port', '0'],
  ...['--module-url', 'http://modelweir.modelweir-system:18002'],
  // Nobody listens there: what proxies have stays unknown.
  ...['--istiod-url', 'http://127.0.0.1:9'],
];
const WAIT_MS = 40_000;

let cluster: TestCluster;
let controlPlane: TestControlPlane;

const models = { name: 'models', namespace: 'shop' };
const embeddings = split(90, 10);

before(async () => {
  cluster = await startCluster({ controllers: true });
  await installIstioDefinitions(cluster);
  await cluster.create(namespace('shop', true));
  for (const name of ['models', 'a', 'b']) await cluster.create(service(name));
  for (const name of ['a', 'b']) {
    await cluster.create(
      backend(name, { endpoints: undefined, service: { name, port: 'http' } }, 'shop'),
    );
  }
  await cluster.create(embeddings);
  controlPlane = await startControlPlane(cluster, NATIVE);
});

after(async () => {
  await controlPlane?.stop();
  await cluster?.stop();
});

function service(name: string) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: {
      selector: { app: name },
      ports: [{ name: 'http', port: 80, targetPort: 8080 }],
    },
  };
}

function split(a: number, b: number) {
  const variants = [
    { name: 'a', backendRef: { name: 'a' }, weight: a },
    { name: 'b', backendRef: { name: 'b' }, weight: b },
  ];
  return route('embeddings', { hostnames: ['models.shop'], variants }, 'shop');
}

interface Written {
  readonly metadata: { readonly resourceVersion: string };
}

function written(kind: string, name: string): Promise<Written> {
  const version = kind === 'EnvoyFilter' ? 'v1alpha3' : 'v1';
  const metadata = { name, namespace: 'shop' };
  return cluster.get({ apiVersion: `networking.istio.io/${version}`, kind, metadata });
}

const splitter = () => written('EnvoyFilter', 'modelweir-splitter');

/** Of the objects that weights do not change. */
async function otherVersions(): Promise<string[]> {
  const others = await Promise.all([
    written('EnvoyFilter', 'modelweir-router'),
    written('VirtualService', 'modelweir-models'),
  ]);
  return others.map(({ metadata }) => metadata.resourceVersion);
}

test('a route says which objects it became, and why it is not known whether proxies have them', async () => {
  const written = await untilCondition(cluster, embeddings, 'WrittenToIstio', 'True Written');
  assert.match(written.message, /EnvoyFilter, VirtualService for shop \(native\)/);
  const programmed = await untilCondition(
    cluster,
    embeddings,
    'Programmed',
    'Unknown IstiodUnreachable',
  );
  assert.match(programmed.message, /127\.0\.0\.1:9/);
  const report = await controlPlane.report();
  assert.deepEqual(
    report.istio?.objects.map(({ kind, name }) => `${kind} ${name}`),
    [
      `VirtualService modelweir-${models.name}`,
      'EnvoyFilter modelweir-router',
      'EnvoyFilter modelweir-splitter',
    ],
  );
});

test('a changed weight writes the small object and no other', async () => {
  const [before, others] = [await splitter(), await otherVersions()];
  await cluster.put(split(50, 50));
  await until(
    'it is written',
    async () => (await splitter()).metadata.resourceVersion !== before.metadata.resourceVersion,
    WAIT_MS,
  );
  assert.deepEqual(await otherVersions(), others);
});

test('the one that leads next writes nothing where nothing has changed', async () => {
  const before = await splitter();
  await controlPlane.stop();
  controlPlane = await startControlPlane(cluster, NATIVE);
  await until(
    'it leads and is done',
    async () => (await controlPlane.report()).istio?.done === true,
    WAIT_MS,
  );
  assert.equal((await splitter()).metadata.resourceVersion, before.metadata.resourceVersion);
  assert.doesNotMatch(controlPlane.logs(), /"msg":"written"/);
});

test('a Sidecar that hides a backend is named by the routes that use it', async () => {
  await cluster.create({
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'narrow', namespace: 'shop' },
    spec: {
      egress: [{ hosts: ['./models.shop.svc.cluster.local', './a.shop.svc.cluster.local'] }],
    },
  } as never);
  const { message } = await untilCondition(
    cluster,
    embeddings,
    'WrittenToIstio',
    'False HiddenBySidecar',
  );
  assert.match(message, /Sidecar shop\/narrow hides b\.shop\.svc\.cluster\.local/);
});

test('switched off, nothing of ours is left, and conditions do not speak of it any more', async () => {
  await controlPlane.stop();
  controlPlane = await startControlPlane(cluster, ['--istio', 'off']);
  await until(
    'nothing is left',
    async () => (await controlPlane.report()).istio?.done === true,
    WAIT_MS,
  );
  await assert.rejects(splitter, /not found/);
  await until('the condition is gone', async () => {
    return !('WrittenToIstio' in (await conditions(cluster, embeddings)));
  });
});
