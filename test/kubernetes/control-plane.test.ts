/** The control plane with the rights that it has in a cluster, a real Envoy behind it, and what it says. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../control-plane/cli/quickstart/exchange.ts';
import {
  type ActingBackend,
  answer,
  startActingBackend,
} from '../envoy/splitting/acting-backend.ts';
import { startEnvoy, type TestEnvoy } from '../harness/envoy.ts';
import { startCluster, type TestCluster } from '../harness/kubernetes/cluster.ts';
import { startControlPlane, type TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { until } from '../harness/until.ts';
import { conditions, untilCondition } from './conditions.ts';
import { backend, route } from './objects.ts';

let cluster: TestCluster;
let controlPlane: TestControlPlane;
let envoy: TestEnvoy;
let model: ActingBackend;
let url: string;

before(async () => {
  cluster = await startCluster({ controllers: true });
  model = await startActingBackend(answer(200, 'served'));
  controlPlane = await startControlPlane(cluster);
  await cluster.create(
    backend('live', { endpoints: [{ address: '127.0.0.1', port: model.port }] }),
  );
  await cluster.create(route('live', { variants: [{ name: 'a', backendRef: { name: 'live' } }] }));
});

after(async () => {
  await envoy?.stop();
  await controlPlane?.stop();
  await model?.stop();
  await cluster?.stop();
});

test('without a proxy, what an object says is accepted, and whether it is programmed unknown', async () => {
  const live = route('live');
  await untilCondition(cluster, live, 'Programmed', 'Unknown NoProxyConnected');
  const { Accepted, ResolvedRefs, Programmed } = await conditions(cluster, live);
  assert.equal(Accepted?.status, 'True');
  assert.equal(ResolvedRefs?.status, 'True');
  assert.equal(Programmed?.observedGeneration, 1);
  assert.match(Programmed?.lastTransitionTime ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

test('a proxy serves what the cluster says, and the object says that it does', async () => {
  envoy = await startEnvoy({ xdsPort: controlPlane.xdsPort, mode: 'DELTA_GRPC' });
  url = `http://${[...(await envoy.listeners()).values()][0]}`;
  await untilCondition(cluster, route('live'), 'Programmed', 'True Programmed');
  assert.equal(await ask('model-live'), '200 served');
});

test('a status is written by us alone, with our name, and leaves the spec to its owner', async () => {
  const { metadata } = await cluster.get<{ metadata: { managedFields: ManagedFields[] } }>(
    route('live'),
  );
  const own = metadata.managedFields.filter(({ manager }) => manager === 'modelweir');
  assert.deepEqual(
    own.map(({ operation, subresource }) => ({ operation, subresource })),
    [{ operation: 'Apply', subresource: 'status' }],
  );
});

test('a status that is right is not written again', async () => {
  await untilCondition(cluster, route('live'), 'Programmed', 'True Programmed');
  const before = await versionOf();
  await cluster.put(backend('other'));
  await untilCondition(cluster, backend('other'), 'Accepted', 'True Accepted');
  assert.equal(await versionOf(), before);
});

test('what only all objects together show is said with the field, and an event tells it', async () => {
  const lost = route('lost', { models: [{ name: 'model-live' }] });
  await cluster.create(lost);
  const accepted = await untilCondition(cluster, lost, 'Accepted', 'False Conflicted');
  assert.match(accepted.message, /spec.models\[0\].name: .*default\/live, which came first/);
  const refs = await untilCondition(cluster, lost, 'ResolvedRefs', 'False BackendNotFound');
  assert.match(refs.message, /spec.variants\[0\].backendRef.name: ModelBackend default\/a/);
  await until('an event tells it', async () =>
    (await eventsOf('lost')).some(
      ({ reason, type }) => reason === 'Conflicted' && type === 'Warning',
    ),
  );
  assert.equal(await ask('model-live'), '200 served', 'the winner does not notice');
});

test('what breaks a rule that the API server cannot check leaves the last good version serving', async () => {
  const bad = route('live', {
    models: [{ name: 'model-live', aliases: ['model-live'] }],
    variants: [{ name: 'a', backendRef: { name: 'live' } }],
  });
  await cluster.put(bad);
  const accepted = await untilCondition(cluster, bad, 'Accepted', 'False Invalid');
  assert.match(accepted.message, /is the same model name .* The last good version keeps serving/);
  assert.equal(await ask('model-live'), '200 served');
  await cluster.put(route('live', { variants: [{ name: 'a', backendRef: { name: 'live' } }] }));
  await untilCondition(cluster, bad, 'Accepted', 'True Accepted');
  await until('the good news are told, too', async () =>
    (await eventsOf('live')).some(({ reason, type }) => reason === 'Accepted' && type === 'Normal'),
  );
});

test('kinds without an implementation say so', async () => {
  const policy = {
    apiVersion: 'modelweir.dev/v1alpha1',
    kind: 'TrafficPolicy',
    metadata: { name: 'p', namespace: 'default' },
    spec: { targetRefs: [{ kind: 'ModelRoute', name: 'live' }], maxConcurrent: 1 },
  };
  await cluster.create(policy);
  await untilCondition(cluster, policy, 'Programmed', 'False NotImplemented');
});

test('what was deleted is not served any more, and what depended on it says what is missing', async () => {
  await cluster.create(
    backend('going', { endpoints: [{ address: '127.0.0.1', port: model.port }] }),
  );
  const dependant = route('dependant', {
    variants: [{ name: 'a', backendRef: { name: 'going' } }],
  });
  await cluster.create(dependant);
  await untilCondition(cluster, dependant, 'Programmed', 'True Programmed');
  assert.equal(await ask('model-dependant'), '200 served');
  await cluster.remove(backend('going'));
  await untilCondition(cluster, dependant, 'ResolvedRefs', 'False BackendNotFound');
  await until('it is answered 503', async () => (await ask('model-dependant')).startsWith('503'));
  await cluster.remove(dependant);
  await until('it is unknown', async () => (await ask('model-dependant')).startsWith('404'));
  assert.equal(await ask('model-live'), '200 served');
});

test('nothing that it asked for was refused for want of rights', () => {
  assert.doesNotMatch(
    controlPlane.logs(),
    /forbidden|Forbidden|status not written|event not written/,
  );
});

interface ManagedFields {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
}

async function ask(name: string): Promise<string> {
  const path = `/v2/models/${name}/infer`;
  const { status, body } = await exchange({
    url: url + path,
    method: 'POST',
    body: '{"inputs":[]}',
  });
  return `${status} ${body.toString().slice(0, 100)}`;
}

async function versionOf(): Promise<string> {
  const { metadata } = await cluster.get<{ metadata: { resourceVersion: string } }>(route('live'));
  return metadata.resourceVersion;
}

interface Event {
  readonly type: string;
  readonly reason: string;
  readonly regarding: { readonly name: string };
}

async function eventsOf(name: string): Promise<Event[]> {
  const path = '/apis/events.k8s.io/v1/namespaces/default/events';
  const { items } = await cluster.api.send<{ items: Event[] }>({ path });
  return items.filter(({ regarding }) => regarding.name === name);
}
