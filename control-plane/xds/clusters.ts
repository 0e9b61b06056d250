/** One cluster per target. Its own filters run per attempt, after the choice of the endpoint. */
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type * as ir from '../ir/mesh.ts';
import { duration, pack } from './any.ts';
import { bufferLimitBytes, windowBytes } from './buffers.ts';
import { adsSource } from './config-source.ts';
import { rewriterConfig } from './filter-configs.ts';
import type { Cluster } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from './gen/envoy/config/cluster/v3/cluster_pb.js';
import {
  Http1ProtocolOptionsSchema,
  Http2ProtocolOptionsSchema,
} from './gen/envoy/config/core/v3/protocol_pb.js';
import { UpstreamCodecSchema } from './gen/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec_pb.js';
import { HttpFilterSchema } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { HttpProtocolOptions_ExplicitHttpConfig } from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { HttpProtocolOptionsSchema } from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { stripFromBackends } from './header-mutation.ts';
import type { TranslateOptions } from './options.ts';
import { wasmFilter } from './wasm.ts';

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export function clusters(mesh: ir.Mesh, options: TranslateOptions): Cluster[] {
  const bufferBytes = bufferLimitBytes(mesh, options.limits);
  return mesh.targets.map((target) =>
    create(ClusterSchema, {
      name: target.name,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { edsConfig: adsSource() },
      // Inference times differ by orders of magnitude: the least busy of two, not the next in turn.
      lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
      connectTimeout: duration(target.connectTimeoutMs),
      perConnectionBufferLimitBytes: bufferBytes,
      circuitBreakers: {
        thresholds: [
          {
            maxConnections: target.maxConnections,
            maxPendingRequests: target.maxRequests,
            maxRequests: target.maxRequests,
          },
        ],
      },
      typedExtensionProtocolOptions: { [HTTP_OPTIONS]: httpOptions(target, bufferBytes, options) },
    }),
  );
}

function httpOptions(target: ir.Target, bufferBytes: number, options: TranslateOptions): Any {
  return pack(HttpProtocolOptionsSchema, {
    commonHttpProtocolOptions: { idleTimeout: duration(options.limits.upstreamIdleTimeoutMs) },
    upstreamProtocolOptions: {
      case: 'explicitHttpConfig',
      value: { protocolConfig: protocolConfig(target.protocol, bufferBytes) },
    },
    httpFilters: upstreamFilters(target, options).map(([name, value]) =>
      create(HttpFilterSchema, { name, configType: { case: 'typedConfig', value } }),
    ),
  });
}

/** In the order in which an attempt meets them. */
function upstreamFilters(target: ir.Target, options: TranslateOptions): [string, Any][] {
  const rewriter = 'modelweir.rewriter';
  const filters: [string, Any][] = [
    // Takes the reserved headers away, whatever became of the rewriter.
    ['envoy.filters.http.header_mutation', stripFromBackends()],
    // Puts the attempt on the wire. Envoy wants it last.
    ['envoy.filters.http.upstream_codec', pack(UpstreamCodecSchema, {})],
  ];
  // A backend that knows the public name needs none, and an idle one costs each attempt its crossings.
  if (target.servedModel === null && target.servedVersion === null) return filters;
  // First: it needs what the router left in the reserved headers.
  return [
    [rewriter, wasmFilter(rewriter, options.modules.rewriter, rewriterConfig(target))],
    ...filters,
  ];
}

function protocolConfig(
  protocol: ir.Protocol,
  bufferBytes: number,
): HttpProtocolOptions_ExplicitHttpConfig['protocolConfig'] {
  if (protocol !== 'OpenInferenceGRPC') {
    return { case: 'httpProtocolOptions', value: create(Http1ProtocolOptionsSchema) };
  }
  const window = windowBytes(bufferBytes);
  return {
    case: 'http2ProtocolOptions',
    value: create(Http2ProtocolOptionsSchema, {
      initialStreamWindowSize: window,
      initialConnectionWindowSize: window,
    }),
  };
}
