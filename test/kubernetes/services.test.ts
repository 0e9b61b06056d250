/** Services and their EndpointSlices as endpoints, and references across namespaces. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startEnvoy, type TestEnvoy } from '../harness/envoy.ts';
import { startCluster, type TestCluster } from '../harness/kubernetes/cluster.ts';
import { startControlPlane, type TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { until } from '../harness/until.ts';
import { untilCondition } from './conditions.ts';
import { backend, route } from './objects.ts';
import { REFERENCE_GRANTS } from './reference-grants.ts';

let cluster: TestCluster;
let controlPlane: TestControlPlane;
let envoy: TestEnvoy;

before(async () => {
  cluster = await startCluster();
  controlPlane = await startControlPlane(cluster);
  envoy = await startEnvoy({ xdsPort: controlPlane.xdsPort });
  for (const namespace of ['shop', 'ml', 'rival']) {
    await cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  }
});

after(async () => {
  await envoy?.stop();
  await controlPlane?.stop();
  await cluster?.stop();
});

test('a Service is its ready endpoints, by the name of its port, in their zones', async () => {
  const byService = backend('by-service', {
    endpoints: undefined,
    service: { name: 'pods', port: 'http' },
  });
  await cluster.create(byService);
  await cluster.create(
    route('by-service', { variants: [{ name: 'a', backendRef: { name: 'by-service' } }] }),
  );
  const missing = await untilCondition(cluster, byService, 'ResolvedRefs', 'False ServiceNotFound');
  assert.match(missing.message, /spec.service.name: Service default\/pods does not exist/);
  await cluster.create(service('pods'));
  await cluster.create(
    slice('pods-1', [
      endpoint('192.0.2.1', { ready: true }, 'zone-a'),
      endpoint('192.0.2.2', { ready: false, serving: false, terminating: false }, 'zone-a'),
      endpoint('192.0.2.3', {}, 'zone-b'),
      endpoint('192.0.2.4', { ready: false, serving: true, terminating: true }, 'zone-b'),
    ]),
  );
  await cluster.create(
    slice('pods-2', [endpoint('2001:db8::1', { ready: true }, 'zone-b')], 'IPv6'),
  );
  await untilCondition(cluster, byService, 'ResolvedRefs', 'True ResolvedRefs');
  await untilEndpoints('default/by-service', [
    'zone-a 192.0.2.1:8080',
    'zone-b 192.0.2.3:8080',
    'zone-b [2001:db8::1]:8080',
  ]);
});

test('where none is ready, those that are ending and still serve are used', async () => {
  await cluster.put(
    slice('pods-1', [
      endpoint('192.0.2.3', { ready: false, serving: true, terminating: true }, 'zone-b'),
      endpoint('192.0.2.4', { ready: false, serving: false, terminating: true }, 'zone-b'),
    ]),
  );
  await cluster.put(slice('pods-2', [], 'IPv6'));
  await untilEndpoints('default/by-service', ['zone-b 192.0.2.3:8080']);
});

test('a port that the Service has not is named, with those that it has', async () => {
  const wrong = backend('wrong-port', { endpoints: undefined, service: { name: 'pods', port: 1 } });
  await cluster.create(wrong);
  const { message } = await untilCondition(cluster, wrong, 'ResolvedRefs', 'False PortNotFound');
  assert.match(message, /Service default\/pods has no port 1; it has http, grpc/);
});

test('a backend of another namespace needs its owner to allow it, before and after the kind is there', async () => {
  await cluster.create(backend('theirs', {}, 'ml'));
  const asking = route(
    'asking',
    { variants: [{ name: 'a', backendRef: { name: 'theirs', namespace: 'ml' } }] },
    'shop',
  );
  await cluster.create(asking);
  const { message } = await untilCondition(
    cluster,
    asking,
    'ResolvedRefs',
    'False RefNotPermitted',
  );
  assert.match(message, /no ReferenceGrant in namespace ml lets ModelRoutes of namespace shop/);
  await cluster.create(REFERENCE_GRANTS);
  const granted = await startControlPlane(cluster);
  try {
    await until('the kind is served', () =>
      cluster.create(grant('shop', 'theirs')).then(
        () => true,
        () => false,
      ),
    );
    await until('it is allowed', async () => {
      const { objects } = await granted.report();
      const found = objects.find(({ name }) => name === 'asking');
      return found?.conditions.find(({ type }) => type === 'ResolvedRefs')?.status === 'True';
    });
    await cluster.put(grant('rival', 'theirs'));
    await until('it is allowed no more', async () => {
      const { objects } = await granted.report();
      const found = objects.find(({ name }) => name === 'asking');
      return (
        found?.conditions.find(({ type }) => type === 'ResolvedRefs')?.reason === 'RefNotPermitted'
      );
    });
  } finally {
    await granted.stop();
  }
});

test('two namespaces claim one model: the older one has it, and nobody takes it away', async () => {
  const claim = {
    models: [{ name: 'claimed' }],
    variants: [{ name: 'a', backendRef: { name: 'own' } }],
  };
  for (const namespace of ['ml', 'rival']) await cluster.create(backend('own', {}, namespace));
  const owner = route('owner', claim, 'ml');
  await cluster.create(owner);
  await untilCondition(cluster, owner, 'Accepted', 'True Accepted');
  // Creation times have whole seconds.
  await until(
    'a second is over',
    async () => Date.now() - createdAt(await cluster.get(owner)) > 1100,
  );
  const taker = route('a-taker', claim, 'rival');
  await cluster.create(taker);
  const { message } = await untilCondition(cluster, taker, 'Accepted', 'False Conflicted');
  assert.match(message, /belongs to ModelRoute ml\/owner, which came first/);
  await untilCondition(cluster, owner, 'Programmed', 'True Programmed');
  await cluster.remove(owner);
  await untilCondition(cluster, taker, 'Accepted', 'True Accepted');
});

function service(name: string) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: {
      ports: [
        { name: 'http', port: 80, targetPort: 8080 },
        { name: 'grpc', port: 81, targetPort: 8081 },
      ],
    },
  };
}

function slice(name: string, endpoints: object[], addressType = 'IPv4') {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': 'pods' } },
    addressType,
    endpoints,
    ports: [
      { name: 'grpc', port: 8081 },
      { name: 'http', port: 8080 },
    ],
  };
}

function endpoint(address: string, conditions: object, zone: string) {
  return { addresses: [address], conditions, zone };
}

function grant(namespace: string, name: string) {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1beta1',
    kind: 'ReferenceGrant',
    metadata: { name: 'grant', namespace: 'ml' },
    spec: {
      from: [{ group: 'modelweir.dev', kind: 'ModelRoute', namespace }],
      to: [{ group: 'modelweir.dev', kind: 'ModelBackend', name }],
    },
  };
}

function createdAt({ metadata }: { metadata: { creationTimestamp: string } }): number {
  return Date.parse(metadata.creationTimestamp);
}

/** What the proxy itself has. */
async function untilEndpoints(cluster: string, wanted: readonly string[]): Promise<void> {
  let last: string[] = [];
  await until(`${cluster} has its endpoints`, async () => {
    last = await endpointsOf(cluster);
    return JSON.stringify(last) === JSON.stringify(wanted);
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(last)}`);
  });
}

interface Assignment {
  readonly cluster_name: string;
  readonly endpoints?: readonly {
    readonly locality?: { readonly zone?: string };
    readonly lb_endpoints?: readonly {
      readonly endpoint: {
        readonly address: {
          readonly socket_address: { readonly address: string; readonly port_value: number };
        };
      };
    }[];
  }[];
}

async function endpointsOf(cluster: string): Promise<string[]> {
  const { configs } = await envoy.configDump();
  const dumped = configs.flatMap((config) => config['dynamic_endpoint_configs'] ?? []) as {
    endpoint_config: Assignment;
  }[];
  const found = dumped.find(({ endpoint_config: one }) => one.cluster_name === cluster);
  return (found?.endpoint_config.endpoints ?? []).flatMap(({ locality, lb_endpoints = [] }) =>
    lb_endpoints.map(({ endpoint: { address } }) => {
      const { address: ip, port_value: port } = address.socket_address;
      return `${locality?.zone} ${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
    }),
  );
}
