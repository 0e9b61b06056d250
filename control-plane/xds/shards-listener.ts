/**
 * A listener that listens to nothing. Its filters are the shards of the splitter's configuration: Envoy loads
 * them into the machine of the router's filter and keeps them up to date. In the listeners that take requests
 * each of them would cost every request a look, and another number of shards would drain their connections.
 */
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { pack, typeUrl } from './any.ts';
import { adsSource } from './config-source.ts';
import type { Listener } from './gen/envoy/config/listener/v3/listener_pb.js';
import { ListenerSchema } from './gen/envoy/config/listener/v3/listener_pb.js';
import { RouterSchema } from './gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { WasmSchema } from './gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import type { HttpFilter } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import {
  HttpConnectionManagerSchema,
  HttpFilterSchema,
} from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { shardNames } from './splitter-shards.ts';

export const SHARDS_LISTENER = 'modelweir.shards';

/** They come one after the other, and until all are there a new Envoy is to wait. */
const FETCH_TIMEOUT_MS = 15_000;

export function shardsListener(shards: number): Listener {
  return create(ListenerSchema, {
    name: SHARDS_LISTENER,
    // Envoy wants one, and does not bind to it.
    address: {
      address: {
        case: 'socketAddress',
        value: { address: '127.0.0.1', portSpecifier: { case: 'portValue', value: 0 } },
      },
    },
    bindToPort: false,
    filterChains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            configType: { case: 'typedConfig', value: connectionManager(shards) },
          },
        ],
      },
    ],
  });
}

function connectionManager(shards: number): Any {
  return pack(HttpConnectionManagerSchema, {
    statPrefix: SHARDS_LISTENER,
    routeSpecifier: { case: 'routeConfig', value: { name: SHARDS_LISTENER } },
    httpFilters: [
      ...shardNames(shards).map(shardFilter),
      create(HttpFilterSchema, {
        name: 'envoy.filters.http.router',
        configType: { case: 'typedConfig', value: pack(RouterSchema, {}) },
      }),
    ],
  });
}

function shardFilter(name: string): HttpFilter {
  return create(HttpFilterSchema, {
    name,
    disabled: true,
    configType: {
      case: 'configDiscovery',
      value: { configSource: adsSource(FETCH_TIMEOUT_MS), typeUrls: [typeUrl(WasmSchema)] },
    },
  });
}
