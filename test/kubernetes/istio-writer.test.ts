/** Istio's objects in a real API server: what is written there, when, and what is left alone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import pino from 'pino';
import type { Mesh } from '../../control-plane/ir/mesh.ts';
import { IstioMesh } from '../../control-plane/istio/live/istio-mesh.ts';
import type { TranslateMesh } from '../../control-plane/istio/live/settings.ts';
import { KubeApi, KubeError } from '../../control-plane/kube/api.ts';
import { FIELD_MANAGER } from '../../control-plane/kube/ownership.ts';
import {
  CONTROL_PLANE,
  type ObjectName,
  startCluster,
  type TestCluster,
} from '../harness/kubernetes/cluster.ts';
import { installIstioDefinitions } from '../harness/kubernetes/istio-definitions.ts';
import { until } from '../harness/until.ts';
import { fakeMesh, fakeTranslation, namespace, virtualService } from './istio-objects.ts';

const WAIT_MS = 30_000;
const SETTLE_MS = 300;

let cluster: TestCluster;

before(async () => {
  cluster = await startCluster({ controllers: true });
  await installIstioDefinitions(cluster);
  for (const name of ['shop', 'ml']) await cluster.create(namespace(name, true));
  await cluster.create(namespace('elsewhere', false));
});

after(() => cluster?.stop());

interface Running {
  readonly mesh: IstioMesh;
  done(): Promise<void>;
  stop(): Promise<void>;
}

/** Our live side in this process, with the rights that it has in a cluster. */
function start(mesh: Mesh, mode: 'native' | 'off' = 'native', translate?: TranslateMesh): Running {
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig(CONTROL_PLANE));
  const api = new KubeApi(config);
  const istio = new IstioMesh({
    settings: {
      ...{ mode, revision: null, clusterDomain: 'cluster.local' },
      rootNamespace: 'istio-system',
    },
    translate: translate ?? fakeTranslation,
    istiod: null,
    logger: pino({ level: 'silent' }),
    writer: { settleMs: SETTLE_MS, backoff: { minMs: 50, maxMs: 500 } },
  });
  istio.attach(api);
  istio.offer(mesh);
  istio.lead(true);
  return {
    mesh: istio,
    done: () => until('all is written', async () => istio.report().done, WAIT_MS),
    stop: async () => {
      istio.lead(false);
      await istio.close();
      api.close();
    },
  };
}

interface Written extends ObjectName {
  readonly metadata: ObjectName['metadata'] & {
    readonly resourceVersion: string;
    readonly labels: Record<string, string>;
    readonly managedFields: { manager: string; operation: string }[];
  };
  readonly spec: { readonly hosts?: string[]; readonly http?: object[] };
}

function ref(kind: string, name: string, where: string): ObjectName {
  const version = kind === 'EnvoyFilter' ? 'v1alpha3' : 'v1';
  return {
    apiVersion: `networking.istio.io/${version}`,
    kind,
    metadata: { name, namespace: where },
  };
}

async function exists(object: ObjectName): Promise<boolean> {
  try {
    await cluster.get(object);
    return true;
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return false;
    throw error;
  }
}

const router = (where: string) => ref('EnvoyFilter', 'modelweir-router', where);
const models = ref('VirtualService', 'modelweir-models', 'shop');

test('namespaces with the label get filters, by server-side apply and in our name', async () => {
  const running = start(fakeMesh(['models.shop']));
  await running.done();
  for (const where of ['shop', 'ml']) {
    const { metadata } = await cluster.get<Written>(router(where));
    assert.equal(metadata.labels['app.kubernetes.io/managed-by'], 'modelweir');
    const [entry] = metadata.managedFields;
    assert.deepEqual([entry?.manager, entry?.operation], [FIELD_MANAGER, 'Apply']);
  }
  assert.ok(!(await exists(router('elsewhere'))));
  assert.ok(await exists(models));
  await running.stop();
});

test('nothing is written again where nothing has changed, by a new process either', async () => {
  const before = await cluster.get<Written>(models);
  const running = start(fakeMesh(['models.shop']));
  await running.done();
  running.mesh.offer(fakeMesh(['models.shop']));
  await sleep(500);
  const now = await cluster.get<Written>(models);
  assert.equal(now.metadata.resourceVersion, before.metadata.resourceVersion);
  await running.stop();
});

test('what others change of it is taken back, and what they add beside it stays', async () => {
  const running = start(fakeMesh(['models.shop']));
  await running.done();
  await cluster.api.send({
    method: 'PATCH',
    path: '/apis/networking.istio.io/v1/namespaces/shop/virtualservices/modelweir-models',
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels: { theirs: 'yes' } }, spec: { hosts: ['elsewhere.example.com'] } },
  });
  await until(
    'it is as it was',
    async () => (await cluster.get<Written>(models)).spec.hosts?.[0] !== 'elsewhere.example.com',
    WAIT_MS,
  );
  const { metadata } = await cluster.get<Written>(models);
  assert.equal(metadata.labels['theirs'], 'yes');
  await running.stop();
});

