/** How Envoy talks HTTP to the endpoints of a cluster, and through which filters. */
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type * as ir from '../ir/mesh.ts';
import { duration, pack } from './any.ts';
import { windowBytes } from './buffers.ts';
import {
  Http1ProtocolOptionsSchema,
  Http2ProtocolOptionsSchema,
} from './gen/envoy/config/core/v3/protocol_pb.js';
import type { HttpFilter } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { HttpProtocolOptions_ExplicitHttpConfig } from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { HttpProtocolOptionsSchema } from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { TranslateOptions } from './options.ts';

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** A cluster's `typedExtensionProtocolOptions`. Without filters Envoy puts its own last one there. */
export function protocolOptions(
  protocol: ir.Protocol,
  bufferBytes: number,
  options: TranslateOptions,
  httpFilters: HttpFilter[] = [],
): Record<string, Any> {
  const value = pack(HttpProtocolOptionsSchema, {
    commonHttpProtocolOptions: { idleTimeout: duration(options.limits.upstreamIdleTimeoutMs) },
    upstreamProtocolOptions: {
      case: 'explicitHttpConfig',
      value: { protocolConfig: protocolConfig(protocol, bufferBytes) },
    },
    httpFilters,
  });
  return { [HTTP_OPTIONS]: value };
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
