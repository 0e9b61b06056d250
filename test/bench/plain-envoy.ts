/**
 * The baselines: the same Envoy with the same listener, limits and cluster, without filters of ours, or
 * with four that do nothing in their places. Both are made from the translated resources by taking away,
 * so that nothing else differs.
 */

import { fileURLToPath } from 'node:url';
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import pino from 'pino';
import type { Mesh, Route } from '../../control-plane/ir/mesh.ts';
import { AdsServer } from '../../control-plane/serve/ads-server.ts';
import { encodeSnapshot } from '../../control-plane/xds/encode.ts';
import { RouteSchema } from '../../control-plane/xds/gen/envoy/config/route/v3/route_components_pb.js';
import { HttpConnectionManagerSchema } from '../../control-plane/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { HttpProtocolOptionsSchema } from '../../control-plane/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import {
  DEFAULT_LIMITS,
  type Module,
  type ResourceSet,
  translate,
} from '../../control-plane/xds/translate.ts';
import { startEnvoy } from '../harness/envoy.ts';

export interface PlainEnvoy {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const EMPTY: Module = {
  path: fileURLToPath(new URL('../../dist/test-modules/empty-filter.wasm', import.meta.url)),
  sha256: '',
};

export type Filters = 'none' | 'empty';

export async function startPlainEnvoy(backendPort: number, filters: Filters): Promise<PlainEnvoy> {
  const modules = { router: EMPTY, splitter: EMPTY, batcher: EMPTY, rewriter: EMPTY };
  const options = { modules, limits: DEFAULT_LIMITS, accessLog: null };
  const server = new AdsServer({ logger: pino({ level: 'silent' }) });
  const xdsPort = await server.listen('127.0.0.1', 0);
  const set = toOneCluster(translate(meshOf(backendPort), options));
  server.publish(encodeSnapshot(filters === 'none' ? withoutFilters(set) : set));
  const envoy = await startEnvoy({ xdsPort });
  return {
    url: `http://${[...(await envoy.listeners()).values()][0]}`,
    pid: envoy.pid,
    stop: async () => {
      await envoy.stop();
      await server.close(0);
    },
  };
}

function meshOf(port: number): Mesh {
  const target = {
    name: 'default/backend',
    protocol: 'OpenAI',
    endpoints: [{ address: '127.0.0.1', port }],
    servedModel: 'served',
    servedVersion: null,
    connectTimeoutMs: 1000,
    maxConnections: 1024,
    maxRequests: 1024,
  } as const;
  const listeners = [{ name: 'models', address: '127.0.0.1', port: 0 }];
  return { listeners, routes: [ROUTE], targets: [target] };
}

/** So that there is something to split and to batch, and each filter is in its place. */
const ROUTE: Route = {
  name: 'default/model',
  claims: [{ hostname: '*', model: 'model' }],
  modelScan: 'strict',
  variants: [{ name: 'only', target: 'default/backend', weight: 1 }],
  stickyHeader: null,
  variantHeader: true,
  timeoutMs: 15_000,
  batching: {
    maxRows: 32,
    maxBytes: 1 << 20,
    maxDelayMs: 5,
    maxInFlight: 1,
    timeoutMs: 15_000,
    identityHeaders: [],
    sizeHeaders: true,
  },
};

function withoutFilters(set: ResourceSet): ResourceSet {
  for (const listener of set.listeners) {
    const config = listener.filterChains[0]?.filters[0]?.configType;
    if (config?.case !== 'typedConfig') throw new Error('the listener has no connection manager');
    edit(HttpConnectionManagerSchema, config.value, (manager) => {
      manager.httpFilters = manager.httpFilters.slice(-1);
      manager.earlyHeaderMutationExtensions = [];
    });
  }
  for (const cluster of set.clusters) {
    for (const options of Object.values(cluster.typedExtensionProtocolOptions)) {
      edit(HttpProtocolOptionsSchema, options, (value) => {
        value.httpFilters = [];
      });
    }
  }
  return { ...set, extensions: [] };
}

/** All requests go to the backend, whatever filters say. */
function toOneCluster(set: ResourceSet): ResourceSet {
  for (const host of set.routes.flatMap((route) => route.virtualHosts)) {
    delete host.matcher;
    host.routes = [
      create(RouteSchema, {
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        action: {
          case: 'route',
          value: { clusterSpecifier: { case: 'cluster', value: 'default/backend' } },
        },
      }),
    ];
  }
  return set;
}

function edit<Desc extends DescMessage>(
  schema: Desc,
  any: Any,
  change: (message: MessageShape<Desc>) => void,
): void {
  const message = fromBinary(schema, any.value);
  change(message);
  any.value = toBinary(schema, message);
}
