/** Two control planes on one cluster: both serve, one writes, and the other takes over. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEnvoy, type TestEnvoy } from '../harness/envoy.ts';
import { startCluster, type TestCluster } from '../harness/kubernetes/cluster.ts';
import { startControlPlane, type TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { until } from '../harness/until.ts';
import { untilCondition } from './conditions.ts';
import { backend, route } from './objects.ts';

const TAKEOVER_MS = 40_000;

let cluster: TestCluster;
let first: TestControlPlane;
let second: TestControlPlane;
let envoy: TestEnvoy;

before(async () => {
  cluster = await startCluster();
  first = await startControlPlane(cluster);
  await until('the first one leads', () => leads(first), TAKEOVER_MS);
  second = await startControlPlane(cluster);
  envoy = await startEnvoy({ xdsPort: second.xdsPort });
  await cluster.create(backend('a'));
});

after(async () => {
  await envoy?.stop();
  await second?.stop();
  await first?.stop();
  await cluster?.stop();
});

test('the one that does not lead serves proxies, and writes nothing', async () => {
  await cluster.create(route('served'));
  await untilCondition(cluster, route('served'), 'Accepted', 'True Accepted');
  await until('the second one has it', async () => (await programmed(second, 'served')) === 'True');
  assert.ok(!leads(second));
  const holder = await leaseHolder();
  await sleep(3000);
  assert.equal(await leaseHolder(), holder);
});

test('when the leader is killed the other takes over, and statuses become right', async () => {
  await first.kill();
  await cluster.create(route('orphan', { variants: [{ name: 'a', backendRef: { name: 'no' } }] }));
  await until('the second one leads', () => leads(second), TAKEOVER_MS);
  await untilCondition(cluster, route('orphan'), 'ResolvedRefs', 'False BackendNotFound');
  // Its proxy is connected to this one.
  await untilCondition(cluster, route('served'), 'Programmed', 'True Programmed');
});

test('a leader that ends in order is followed at once', async () => {
  const third = await startControlPlane(cluster);
  try {
    await second.stop();
    await until('the third one leads', () => leads(third), 8000);
    await untilCondition(cluster, route('served'), 'Programmed', 'Unknown NoProxyConnected');
  } finally {
    await third.stop();
  }
});

test('while the API server is away nobody leads beyond the deadline, and all go on serving', async () => {
  const alone = await startControlPlane(cluster);
  try {
    await until('it leads', () => leads(alone), TAKEOVER_MS);
    await cluster.stopServing();
    await until('it gives up', () => /"msg":"not leading"/.test(alone.logs()), TAKEOVER_MS);
    await until('it says what is wrong', async () =>
      /ECONNREFUSED/.test(JSON.stringify((await alone.report()).problems)),
    );
    const { objects } = await alone.report();
    assert.ok(
      objects.some(({ name }) => name === 'served'),
      'it knows what it knew',
    );
    await cluster.serveAgain();
    const isBack = () =>
      alone.logs().lastIndexOf('"msg":"leading"') > alone.logs().lastIndexOf('"msg":"not leading"');
    await until('it leads again', isBack, TAKEOVER_MS);
  } finally {
    await alone.stop();
  }
});

function leads(controlPlane: TestControlPlane): boolean {
  return /"msg":"leading"/.test(controlPlane.logs());
}

async function programmed(controlPlane: TestControlPlane, name: string) {
  const { objects } = await controlPlane.report();
  const object = objects.find((one) => one.kind === 'ModelRoute' && one.name === name);
  return object?.conditions.find(({ type }) => type === 'Programmed')?.status;
}

async function leaseHolder(): Promise<string> {
  const { spec } = await cluster.get<{ spec: { holderIdentity: string } }>({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'modelweir-control-plane', namespace: 'modelweir-system' },
  });
  return spec.holderIdentity;
}
