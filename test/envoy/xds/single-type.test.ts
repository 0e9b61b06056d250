/** A real Envoy without ADS: each type, and each cluster's endpoints, over a stream of its own. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { pino } from 'pino';
import { filterModules } from '../../../control-plane/cli/filter-modules.ts';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import type * as ir from '../../../control-plane/ir/mesh.ts';
import { AdsServer } from '../../../control-plane/serve/ads-server.ts';
import { pack } from '../../../control-plane/xds/any.ts';
import { encodeSnapshot } from '../../../control-plane/xds/encode.ts';
import type { ConfigSource } from '../../../control-plane/xds/gen/envoy/config/core/v3/config_source_pb.js';
import {
  ApiConfigSource_ApiType,
  ApiVersion,
  ConfigSourceSchema,
} from '../../../control-plane/xds/gen/envoy/config/core/v3/config_source_pb.js';
import type { Listener } from '../../../control-plane/xds/gen/envoy/config/listener/v3/listener_pb.js';
import { HttpConnectionManagerSchema } from '../../../control-plane/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { ResourceSet } from '../../../control-plane/xds/translate.ts';
import { DEFAULT_LIMITS, translate } from '../../../control-plane/xds/translate.ts';
import { startBackend } from '../../harness/backend.ts';
import { envoyBootstrap, startEnvoy, type XdsMode } from '../../harness/envoy.ts';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { until } from '../../harness/until.ts';
import { MODES, oneRouteMesh } from './served-mesh.ts';

const INFER = '/v2/models/m/infer';
const XDS_CLUSTER = 'modelweir-ads';
const modules = await filterModules(join(repositoryRoot, 'dist/filters'));

/** As `translate` has it, but each resource comes from the service of its type. */
function withoutAds(set: ResourceSet, mode: XdsMode): ResourceSet {
  const source = create(ConfigSourceSchema, {
    configSourceSpecifier: {
      case: 'apiConfigSource',
      value: {
        apiType: ApiConfigSource_ApiType[mode],
        transportApiVersion: ApiVersion.V3,
        setNodeOnFirstMessageOnly: true,
        grpcServices: [
          { targetSpecifier: { case: 'envoyGrpc', value: { clusterName: XDS_CLUSTER } } },
        ],
      },
    },
    resourceApiVersion: ApiVersion.V3,
  });
  return {
    ...set,
    clusters: set.clusters.map((cluster) => {
      const { edsClusterConfig } = cluster;
      if (edsClusterConfig === undefined) return cluster;
      return { ...cluster, edsClusterConfig: { ...edsClusterConfig, edsConfig: source } };
    }),
    listeners: set.listeners.map((listener) => listenerFrom(source, listener)),
  };
}

function listenerFrom(source: ConfigSource, listener: Listener): Listener {
  for (const { configType } of listener.filterChains.flatMap(({ filters }) => filters)) {
    if (configType.case !== 'typedConfig') continue;
    const manager = anyUnpack(configType.value, HttpConnectionManagerSchema);
    if (manager === undefined) continue;
    if (manager.routeSpecifier.case === 'rds') manager.routeSpecifier.value.configSource = source;
    for (const filter of manager.httpFilters) {
      if (filter.configType.case === 'configDiscovery') {
        filter.configType.value.configSource = source;
      }
    }
    configType.value = pack(HttpConnectionManagerSchema, manager);
  }
  return listener;
}

function bootstrapWithoutAds(xdsPort: number, mode: XdsMode): object {
  const names = { nodeId: 'test-envoy', nodeCluster: 'modelweir-test' };
  const bootstrap = envoyBootstrap({ ...names, xdsPort, mode, adminPort: 0 });
  const source = {
    api_config_source: {
      api_type: mode,
      transport_api_version: 'V3',
      set_node_on_first_message_only: true,
      grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER } }],
    },
    resource_api_version: 'V3',
  };
  return { ...bootstrap, dynamic_resources: { cds_config: source, lds_config: source } };
}

