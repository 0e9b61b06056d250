/** Pods of a real API server, injected by way of it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../control-plane/cli/quickstart/exchange.ts';
import { freePort } from '../../control-plane/cli/quickstart/ports.ts';
import { uninject } from '../../control-plane/inject/injection.ts';
import { annotationOf, type Pod } from '../../control-plane/inject/pod.ts';
import type { KubeError } from '../../control-plane/kube/api.ts';
import { runProxy } from '../envoy/inject/kubelet.ts';
import { answer, startActingBackend } from '../envoy/splitting/acting-backend.ts';
import { CONTROL_PLANE } from '../harness/kubernetes/cluster.ts';
import { startServe } from '../harness/serve.ts';
import { until } from '../harness/until.ts';
import { PROXY } from '../unit/inject/pods.ts';
import { isInjected, type Replica, type Scene, startScene } from './injection/scene.ts';
import { backend, route } from './objects.ts';

const ON = { 'modelweir.dev/inject': 'true' };
const OFF = { 'modelweir.dev/inject': 'false' };
const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' };
const OVERRIDE = 'sidecar.istio.io/bootstrapOverride';

let scene: Scene;
let replica: Replica;

before(async () => {
  scene = await startScene();
  replica = await scene.start({ plan: { istio: 'direct', proxy: PROXY } });
  await scene.namespace('shop', ON);
  await scene.namespace('other');
  await until('pods are injected', async () => isInjected(await scene.pod('shop')));
});

after(async () => {
  await replica?.close();
  await scene?.stop();
});

test('a pod of a labelled namespace comes back with a proxy, and with all that it had', async () => {
  const metadata = { labels: { app: 'web' }, annotations: { theirs: 'stays' } };
  const spec = { initContainers: [{ name: 'setup', image: 'setup:1' }] };
  const injected = await scene.pod('shop', { metadata, spec });
  const names = (injected.spec?.initContainers ?? []).map(({ name }) => name);
  assert.deepEqual(names, ['modelweir-proxy', 'setup']);
  assert.equal(annotationOf(injected, 'theirs'), 'stays');
  const plain = await scene.pod('other', { metadata, spec });
  assert.deepEqual(own(uninject(injected)), own(plain));
});

test('a pod may ask for it where its namespace says nothing', async () => {
  assert.ok(isInjected(await scene.pod('other', { metadata: { labels: ON } })));
  assert.ok(!isInjected(await scene.pod('other')));
});

test('a pod may refuse it, by label or annotation, and its namespace for all', async () => {
  assert.ok(!isInjected(await scene.pod('shop', { metadata: { labels: OFF } })));
  assert.ok(!isInjected(await scene.pod('shop', { metadata: { annotations: OFF } })));
  await scene.namespace('refusing', OFF);
  assert.ok(!isInjected(await scene.pod('refusing', { metadata: { labels: ON } })));
});

test("a pod on its node's network is not even asked about", async () => {
  const asked = replica.records.length;
  assert.ok(!isInjected(await scene.pod('shop', { spec: { hostNetwork: true } })));
  assert.equal(replica.records.length, asked);
});

test('nothing is injected into namespaces that the cluster needs, whatever labels they have', async () => {
  const asked = replica.records.length;
  for (const name of ['kube-system', 'modelweir-system']) {
    await scene.cluster.api.send({
      method: 'PATCH',
      path: `/api/v1/namespaces/${name}`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: ON } },
    });
    assert.ok(!isInjected(await scene.pod(name, { metadata: { labels: ON } })));
  }
  assert.equal(replica.records.length, asked);
});

test('another revision is left to others', async () => {
  const revision = { 'modelweir.dev/rev': 'canary' };
  await scene.namespace('canary', { ...ON, ...revision });
  assert.ok(!isInjected(await scene.pod('canary')));
  assert.ok(!isInjected(await scene.pod('shop', { metadata: { labels: revision } })));
});

test('Pod Security lets the proxy into a restricted namespace, and keeps redirection out', async () => {
  await scene.namespace('restricted', { ...ON, ...RESTRICTED });
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  const spec = { containers: [{ name: 'web', image: 'web:1', securityContext }] };
  assert.ok(isInjected(await scene.pod('restricted', { spec })));
  const annotations = { 'modelweir.dev/redirect': 'models.shop:80' };
  await assert.rejects(
    scene.pod('restricted', { metadata: { annotations }, spec }),
    (error: KubeError) => error.status === 403 && /modelweir-redirect/.test(error.message),
  );
  assert.ok(isInjected(await scene.pod('shop', { metadata: { annotations }, spec })));
});

test("a pod of Istio's names the ConfigMap with our bootstrap, once that is there", async () => {
  await scene.namespace('mesh', { ...ON, 'istio-injection': 'enabled' });
  const early = await scene.pod('mesh');
  assert.equal(annotationOf(early, OVERRIDE), undefined);
  await scene.cluster.create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'modelweir-bootstrap', namespace: 'mesh' },
  });
  const late = await scene.pod('mesh');
  assert.equal(annotationOf(late, OVERRIDE), 'modelweir-bootstrap');
  assert.ok(!isInjected(late), 'one sidecar is enough');
});

test('a pod that asks for what cannot be done is created as it is, and the log says why', async () => {
  const annotations = { 'modelweir.dev/proxy-cpu': 'much' };
  assert.ok(!isInjected(await scene.pod('shop', { metadata: { annotations } })));
  const { msg, reasons } = replica.records.at(-1) ?? {};
  assert.equal(msg, 'pod not injected');
  assert.match(String(reasons), /"much" is not a quantity/);
});

test('a pod that was injected before is left as it is', async () => {
  const { metadata, spec } = await scene.pod('shop');
  const annotations = metadata?.annotations ?? {};
  const again = await scene.pod('shop', { metadata: { annotations }, spec: { ...spec } });
  assert.deepEqual(own(again), own({ metadata: { annotations }, spec: { ...spec } }));
});

test('what runs the webhook may do no more than it must', async () => {
  const may = async (resourceAttributes: object) => {
    const answer = await scene.cluster.api.send<{ status: { allowed: boolean } }>({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user: CONTROL_PLANE, groups: [], resourceAttributes },
      },
    });
    return answer.status.allowed;
  };
  const home = { namespace: 'modelweir-system', resource: 'secrets' };
  const configurations = {
    group: 'admissionregistration.k8s.io',
    resource: 'mutatingwebhookconfigurations',
  };
  assert.ok(await may({ ...home, verb: 'get', name: 'modelweir-injector-certificate' }));
  assert.ok(await may({ ...configurations, verb: 'patch', name: '0-modelweir-injector' }));
  for (const forbidden of [
    { ...home, verb: 'get', name: 'other' },
    { ...home, verb: 'list' },
    { ...home, verb: 'delete', name: 'modelweir-injector-certificate' },
    { ...home, verb: 'get', name: 'modelweir-injector-certificate', namespace: 'shop' },
    { ...configurations, verb: 'patch', name: 'istio-sidecar-injector' },
    { ...configurations, verb: 'create' },
    { resource: 'configmaps', namespace: 'shop', verb: 'get', name: 'other' },
    { resource: 'pods', namespace: 'shop', verb: 'get', name: 'pod-1' },
  ]) {
    assert.ok(!(await may(forbidden)), JSON.stringify(forbidden));
  }
});

test('with nobody there pods are created all the same', async () => {
  scene.balancer.remove(replica.port);
  await replica.close();
  assert.ok(!isInjected(await scene.pod('shop')));
});

test('what serve injects takes its configuration from there, and serves models', async () => {
  const model = await startActingBackend(answer(200, 'served'));
  const [xdsPort, listenPort] = [await freePort(), await freePort()];
  const controlPlane = await startServe([
    ...['--kubernetes', '--kubeconfig', scene.cluster.kubeconfig(CONTROL_PLANE)],
    ...['--inject-port', '0', '--inject-name', '127.0.0.1'],
    ...['--xds-port', String(xdsPort), '--proxy-xds', `127.0.0.1:${xdsPort}`],
    ...['--listen', `127.0.0.1:${listenPort}`],
  ]);
  try {
    scene.balancer.add(Number(/"injectPort":(\d+)/.exec(controlPlane.logs())?.[1]));
    const isReady = async () => (await fetch(`${controlPlane.statusUrl}/readyz`)).status === 200;
    await until('it is ready', isReady);
    const endpoints = [{ address: '127.0.0.1', port: model.port }];
    await scene.cluster.create(backend('a', { endpoints }, 'shop'));
    await scene.cluster.create(route('live', {}, 'shop'));
    const proxy = await runProxy(await scene.pod('shop'), 'shop', {});
    try {
      const url = `http://127.0.0.1:${listenPort}/v2/models/model-live/infer`;
      await until('it serves', async () => {
        const asked = await exchange({ url, method: 'POST', body: '{}' }).catch(() => null);
        return asked?.body.toString() === 'served';
      });
    } finally {
      await proxy.stop();
    }
  } finally {
    await controlPlane.stop();
    await model.stop();
  }
});

/** What is a pod's own, and not the API server's. */
function own({ metadata, spec }: Pod): object {
  const { labels, annotations } = metadata ?? {};
  return { labels, annotations, spec };
}
