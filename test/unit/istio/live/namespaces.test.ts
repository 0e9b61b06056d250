/** What Istio makes of a namespace, by its labels. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optedInNamespaces } from '../../../../control-plane/istio/live/namespaces.ts';
import { cached } from './cached.ts';

const OPT_IN = { 'modelweir.dev/inject': 'true' };

function only(labels: Readonly<Record<string, string>>) {
  return optedInNamespaces([
    cached('Namespace', '/shop', {}, { labels: { ...OPT_IN, ...labels } }),
  ]);
}

const CASES: readonly [Readonly<Record<string, string>>, string, string | null, string | null][] = [
  [{}, 'none', null, null],
  [{ 'istio-injection': 'enabled' }, 'sidecar', null, null],
  [{ 'istio.io/rev': 'canary' }, 'sidecar', 'canary', null],
  [{ 'istio-injection': 'enabled', 'istio.io/rev': 'canary' }, 'sidecar', null, null],
  [{ 'istio-injection': 'disabled', 'istio.io/rev': 'canary' }, 'none', 'canary', null],
  [{ 'istio.io/dataplane-mode': 'ambient' }, 'ambient', null, null],
  [
    { 'istio.io/dataplane-mode': 'ambient', 'istio.io/use-waypoint': 'gate' },
    'ambient',
    null,
    'shop/gate',
  ],
  [
    { 'istio.io/dataplane-mode': 'ambient', 'istio.io/use-waypoint': 'none' },
    'ambient',
    null,
    null,
  ],
  [
    {
      'istio.io/dataplane-mode': 'ambient',
      'istio.io/use-waypoint': 'gate',
      'istio.io/use-waypoint-namespace': 'edge',
    },
    'ambient',
    null,
    'edge/gate',
  ],
];

for (const [labels, dataPlane, revision, waypoint] of CASES) {
  test(`${JSON.stringify(labels)} is ${dataPlane}`, () => {
    assert.deepEqual(only(labels), [{ name: 'shop', dataPlane, revision, waypoint }]);
  });
}

test('one without our label, or with another value, is not opted in', () => {
  const without = cached('Namespace', '/a');
  const refusing = cached('Namespace', '/b', {}, { labels: { 'modelweir.dev/inject': 'false' } });
  assert.deepEqual(optedInNamespaces([without, refusing]), []);
});
