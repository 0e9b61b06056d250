/** `modelweir check` and `modelweir uninstall` on a real API server, as processes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { repositoryRoot } from '../../control-plane/cli/quickstart/places.ts';
import { CONTROL_PLANE, startCluster, type TestCluster } from '../harness/kubernetes/cluster.ts';
import { startControlPlane } from '../harness/kubernetes/control-plane.ts';
import { installIstioDefinitions } from '../harness/kubernetes/istio-definitions.ts';
import { until } from '../harness/until.ts';
import { namespace } from './istio-objects.ts';
import { backend, route } from './objects.ts';

let cluster: TestCluster;

before(async () => {
  cluster = await startCluster({ controllers: true });
});

after(() => cluster?.stop());

interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

function modelweir(...args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [join(repositoryRoot, 'control-plane/main.ts'), ...args]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

const check = (user: string, ...args: readonly string[]) =>
  modelweir('check', '--kubeconfig', cluster.kubeconfig(user), ...args);

test('without Istio and a control plane, check says so and what to do', async () => {
  const { code, output } = await check('admin');
  assert.equal(code, 1);
  assert.match(output, /ok {6}kinds: modelweir\.dev\/v1alpha1 with all 4 kinds/);
  assert.match(output, /ok {6}rights: who asks has all/);
  assert.match(
    output,
    /PROBLEM control plane: no Lease[^\n]*\n {10}start it with serve --kubernetes/,
  );
  assert.match(output, /note {4}Istio: no kinds of it/);
});

test('with all in place there is nothing to do but what is only a note', async () => {
  await installIstioDefinitions(cluster);
  await cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } });
  await cluster.create(namespace('shop', true));
  await cluster.create(istiod());
  const controlPlane = await startControlPlane(cluster);
  await until('it leads', () => /"msg":"leading"/.test(controlPlane.logs()), 40_000);
  const account = 'modelweir-system/modelweir';
  const { code, output } = await check('admin', '--service-account', account);
  await controlPlane.stop();
  assert.equal(code, 0, output);
  assert.match(output, /service account modelweir-system\/modelweir has all \d+\n/);
  assert.match(output, /Istio: istiod in istio-system, revision default/);
  assert.match(output, /Istio: EnvoyFilters can be for waypoints/);
  assert.match(output, /namespaces: shop: sidecars/);
});

test('a right that is missing is named, with the file that gives it', async () => {
  await cluster.remove({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'modelweir-istio' },
  });
  const { code, output } = await check(CONTROL_PLANE);
  assert.equal(code, 1);
  assert.match(
    output,
    /PROBLEM rights for Istio: who asks may not create, delete, list, patch, watch envoyfilters\.networking\.istio\.io\n {10}kubectl apply -f deploy\/rbac-istio\.yaml/,
  );
});

test('what cannot be reached is a wrong call', async () => {
  const { code, output } = await modelweir('check', '--kubeconfig', '/nowhere/kubeconfig');
  assert.equal(code, 2);
  assert.match(output, /see --kubeconfig/);
});

test('uninstall leaves nothing of ours, and what is not ours', async () => {
  await cluster.create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'modelweir-istio' },
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: 'modelweir-istio',
    },
    subjects: [{ kind: 'ServiceAccount', name: 'modelweir', namespace: 'modelweir-system' }],
  } as never);
  const theirs = {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name: 'theirs', namespace: 'shop' },
    spec: { configPatches: [] },
  };
  await cluster.create(theirs);
  await cluster.create(backend('a', {}, 'shop'));
  await cluster.create(route('a', { hostnames: ['a.example.com'] }, 'shop'));
  const controlPlane = await startControlPlane(cluster, [
    ...['--istio', 'native', '--module-source', 'http', '--module-port', '0'],
    ...['--istiod-url', 'http://127.0.0.1:9'],
  ]);
  await until(
    'all is written',
    async () => {
      const { istio } = await controlPlane.report();
      return istio?.done === true && istio.owned > 0;
    },
    40_000,
  );
  const uninstall = (...args: readonly string[]) =>
    modelweir('uninstall', '--istio', '--kubeconfig', cluster.kubeconfig('admin'), ...args);
  const refused = await uninstall('--timeout-seconds', '3');
  assert.equal(refused.code, 1);
  assert.match(refused.output, /a control plane leads in modelweir-system/);
  await controlPlane.stop();
  const { code, output } = await uninstall('--settle-seconds', '1');
  assert.equal(code, 0, output);
  assert.match(output, /nothing of ours is left: \d+ objects are gone/);
  await cluster.get(theirs);
  for (const plural of ['v1/virtualservices', 'v1/serviceentries', 'v1alpha3/envoyfilters']) {
    const { items } = await cluster.api.send<{ items: { metadata: { name: string } }[] }>({
      path: `/apis/networking.istio.io/${plural}`,
    });
    const names = items.map(({ metadata }) => metadata.name);
    assert.deepEqual(names, plural.endsWith('envoyfilters') ? ['theirs'] : []);
  }
});

function istiod() {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'istiod', namespace: 'istio-system', labels: { app: 'istiod' } },
    spec: { selector: { app: 'istiod' }, ports: [{ name: 'http-monitoring', port: 15014 }] },
  };
}