async function start(t: TestContext, mode: XdsMode, mesh: ir.Mesh) {
  const server = new AdsServer({ logger: pino({ enabled: false }) });
  t.after(() => server.close(1000));
  const publish = (next: ir.Mesh) => {
    const plain = { modelHeader: null, accessLog: null, outcomeMetrics: false };
    const set = translate(next, { modules, limits: DEFAULT_LIMITS, ...plain });
    server.publish(encodeSnapshot(withoutAds(set, mode)));
  };
  publish(mesh);
  const xdsPort = await server.listen('127.0.0.1', 0);
  const envoy = await startEnvoy({ bootstrap: bootstrapWithoutAds(xdsPort, mode) });
  t.after(() => envoy.stop());
  const url = `http://${(await envoy.listeners()).get('default')}${INFER}`;
  const [proxy] = server.proxies.list();
  assert.equal(proxy?.mode, mode === 'GRPC' ? 'sotw' : 'delta');
  return { server, envoy, url, publish };
}

for (const mode of MODES) {
  test(`${mode}: without ADS a mesh is served, and a model moves without a lost request`, async (t) => {
    const backends = await Promise.all(
      ['a', 'b'].map(async (name) => {
        const backend = await startBackend((_, response) => {
          response.end(name);
        });
        t.after(() => backend.stop());
        return { name, port: backend.port };
      }),
    );
    const [a, b] = backends as [(typeof backends)[0], (typeof backends)[0]];
    const mesh = await oneRouteMesh([a]);
    const both = await oneRouteMesh([a, b]);
    const { listeners, routes } = mesh;
    const { server, envoy, url, publish } = await start(t, mode, mesh);
    const request = { url, method: 'POST', body: '{}' };
    assert.equal((await exchange(request)).body.toString(), 'a');

    const over = new AbortController();
    t.after(() => over.abort());
    const load = { request, connections: 2, count: 1_000_000, signal: over.signal };
    const traffic = httpLoad(load);
    // Without ADS nothing is in order: what is to be used must be there before.
    publish({ ...both, listeners, routes });
    const clusters = async () =>
      (await envoy.stats(/^cluster\.default\/\w\.membership_total$/)).size;
    await until('two clusters', async () => (await clusters()) === 2);
    publish({ ...(await oneRouteMesh([b])), listeners });
    await until('one cluster', async () => (await clusters()) === 1);
    assert.equal((await exchange(request)).body.toString(), 'b');
    over.abort();
    const outcomes = await traffic;
    assert.deepEqual(statusCounts(outcomes), { 200: outcomes.length });

    const proxies = server.proxies.list();
    assert.deepEqual(
      proxies.map(({ nodeId, inSync, types }) => [nodeId, inSync, types.length]),
      [['test-envoy', true, 5]],
      'its streams are one proxy',
    );
    assert.ok(server.proxies.size >= 5, `${server.proxies.size} streams`);
  });

  test(`${mode}: without ADS more clusters than streams fit into one connection are served`, async (t) => {
    const backend = await startBackend((_, response) => {
      response.end('served');
    });
    t.after(() => backend.stop());
    const names = Array.from({ length: 150 }, (_, i) => `b${i}`);
    const { targets } = await oneRouteMesh(names.map((name) => ({ name, port: backend.port })));
    const mesh = await oneRouteMesh([{ name: 'b0', port: backend.port }]);
    const { server, url } = await start(t, mode, { ...mesh, targets });
    await until('all streams in sync', () => server.proxies.list().every(({ inSync }) => inSync));
    const [proxy] = server.proxies.list();
    assert.ok(server.proxies.size > 150, `${server.proxies.size} streams`);
    assert.equal(proxy?.types.length, 5);
    assert.equal((await exchange({ url, method: 'POST', body: '{}' })).status, 200);
  });
}
