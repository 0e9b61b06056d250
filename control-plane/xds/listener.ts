/** Where model traffic comes in: one HTTP connection manager per socket. */
import { create } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import { accessLogs } from './access-log.ts';
import { duration, pack } from './any.ts';
import { bufferLimitBytes, windowBytes } from './buffers.ts';
import { adsSource } from './config-source.ts';
import type { Listener } from './gen/envoy/config/listener/v3/listener_pb.js';
import { ListenerSchema } from './gen/envoy/config/listener/v3/listener_pb.js';
import { HttpConnectionManagerSchema } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { stripFromClients } from './header-mutation.ts';
import { httpFilters } from './http-filters.ts';
import { notFoundReply } from './not-found.ts';
import type { TranslateOptions } from './options.ts';
import { outcomeMetrics } from './outcome-metrics.ts';

export function listeners(mesh: ir.Mesh, options: TranslateOptions): Listener[] {
  const bufferBytes = bufferLimitBytes(mesh, options.limits);
  return mesh.listeners.map((listener) =>
    create(ListenerSchema, {
      name: listener.name,
      address: {
        address: {
          case: 'socketAddress',
          value: {
            address: listener.address,
            portSpecifier: { case: 'portValue', value: listener.port },
            // "All addresses" means both families.
            ipv4Compat: listener.address === '::',
          },
        },
      },
      perConnectionBufferLimitBytes: bufferBytes,
      filterChains: [
        {
          filters: [
            {
              name: 'envoy.filters.network.http_connection_manager',
              configType: {
                case: 'typedConfig',
                value: connectionManager(listener, bufferBytes, options),
              },
            },
          ],
        },
      ],
    }),
  );
}

function connectionManager(listener: ir.Listener, bufferBytes: number, options: TranslateOptions) {
  return pack(HttpConnectionManagerSchema, {
    statPrefix: listener.name,
    routeSpecifier: {
      case: 'rds',
      value: { configSource: adsSource(), routeConfigName: listener.name },
    },
    earlyHeaderMutationExtensions: [
      {
        name: 'envoy.http.early_header_mutation.header_mutation',
        typedConfig: stripFromClients(),
      },
    ],
    httpFilters: httpFilters(),
    // Clients are outside: what Envoy itself reads from `x-envoy-` headers (timeouts, retries) is ours.
    useRemoteAddress: true,
    // The filters and the backend must see the same path.
    normalizePath: true,
    // Realtime APIs: the chain knows them by their first request, as any other.
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    // Until a request has a route; then the route's own counts.
    streamIdleTimeout: duration(options.limits.unroutedIdleTimeoutMs),
    http2ProtocolOptions: {
      initialStreamWindowSize: windowBytes(bufferBytes),
      initialConnectionWindowSize: windowBytes(bufferBytes),
    },
    localReplyConfig: notFoundReply(),
    accessLog: [...accessLogs(options.accessLog), ...outcomeMetrics(options.outcomeMetrics)],
  });
}
