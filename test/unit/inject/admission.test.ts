/** AdmissionReviews, with clusters that a test cannot have: slow, old or away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cluster, reviewed } from '../../../control-plane/inject/admission.ts';
import type { Pod } from '../../../control-plane/inject/pod.ts';
import { modelweir } from '../cli/command.ts';
import { PROXY, pod } from './pods.ts';

const labels = { 'modelweir.dev/inject': 'true' };
const CLUSTER: Cluster = {
  namespace: (name) => Promise.resolve({ name, labels }),
  hasConfigMap: () => Promise.resolve(false),
  hasNativeSidecars: () => Promise.resolve(true),
};

interface Response {
  readonly uid: string;
  readonly allowed: boolean;
  readonly patch?: string;
  readonly warnings?: readonly string[];
}

async function review(of: Pod, cluster: Partial<Cluster> = {}) {
  const object = { apiVersion: 'v1', kind: 'Pod', ...of };
  const body = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: '1', namespace: 'shop', object },
  };
  const choice = { revision: null, excluded: new Set<string>() };
  const options = { istio: 'off', proxy: PROXY, choice } as const;
  const { review, outcome } = await reviewed(body, { ...CLUSTER, ...cluster }, options);
  return { outcome, response: (review as { response: Response }).response };
}

test('a pod that is wanted is allowed with a patch', async () => {
  const { outcome, response } = await review(pod());
  assert.equal(outcome, 'injected');
  assert.ok(response.allowed);
  const operations = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString());
  assert.deepEqual(operations.map(({ path }: { path: string }) => path).toSorted(), [
    '/metadata/annotations',
    '/spec/initContainers',
    '/spec/volumes',
  ]);
});

test('an API server that cannot say what is asked costs the proxy, not the pod', async () => {
  const { outcome, response } = await review(pod(), {
    namespace: () => Promise.reject(new Error('it is away')),
  });
  assert.equal(outcome, 'failed');
  assert.ok(response.allowed);
  assert.equal(response.patch, undefined);
  assert.match(String(response.warnings), /it is away/);
});

test('an old Kubernetes, where a proxy would keep the pod from starting, gets none', async () => {
  const { response } = await review(pod(), { hasNativeSidecars: () => Promise.resolve(false) });
  assert.equal(response.patch, undefined);
  assert.match(String(response.warnings), /1\.29/);
});

test('a pod of Windows is left', async () => {
  const { outcome } = await review(pod({}, { os: { name: 'windows' } }));
  assert.equal(outcome, 'left');
});

test('what is no review of a pod is refused', async () => {
  const options = {
    istio: 'off',
    proxy: PROXY,
    choice: { revision: null, excluded: new Set<string>() },
  } as const;
  for (const body of [
    null,
    {},
    { apiVersion: 'admission.k8s.io/v1beta1', kind: 'AdmissionReview' },
  ]) {
    await assert.rejects(reviewed(body, CLUSTER, options), /no AdmissionReview/);
  }
});

test('the webhook needs a cluster, and both files of a certificate', async () => {
  const folder = await modelweir('serve', '--config', '.', '--inject-port', '0');
  assert.equal(folder.code, 2);
  assert.match(folder.stderr, /--inject-port goes with --kubernetes/);
  const half = ['--inject-port', '0', '--inject-tls-cert', 'x'];
  const one = await modelweir('serve', '--kubernetes', ...half);
  assert.equal(one.code, 2);
  assert.match(one.stderr, /give both of --inject-tls-cert and --inject-tls-key/);
});
