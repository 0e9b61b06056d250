/** A client that nobody here wrote: gRPC's own, which finds its backends through our server. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { create } from '@bufbuild/protobuf';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import type { ProxyStatus } from '../../../control-plane/serve/ads-server.ts';
import { AdsServer } from '../../../control-plane/serve/ads-server.ts';
import { pack } from '../../../control-plane/xds/any.ts';
import { adsSource } from '../../../control-plane/xds/config-source.ts';
import { encodeSnapshot } from '../../../control-plane/xds/encode.ts';
import {
  Cluster_DiscoveryType,
  ClusterSchema,
} from '../../../control-plane/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '../../../control-plane/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '../../../control-plane/xds/gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '../../../control-plane/xds/gen/envoy/config/route/v3/route_pb.js';
import { RouterSchema } from '../../../control-plane/xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpConnectionManagerSchema } from '../../../control-plane/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import type { ResourceSet } from '../../../control-plane/xds/translate.ts';
import type { Tally } from './grpc-xds-program.ts';
import { proxiesWhen } from './started-server.ts';

const TARGET = 'who';
const PROGRAM = fileURLToPath(new URL('grpc-xds-program.ts', import.meta.url));

/** Answers every call with its name. */
async function startBackend(t: TestContext, name: string): Promise<number> {
  const same = (bytes: Buffer): Buffer => bytes;
  const path = '/test.Who/Who';
  const kind = { path, requestStream: false, responseStream: false };
  const coding = { requestSerialize: same, requestDeserialize: same };
  const server = new Server();
  server.addService(
    { Who: { ...kind, ...coding, responseSerialize: same, responseDeserialize: same } },
    {
      Who: (_: unknown, answer: (error: null, bytes: Buffer) => void) =>
        answer(null, Buffer.from(name)),
    },
  );
  t.after(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

interface State {
  /** Cluster to the ports of its endpoints. */
  readonly clusters: Readonly<Record<string, readonly number[]>>;
  /** Cluster to its weight. */
  readonly weights: Readonly<Record<string, number>>;
}

/** One listener, one route, and whatever clusters there are. */
function resources({ clusters, weights }: State): ResourceSet {
  const names = Object.keys(clusters);
  const manager = pack(HttpConnectionManagerSchema, {
    routeSpecifier: {
      case: 'rds',
      value: { configSource: adsSource(), routeConfigName: 'routes' },
    },
    httpFilters: [
      { name: 'router', configType: { case: 'typedConfig', value: pack(RouterSchema, {}) } },
    ],
  });
  const weighted = Object.entries(weights).map(([name, weight]) => ({ name, weight }));
  return {
    secrets: [],
    listeners: [create(ListenerSchema, { name: TARGET, apiListener: { apiListener: manager } })],
    routes: [
      create(RouteConfigurationSchema, {
        name: 'routes',
        virtualHosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [
              {
                match: { pathSpecifier: { case: 'prefix', value: '' } },
                action: {
                  case: 'route',
                  value: {
                    clusterSpecifier: { case: 'weightedClusters', value: { clusters: weighted } },
                  },
                },
              },
            ],
          },
        ],
      }),
    ],
    clusters: names.map((name) =>
      create(ClusterSchema, {
        name,
        clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
        edsClusterConfig: { edsConfig: adsSource() },
      }),
    ),
    endpoints: names.map((clusterName) =>
      create(ClusterLoadAssignmentSchema, {
        clusterName,
        endpoints: [
          {
            locality: { region: 'here' },
            loadBalancingWeight: 1,
            lbEndpoints: (clusters[clusterName] ?? []).map(endpointAt),
          },
        ],
      }),
    ),
    extensions: [],
  };
}

function endpointAt(portValue: number) {
  const portSpecifier = { case: 'portValue', value: portValue } as const;
  const value = { address: '127.0.0.1', portSpecifier };
  const endpoint = { address: { address: { case: 'socketAddress', value } as const } };
  return { hostIdentifier: { case: 'endpoint', value: endpoint } as const };
}

