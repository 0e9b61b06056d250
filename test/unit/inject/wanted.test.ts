/** Which pods are injected, and what they get. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { istioPart } from '../../../control-plane/inject/istio-pods.ts';
import { type IstioMode, plan } from '../../../control-plane/inject/plan.ts';
import type { Pod, StringMap } from '../../../control-plane/inject/pod.ts';
import { NEVER_INJECTED, unwanted } from '../../../control-plane/inject/wanted.ts';
import { PROXY, pod } from './pods.ts';

const INJECT = { 'modelweir.dev/inject': 'true' };
const NOT = { 'modelweir.dev/inject': 'false' };
const rev = (name: string) => ({ 'modelweir.dev/rev': name });

const choices: readonly [string, StringMap, Pod, string | null, boolean][] = [
  ['its namespace has the label', INJECT, pod(), null, true],
  ['it has the label itself', {}, pod({ labels: INJECT }), null, true],
  ['nobody has the label', {}, pod(), null, false],
  ['its namespace says no, whatever it says itself', NOT, pod({ labels: INJECT }), null, false],
  ['its own label says no', INJECT, pod({ labels: NOT }), null, false],
  ['its own annotation says no', INJECT, pod({ annotations: NOT }), null, false],
  ['it uses the network of its node', INJECT, pod({}, { hostNetwork: true }), null, false],
  [
    'another revision is asked for by its namespace',
    { ...INJECT, ...rev('b') },
    pod(),
    null,
    false,
  ],
  ['this revision is asked for by its namespace', { ...INJECT, ...rev('b') }, pod(), 'b', true],
  ['this revision is asked for by the pod', INJECT, pod({ labels: rev('b') }), 'b', true],
  [
    'its namespace names a revision, the pod another',
    { ...INJECT, ...rev('b') },
    pod({ labels: rev('c') }),
    'b',
    true,
  ],
  ['no revision is asked for', INJECT, pod(), 'b', false],
];

for (const [name, labels, of, revision, isWanted] of choices) {
  test(`${name}: ${isWanted ? 'injected' : 'left'} by the revision ${revision}`, () => {
    const choice = { revision, excluded: new Set(NEVER_INJECTED) };
    assert.equal(unwanted(of, { name: 'shop', labels }, choice) === null, isWanted);
  });
}

for (const name of NEVER_INJECTED) {
  test(`nothing is injected into ${name}`, () => {
    const choice = { revision: null, excluded: new Set(NEVER_INJECTED) };
    assert.match(unwanted(pod(), { name, labels: INJECT }, choice) ?? '', new RegExp(name));
  });
}

const parts: readonly [string, StringMap, Pod, string][] = [
  ['a namespace that Istio injects', { 'istio-injection': 'enabled' }, pod(), 'sidecar'],
  ['a namespace of a revision of Istio', { 'istio.io/rev': 'canary' }, pod(), 'sidecar'],
  ['a pod that asks Istio', {}, pod({ labels: { 'sidecar.istio.io/inject': 'true' } }), 'sidecar'],
  [
    'a pod that refuses Istio',
    { 'istio-injection': 'enabled' },
    pod({ labels: { 'sidecar.istio.io/inject': 'false' } }),
    'none',
  ],
  [
    'a pod that asks Istio where nobody hears it',
    {},
    pod({ annotations: { 'sidecar.istio.io/inject': 'true' } }),
    'none',
  ],
  [
    'a pod that names a revision of Istio',
    {},
    pod({ labels: { 'istio.io/rev': 'canary' } }),
    'sidecar',
  ],
  [
    'a pod that has the sidecar already',
    {},
    pod({}, { initContainers: [{ name: 'istio-proxy' }] }),
    'sidecar',
  ],
  [
    'a namespace that refuses Istio',
    { 'istio-injection': 'disabled' },
    pod({ labels: { 'sidecar.istio.io/inject': 'true' } }),
    'none',
  ],
  ['a namespace in ambient mode', { 'istio.io/dataplane-mode': 'ambient' }, pod(), 'ambient'],
  [
    'a pod that left ambient mode',
    { 'istio.io/dataplane-mode': 'ambient' },
    pod({ labels: { 'istio.io/dataplane-mode': 'none' } }),
    'none',
  ],
  ['a namespace without Istio', {}, pod(), 'none'],
];

for (const [name, labels, of, expected] of parts) {
  test(`Istio's part in ${name}: ${expected}`, () => {
    assert.equal(istioPart(of, { name: 'shop', labels }), expected);
  });
}

function planned(part: 'sidecar' | 'ambient', istio: IstioMode, of = pod(), hasBootstrap = true) {
  return plan(of, part, { istio, proxy: PROXY }, hasBootstrap);
}

test('in native mode the sidecar of Istio needs nothing', () => {
  assert.deepEqual(planned('sidecar', 'native'), {
    additions: { annotations: {}, initContainers: [], volumes: [] },
    warnings: [],
  });
});

test('in direct mode it gets an annotation, and nothing else', () => {
  const { additions, warnings } = planned('sidecar', 'direct');
  assert.deepEqual(additions, {
    annotations: { 'sidecar.istio.io/bootstrapOverride': 'modelweir-bootstrap' },
    initContainers: [],
    volumes: [],
  });
  assert.deepEqual(warnings, []);
});

test('without the ConfigMap a pod would never start, so it does not name it', () => {
  const { additions, warnings } = planned('sidecar', 'direct', pod(), false);
  assert.deepEqual(additions.annotations, {});
  assert.match(warnings.join(), /no ConfigMap modelweir-bootstrap/);
});

test("somebody else's override of the bootstrap stays", () => {
  const own = pod({ annotations: { 'sidecar.istio.io/bootstrapOverride': 'theirs' } });
  const { additions, warnings } = planned('sidecar', 'direct', own);
  assert.deepEqual(additions.annotations, {});
  assert.match(warnings.join(), /theirs/);
});

test('a pod in ambient mode needs nothing', () => {
  assert.deepEqual(planned('ambient', 'direct').additions.initContainers, []);
});