test('a namespace that loses the label loses the filters: first they do nothing, then they go', async () => {
  const running = start(fakeMesh(['models.shop']));
  await running.done();
  await cluster.put(namespace('ml', false));
  await until(
    'the configuration does nothing',
    async () => /HeaderMutation/.test(JSON.stringify(await cluster.get(router('ml')))),
    WAIT_MS,
  );
  await until('it is gone', async () => !(await exists(router('ml'))), WAIT_MS);
  assert.ok(await exists(router('shop')));
  await cluster.put(namespace('ml', true));
  await until('it is back', () => exists(router('ml')), WAIT_MS);
  await running.stop();
});

test("somebody else's object of the same name is not touched, and a condition names it", async () => {
  const theirs = virtualService('modelweir-digits', 'shop', ['digits.example.com']);
  await cluster.create(theirs);
  const before = await cluster.get<Written>(theirs);
  const running = start(fakeMesh(['models.shop', 'digits.shop']));
  await until(
    'it is said',
    async () => running.mesh.report().hindrances[0]?.reason === 'Taken',
    WAIT_MS,
  );
  const conditions = running.mesh.conditions()({
    ...{ kind: 'ModelRoute', namespace: 'shop', name: 'digits' },
  });
  assert.equal(conditions[0]?.reason, 'Taken');
  const now = await cluster.get<Written>(theirs);
  assert.equal(now.metadata.resourceVersion, before.metadata.resourceVersion);
  await cluster.remove(theirs);
  await running.done();
  assert.ok(await exists(theirs), 'ours takes its place once it is gone');
  await running.stop();
});

test("a host that somebody's VirtualService routes is left alone, and the other ones are not", async () => {
  const theirs = virtualService('of-the-shop', 'shop', ['digits']);
  await cluster.create(theirs);
  const running = start(fakeMesh(['models.shop', 'digits.shop']));
  await running.done();
  await until(
    'ours is gone',
    async () => !(await exists(ref('VirtualService', 'modelweir-digits', 'shop'))),
    WAIT_MS,
  );
  const about = (name: string) =>
    running.mesh.conditions()({ kind: 'ModelRoute', namespace: 'shop', name })[0];
  assert.equal(about('digits')?.reason, 'HostTaken');
  assert.match(about('digits')?.message ?? '', /VirtualService shop\/of-the-shop routes digits/);
  assert.equal(about('models')?.reason, 'Written');
  assert.ok(await exists(theirs));
  await cluster.remove(theirs);
  await until(
    'ours is back',
    () => exists(ref('VirtualService', 'modelweir-digits', 'shop')),
    WAIT_MS,
  );
  await running.stop();
});

test('an object with our label that was not applied by us stays', async () => {
  const theirs = {
    ...virtualService('copied', 'shop', ['copied.example.com']),
    metadata: {
      ...{ name: 'copied', namespace: 'shop' },
      labels: { 'app.kubernetes.io/managed-by': 'modelweir' },
    },
  };
  await cluster.create(theirs);
  const running = start(fakeMesh(['models.shop']));
  await running.done();
  await sleep(2 * SETTLE_MS);
  assert.ok(await exists(theirs));
  await cluster.remove(theirs);
  await running.stop();
});

test('what the API server refuses hurts only its own route, and is tried again', async () => {
  const broken: TranslateMesh = (mesh, context) => {
    const { objects, ...rest } = fakeTranslation(mesh, context);
    return {
      ...rest,
      objects: objects.map((one) =>
        one.metadata.name === 'modelweir-digits' ? { ...one, spec: { ...one.spec, nope: 1 } } : one,
      ),
    };
  };
  const running = start(fakeMesh(['models.shop', 'digits.shop', 'third.shop']), 'native', broken);
  const about = (name: string) =>
    running.mesh.conditions()({ kind: 'ModelRoute', namespace: 'shop', name })[0];
  await until('it is refused', async () => about('digits')?.reason === 'NotWritten', WAIT_MS);
  assert.match(about('digits')?.message ?? '', /nope/);
  await until('the others are written', () =>
    exists(ref('VirtualService', 'modelweir-third', 'shop')),
  );
  await running.stop();
});

test('an API server that is away hurts nothing, and what was wanted meanwhile is written after', async () => {
  const running = start(fakeMesh(['models.shop']));
  await running.done();
  await cluster.stopServing();
  running.mesh.offer(fakeMesh(['models.shop', 'late.shop']));
  await sleep(1500);
  await cluster.serveAgain();
  await until(
    'it is written',
    () => exists(ref('VirtualService', 'modelweir-late', 'shop')),
    WAIT_MS,
  );
  await running.stop();
});

test('one that does not lead writes nothing', async () => {
  const running = start(fakeMesh(['models.shop', 'never.shop']));
  running.mesh.lead(false);
  await sleep(1000);
  assert.ok(!(await exists(ref('VirtualService', 'modelweir-never', 'shop'))));
  await running.stop();
});

test('switched off, all of it goes: first the filters, then the routes', async () => {
  const watched: string[] = [];
  const running = start(fakeMesh(['models.shop']), 'off');
  await until(
    'nothing is left',
    async () => {
      const [filter, route] = [await exists(router('shop')), await exists(models)];
      watched.push(`${filter} ${route}`);
      return !filter && !route;
    },
    WAIT_MS,
  );
  assert.ok(!watched.includes('true false'), 'the route never went before the filter');
  await running.done();
  await running.stop();
});