async function start(t: TestContext, state: State) {
  let server = new AdsServer({ logger: pino({ enabled: false }) });
  const publish = (next: State) => server.publish(encodeSnapshot(resources(next)));
  publish(state);
  const port = await server.listen('127.0.0.1', 0);
  const bootstrap = {
    xds_servers: [{ server_uri: `127.0.0.1:${port}`, channel_creds: [{ type: 'insecure' }] }],
    node: { id: 'grpc', locality: {} },
  };
  const env = { ...process.env, GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap) };
  const child = fork(PROGRAM, [`xds:///${TARGET}`], { env });
  t.after(async () => {
    child.kill();
    await server.close(1000);
  });
  return {
    publish,
    proxyWhen: async (accept: (proxy: ProxyStatus) => boolean) => {
      const list = await proxiesWhen(server, ([one]) => one !== undefined && accept(one));
      return list[0] as ProxyStatus;
    },
    tally: () => tallyOf(child),
    /** Until all calls since the last look were answered by `names`, and each of these has answered. */
    answeredBy: (...names: string[]) => answeredBy(child, names),
    restart: async (next: State) => {
      await server.close(1000);
      server = new AdsServer({ logger: pino({ enabled: false }) });
      publish(next);
      await server.listen('127.0.0.1', port);
    },
  };
}

async function tallyOf(child: ChildProcess): Promise<Tally> {
  child.send('tally');
  const [tally] = await once(child, 'message');
  return tally as Tally;
}

/** No call may fail meanwhile. */
async function answeredBy(child: ChildProcess, names: readonly string[]): Promise<void> {
  const signal = AbortSignal.timeout(20_000);
  for (;;) {
    const { answers, errors } = await tallyOf(child);
    assert.deepEqual(errors, []);
    if (Object.keys(answers).toSorted().join() === names.join()) return;
    if (signal.aborted) assert.fail(`${JSON.stringify(answers)} instead of ${names}`);
    await sleep(20);
  }
}

test('it finds its backends, and follows endpoints and weights without losing a call', async (t) => {
  const [a, b] = await Promise.all([startBackend(t, 'a'), startBackend(t, 'b')]);
  const { publish, proxyWhen, answeredBy } = await start(t, {
    clusters: { one: [a] },
    weights: { one: 1 },
  });
  await answeredBy('a');
  const proxy = await proxyWhen(({ inSync, types }) => inSync && types.length === 4);
  assert.deepEqual([proxy.nodeId, proxy.mode], ['grpc', 'sotw']);
  assert.match(proxy.userAgent, /gRPC Node/);

  publish({ clusters: { one: [a, b] }, weights: { one: 1 } });
  await answeredBy('a', 'b');
  publish({ clusters: { one: [b] }, weights: { one: 1 } });
  await answeredBy('b');

  publish({ clusters: { one: [b], two: [a] }, weights: { one: 1, two: 1 } });
  await answeredBy('a', 'b');
  publish({ clusters: { one: [b], two: [a] }, weights: { one: 0, two: 1 } });
  await answeredBy('a');
  // The one cluster goes in the update that brings the other.
  for (const [name, port, answer] of [
    ['three', b, 'b'],
    ['four', a, 'a'],
  ] as const) {
    publish({ clusters: { [name]: [port] }, weights: { [name]: 1 } });
    await answeredBy(answer);
  }
  await proxyWhen(({ inSync }) => inSync);
  await answeredBy('a');
});

test('its refusal is kept with its words, and what it had goes on until the mended one comes', async (t) => {
  const [a, b] = await Promise.all([startBackend(t, 'a'), startBackend(t, 'b')]);
  const { publish, proxyWhen, answeredBy } = await start(t, {
    clusters: { one: [a] },
    weights: { one: 1 },
  });
  await answeredBy('a');
  publish({ clusters: { one: [a] }, weights: { one: 0 } });
  const ofRoutes = ({ types }: ProxyStatus) => types.find((one) => one.typeUrl === TYPE_URLS.route);
  const refusing = await proxyWhen((proxy) => ofRoutes(proxy)?.nacks.length === 1);
  const [nack] = ofRoutes(refusing)?.nacks ?? [];
  assert.match(nack?.message ?? '', /sum of weights is 0/);
  assert.deepEqual(nack?.resources, ['routes']);
  await answeredBy('a');
  publish({ clusters: { one: [b] }, weights: { one: 2 } });
  await answeredBy('b');
  const mended = await proxyWhen(({ inSync }) => inSync);
  assert.deepEqual(ofRoutes(mended)?.nacks, []);
});

test('while the server is away it goes on, and takes up what has changed when it is back', async (t) => {
  const [a, b] = await Promise.all([startBackend(t, 'a'), startBackend(t, 'b')]);
  const { restart, answeredBy, proxyWhen } = await start(t, {
    clusters: { one: [a] },
    weights: { one: 1 },
  });
  await answeredBy('a');
  await restart({ clusters: { one: [b] }, weights: { one: 1 } });
  await answeredBy('b');
  await proxyWhen(({ inSync }) => inSync);
});
