/** What is added to a pod can be taken away exactly, and adding twice adds once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inject, uninject } from '../../../control-plane/inject/injection.ts';
import { jsonPatch, type PatchOperation } from '../../../control-plane/inject/json-patch.ts';
import { RECORD } from '../../../control-plane/inject/names.ts';
import { plan } from '../../../control-plane/inject/plan.ts';
import type { Pod } from '../../../control-plane/inject/pod.ts';
import { randomSource } from '../../harness/random.ts';
import { PROXY, pod, randomPod } from './pods.ts';

const CASES = 2000;

function added(to: Pod, istio: 'off' | 'direct' = 'off'): Pod {
  const part = istio === 'off' ? 'none' : 'sidecar';
  const clean = uninject(to);
  return inject(clean, plan(clean, part, { istio, proxy: PROXY }, true).additions);
}

for (const istio of ['off', 'direct'] as const) {
  test(`${CASES} random pods come back as they were, Istio ${istio}`, () => {
    const random = randomSource(9);
    for (let at = 0; at < CASES; at++) {
      const original = randomPod(random);
      const injected = added(original, istio);
      assert.notDeepEqual(injected, original);
      assert.deepEqual(uninject(injected), original);
      assert.deepEqual(added(injected, istio), injected);
    }
  });
}

test('nothing to add leaves the pod itself', () => {
  const original = pod();
  assert.equal(inject(original, { annotations: {}, initContainers: [], volumes: [] }), original);
  assert.equal(uninject(original), original);
});

test('what others have put in since stays', () => {
  const injected = added(pod());
  const later: Pod = {
    ...injected,
    metadata: {
      ...injected.metadata,
      annotations: { ...injected.metadata?.annotations, theirs: 'stays' },
    },
    spec: {
      ...injected.spec,
      initContainers: [...(injected.spec?.initContainers ?? []), { name: 'theirs' }],
    },
  };
  const { metadata, spec } = uninject(later);
  assert.deepEqual(metadata?.annotations, { theirs: 'stays' });
  assert.deepEqual(spec?.initContainers, [{ name: 'theirs' }]);
});

test('a record that is not ours is an error that says what to do', () => {
  for (const text of [
    '',
    '{}',
    '{"annotations":[1],"initContainers":[],"volumes":[],"former":{}}',
  ]) {
    assert.throws(() => uninject(pod({ annotations: { [RECORD]: text } })), /by hand/);
  }
});

test('a patch makes the injected pod of the original, and the original of that', () => {
  const random = randomSource(10);
  for (let at = 0; at < CASES; at++) {
    const original = randomPod(random);
    const injected = added(original);
    assert.deepEqual(patched(original, jsonPatch(original, injected)), injected);
    assert.deepEqual(patched(injected, jsonPatch(injected, original)), original);
  }
});

test('a patch of equal values is empty, whatever the order of their fields', () => {
  assert.deepEqual(
    jsonPatch({ a: [{ b: 1, c: 2 }], d: null }, { d: null, a: [{ c: 2, b: 1 }] }),
    [],
  );
});

/** RFC 6902, for objects. */
function patched(value: object, operations: readonly PatchOperation[]): unknown {
  // Not a structured clone: one object that is there twice would stay one.
  const copy = JSON.parse(JSON.stringify(value));
  for (const operation of operations) {
    const fields = operation.path.split('/').slice(1);
    const names = fields.map((field) => field.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = names.pop() ?? '';
    const parent = names.reduce(
      (at, name) => at[name] as Record<string, unknown>,
      copy as Record<string, unknown>,
    );
    assert.equal(Object.hasOwn(parent, last), operation.op !== 'add');
    if (operation.op === 'remove') delete parent[last];
    else parent[last] = operation.value;
  }
  return copy;
}
