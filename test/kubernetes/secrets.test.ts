/** Secrets that backends name: read only where somebody allowed it, followed, and never shown. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../control-plane/cli/quickstart/exchange.ts';
import { type Authority, makeAuthority } from '../harness/certificates.ts';
import { startEnvoy, type TestEnvoy } from '../harness/envoy.ts';
import { CONTROL_PLANE, startCluster, type TestCluster } from '../harness/kubernetes/cluster.ts';
import { startControlPlane, type TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { secret, startTlsBackend, type TlsBackend } from '../harness/tls-backend.ts';
import { until } from '../harness/until.ts';
import { untilCondition } from './conditions.ts';
import { backend, route } from './objects.ts';

let authority: Authority;
let model: TlsBackend;
let cluster: TestCluster;
let controlPlane: TestControlPlane;
let envoy: TestEnvoy;

const SECURE = route('secure', { variants: [{ name: 'a', backendRef: { name: 'secure' } }] });
let secure: ReturnType<typeof backend>;

before(async () => {
  authority = await makeAuthority('models');
  model = await startTlsBackend(await authority.issue(['models.example.com']));
  cluster = await startCluster();
  controlPlane = await startControlPlane(cluster);
  envoy = await startEnvoy({ xdsPort: controlPlane.xdsPort });
  secure = backend('secure', {
    endpoints: [{ address: '127.0.0.1', port: model.port }],
    tls: { hostname: 'models.example.com', caCertificateRef: { name: 'authorities' } },
  });
});

after(async () => {
  await envoy?.stop();
  await controlPlane?.stop();
  await cluster?.stop();
  await model?.stop();
});

async function ask(): Promise<number> {
  const url = `http://${[...(await envoy.listeners()).values()][0]}/v2/models/model-secure/infer`;
  const headers = { 'content-type': 'application/json' };
  return (await exchange({ url, method: 'POST', headers, body: '{"inputs":[]}' })).status;
}

test('without a right to read the Secret, the backend and the status say so', async () => {
  await cluster.create(secret('authorities', { 'ca.crt': authority.certificate }));
  await cluster.create(secret('unrelated', { password: 'unrelated-password' }));
  await cluster.create(secure);
  await cluster.create(SECURE);
  await untilCondition(cluster, secure, 'ResolvedRefs', 'False InvalidCertificateRef');
  const { body } = await exchange({ url: `${controlPlane.statusUrl}/status` });
  assert.match(body.toString(), /Secret authorities .*secrets .*forbidden/);
});

test('with the right to that one Secret it is read, and the model is served over TLS', async () => {
  await allow('authorities');
  await untilCondition(cluster, secure, 'ResolvedRefs', 'True ResolvedRefs');
  await until('it serves', async () => (await ask()) === 200);
  assert.match(model.callers.at(-1) ?? '', /^models.example.com /);
});

test('a renewed Secret reaches the proxies', async () => {
  const next = await makeAuthority('models renewed');
  model.show(await next.issue(['models.example.com']));
  await until('it is refused', async () => (await ask()) === 503);
  await cluster.put(secret('authorities', { 'ca.crt': next.certificate }));
  await until('it serves again', async () => (await ask()) === 200);
});

test('a control plane that starts anew does not take the backend for broken', async () => {
  let isOver = false;
  const statuses: number[] = [];
  const traffic = (async () => {
    while (!isOver) statuses.push(await ask());
  })();
  await controlPlane.stop();
  controlPlane = await startControlPlane(cluster, ['--xds-port', String(controlPlane.xdsPort)]);
  await until('the proxy is back', async () => {
    const { body } = await exchange({ url: `${controlPlane.statusUrl}/status` });
    return JSON.parse(body.toString()).proxies.length === 1;
  });
  await untilCondition(cluster, secure, 'Programmed', 'True Programmed');
  isOver = true;
  await traffic;
  assert.deepEqual([...new Set(statuses)], [200]);
});

test('a Secret that is gone leaves the backend without endpoints', async () => {
  await cluster.remove(secret('authorities', {}));
  await untilCondition(cluster, secure, 'ResolvedRefs', 'False InvalidCertificateRef');
  await until('it is refused', async () => (await ask()) === 503);
});

/** What docs/kubernetes.md tells owners of Secrets to write. */
async function allow(name: string): Promise<void> {
  const metadata = { name: 'modelweir-secrets', namespace: 'default' };
  await cluster.create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata,
    rules: [
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: [name],
        verbs: ['list', 'watch'],
      },
    ],
  } as never);
  const [, , namespace, account] = CONTROL_PLANE.split(':');
  await cluster.create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
  } as never);
}
