/** One cluster per target. It has no filters of its own: these would run for each attempt again. */
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type * as ir from '../ir/mesh.ts';
import { duration, pack } from './any.ts';
import { bufferLimitBytes, windowBytes } from './buffers.ts';
import { adsSource } from './config-source.ts';
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
import type { HttpProtocolOptions_ExplicitHttpConfig } from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { HttpProtocolOptionsSchema } from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { TranslateOptions } from './options.ts';

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
  });
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
