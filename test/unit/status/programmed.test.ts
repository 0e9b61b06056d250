import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Mesh } from '../../../control-plane/ir/mesh.ts';
import { needsIn } from '../../../control-plane/status/needs.ts';
import {
  type ProxyView,
  programmed,
  type TypeView,
} from '../../../control-plane/status/programmed.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';

const target = {
  protocol: 'OpenAI',
  endpoints: [],
  service: null,
  tls: null,
  servedModel: null,
  servedVersion: null,
  connectTimeoutMs: 1,
  maxConnections: 1,
  maxRequests: 1,
  healthCheck: null,
  outlierDetection: null,
  loadBalancing: { policy: 'LeastRequest', hashHeader: null },
} as const;

const mesh: Mesh = {
  listeners: [],
  routes: ['default/a', 'default/b'].map((name) => ({
    name,
    claims: [],
    modelScan: 'strict',
    variants: [
      { name: 'v', target: name === 'default/a' ? 'default/x' : 'default/y?model=m', weight: 1 },
    ],
    stickyHeader: null,
    stickyField: null,
    variantHeader: true,
    timeoutMs: 1,
    batching: null,
    matches: [],
    retry: null,
    fallback: [],
    shadow: null,
    responses: {
      publicModel: false,
      countTokens: false,
      attemptsHeader: false,
      decisionHeader: 'never',
    },
  })),
  targets: [
    { ...target, name: 'default/x' },
    { ...target, name: 'default/y?model=m' },
    { ...target, name: 'default/z?unresolved' },
  ],
  services: [],
  secrets: [],
};

/** All types in sync, but for what is said. */
function proxy(nodeId: string, types: Record<string, Partial<TypeView>> = {}): ProxyView {
  return {
    nodeId,
    types: Object.entries(TYPE_URLS).map(([short, typeUrl]) => ({
      typeUrl,
      inSync: true,
      nacks: [],
      ...types[short],
    })),
  };
}

function refused(resources: string[], message = 'no such field'): Partial<TypeView> {
  return { inSync: false, nacks: [{ message, resources }] };
}

const route = (name: string) => ({ kind: 'ModelRoute', namespace: 'default', name });
const backend = (name: string) => ({ kind: 'ModelBackend', namespace: 'default', name });

describe('an object is programmed', () => {
  const cases: {
    name: string;
    object: ReturnType<typeof route>;
    proxies: ProxyView[];
    unpublished?: string;
    expected: [status: string, reason: string];
    says?: RegExp;
  }[] = [
    {
      name: 'when every connected proxy has it',
      object: route('a'),
      proxies: [proxy('p1'), proxy('p2')],
      expected: ['True', 'Programmed'],
      says: /All 2 connected/,
    },
    {
      name: 'not known when no proxy is connected',
      object: route('a'),
      proxies: [],
      expected: ['Unknown', 'NoProxyConnected'],
    },
    {
      name: 'not while one proxy has not acknowledged yet',
      object: route('a'),
      proxies: [proxy('p1'), proxy('p2', { route: { inSync: false } })],
      expected: ['False', 'Pending'],
      says: /1 of 2 proxies have it; waiting for p2/,
    },
    {
      name: 'not while a proxy has not asked for a type that it needs',
      object: route('a'),
      proxies: [{ nodeId: 'p1', types: proxy('p1').types.slice(1) }],
      expected: ['False', 'Pending'],
    },
    {
      name: 'not when one proxy refused a filter, and the proxy is quoted',
      object: route('a'),
      proxies: [
        proxy('p1'),
        proxy('p2', { extension: refused(['modelweir.splitter'], 'routes[0]: bad') }),
      ],
      expected: ['False', 'Rejected'],
      says: /proxy p2 refused TypedExtensionConfig modelweir\.splitter: routes\[0\]: bad/,
    },
    {
      name: 'not when its own cluster was refused',
      object: backend('x'),
      proxies: [proxy('p1', { cluster: refused(['default/x']) })],
      expected: ['False', 'Rejected'],
    },
    {
      name: "also when only another object's cluster was refused",
      object: route('b'),
      proxies: [proxy('p1', { cluster: refused(['default/x']) })],
      expected: ['True', 'Programmed'],
    },
    {
      name: 'for a backend that is known under another served name',
      object: backend('y'),
      proxies: [proxy('p1', { endpoint: refused(['default/y?model=m']) })],
      expected: ['False', 'Rejected'],
    },
    {
      name: 'for a backend whatever becomes of routes',
      object: backend('x'),
      proxies: [
        proxy('p1', { route: { inSync: false }, extension: refused(['modelweir.router']) }),
      ],
      expected: ['True', 'Programmed'],
    },
    {
      name: 'not when it is left out of the mesh',
      object: route('disabled'),
      proxies: [proxy('p1')],
      expected: ['False', 'NotInMesh'],
    },
    {
      name: 'not when a backend has the name of a route without backends',
      object: backend('z'),
      proxies: [proxy('p1')],
      expected: ['False', 'NotInMesh'],
    },
    {
      name: 'not when the newest state was not published',
      object: route('a'),
      proxies: [proxy('p1')],
      unpublished: 'the state contradicts itself',
      expected: ['False', 'NotPublished'],
      says: /contradicts/,
    },
  ];
  for (const { name, object, proxies, unpublished, expected, says } of cases) {
    test(name, () => {
      const found = programmed(needsIn(mesh)(object), proxies, unpublished ?? null);
      assert.equal(found.type, 'Programmed');
      assert.deepEqual([found.status, found.reason], expected, found.message);
      if (says !== undefined) assert.match(found.message, says);
    });
  }
});

test('a thousand refusals make a short message', () => {
  const proxies = Array.from({ length: 1000 }, (_, i) =>
    proxy(`p${i}`, { listener: refused(['l']) }),
  );
  const { message } = programmed(needsIn(mesh)(route('a')), proxies, null);
  assert.ok(message.length < 1000);
  assert.match(message, /and 995 more$/);
});
