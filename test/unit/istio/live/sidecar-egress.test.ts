/** Which backends a Sidecar hides from callers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hiddenHosts } from '../../../../control-plane/istio/live/sidecar-egress.ts';
import type { CachedObject } from '../../../../control-plane/kube/object-cache.ts';
import { cached } from './cached.ts';

const NEEDED = [
  { host: 'a.shop.svc.cluster.local', namespace: 'shop' },
  { host: 'b.ml.svc.cluster.local', namespace: 'ml' },
];

function sidecar(path: string, hosts: readonly string[] | null, spec: object = {}): CachedObject {
  const egress = hosts === null ? {} : { egress: [{ hosts }] };
  return cached('Sidecar', path, { ...egress, ...spec });
}

const CASES: readonly [string, readonly CachedObject[], readonly string[]][] = [
  ['none hides nothing', [], []],
  ['one without a list hides nothing', [sidecar('shop/open', null)], []],
  ['all namespaces are visible by a star', [sidecar('shop/all', ['*/*'])], []],
  ['its own namespace is a dot', [sidecar('shop/own', ['./*'])], ['b.ml.svc.cluster.local']],
  ['a suffix counts', [sidecar('shop/ml', ['ml/*.ml.svc.cluster.local', './*'])], []],
  ['nothing is a tilde', [sidecar('shop/none', ['~/*'])], NEEDED.map(({ host }) => host)],
  [
    'one for some pods counts, too',
    [sidecar('shop/some', ['./*'], { workloadSelector: { labels: { app: 'web' } } })],
    ['b.ml.svc.cluster.local'],
  ],
  [
    "the mesh's own counts where the namespace has none",
    [sidecar('istio-system/default', ['./*'])],
    ['b.ml.svc.cluster.local'],
  ],
  [
    "the namespace's own takes the place of that of the mesh",
    [sidecar('istio-system/default', ['~/*']), sidecar('shop/default', ['*/*'])],
    [],
  ],
  ['that of another namespace does not count', [sidecar('ml/default', ['~/*'])], []],
];

for (const [name, sidecars, expected] of CASES) {
  test(name, () => {
    const hidden = hiddenHosts('shop', NEEDED, sidecars, 'istio-system');
    assert.deepEqual(
      hidden.map(({ host }) => host),
      expected,
    );
  });
}
