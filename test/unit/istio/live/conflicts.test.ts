/** Which hosts are somebody else's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflicts } from '../../../../control-plane/istio/live/conflicts.ts';
import type { CachedObject } from '../../../../control-plane/kube/object-cache.ts';
import type { WantedObject } from '../../../../control-plane/kube/object-plan.ts';
import { cached } from './cached.ts';

const CONTEXT = { clusterDomain: 'cluster.local', callers: ['shop'] };
const HOST = 'models.shop.svc.cluster.local';

function wanted(kind: string, spec: object): WantedObject {
  const metadata = { name: 'modelweir-models', namespace: 'shop', labels: {} };
  return { apiVersion: 'networking.istio.io/v1', kind, metadata, spec };
}

const ROUTES = wanted('VirtualService', { hosts: [HOST] });
const RULES = wanted('DestinationRule', { host: HOST });

const CASES: readonly [string, WantedObject, CachedObject, boolean][] = [
  ['the same host', ROUTES, cached('VirtualService', 'shop/x', { hosts: [HOST] }), true],
  [
    'a short name of its namespace',
    ROUTES,
    cached('VirtualService', 'shop/x', { hosts: ['models'] }),
    true,
  ],
  [
    'the same short name elsewhere',
    ROUTES,
    cached('VirtualService', 'ml/x', { hosts: ['models'] }),
    false,
  ],
  [
    'a wildcard',
    ROUTES,
    cached('VirtualService', 'ml/x', { hosts: ['*.shop.svc.cluster.local'] }),
    true,
  ],
  [
    'routes of a gateway alone',
    ROUTES,
    cached('VirtualService', 'shop/x', { hosts: [HOST], gateways: ['edge'] }),
    false,
  ],
  [
    'routes of a gateway and the mesh',
    ROUTES,
    cached('VirtualService', 'shop/x', { hosts: [HOST], gateways: ['edge', 'mesh'] }),
    true,
  ],
  [
    'routes that our callers do not see',
    ROUTES,
    cached('VirtualService', 'ml/x', { hosts: [HOST], exportTo: ['.'] }),
    false,
  ],
  [
    'routes that they see',
    ROUTES,
    cached('VirtualService', 'ml/x', { hosts: [HOST], exportTo: ['shop'] }),
    true,
  ],
  [
    'our own',
    ROUTES,
    cached('VirtualService', 'shop/x', { hosts: [HOST] }, { isOurs: true }),
    false,
  ],
  [
    'an HTTPRoute of the Service',
    ROUTES,
    cached('HTTPRoute', 'shop/x', { parentRefs: [{ kind: 'Service', group: '', name: 'models' }] }),
    true,
  ],
  [
    'an HTTPRoute of a gateway',
    ROUTES,
    cached('HTTPRoute', 'shop/x', { parentRefs: [{ kind: 'Gateway', name: 'models' }] }),
    false,
  ],
  [
    'a DestinationRule is no route',
    ROUTES,
    cached('DestinationRule', 'shop/x', { host: HOST }),
    false,
  ],
  ['rules for the same host', RULES, cached('DestinationRule', 'shop/x', { host: 'models' }), true],
];

for (const [name, object, other, isConflict] of CASES) {
  test(`${name} ${isConflict ? 'is a conflict' : 'is none'}`, () => {
    const found = conflicts([object], [other], CONTEXT);
    assert.equal(found.length, isConflict ? 1 : 0);
    if (isConflict) assert.equal(found[0]?.host, HOST);
  });
}
