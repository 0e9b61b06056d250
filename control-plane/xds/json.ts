/** Resources as JSON that people read: for golden files and for showing what a proxy is sent. */
import type { DescMessage, JsonValue, MessageShape, Registry } from '@bufbuild/protobuf';
import { createRegistry, fromBinary, toJson } from '@bufbuild/protobuf';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { typeUrl } from './any.ts';
import { ClusterSchema } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from './gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from './gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from './gen/envoy/config/listener/v3/listener_pb.js';
import {
  FilterConfigSchema,
  RouteSchema,
} from './gen/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema } from './gen/envoy/config/route/v3/route_pb.js';
import { FileAccessLogSchema } from './gen/envoy/extensions/access_loggers/file/v3/file_pb.js';
import { ConfigSchema as StatsAccessLogSchema } from './gen/envoy/extensions/access_loggers/stats/v3/stats_pb.js';
import { StdoutAccessLogSchema } from './gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { ClusterConfigSchema } from './gen/envoy/extensions/clusters/aggregate/v3/cluster_pb.js';
import {
  HeaderMutationPerRouteSchema,
  HeaderMutationSchema,
} from './gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js';
import { LuaSchema } from './gen/envoy/extensions/filters/http/lua/v3/lua_pb.js';
import { RouterSchema } from './gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { UpstreamCodecSchema } from './gen/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec_pb.js';
import { WasmSchema } from './gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import { HttpConnectionManagerSchema } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { HeaderMutationSchema as EarlyHeaderMutationSchema } from './gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js';
import { ClientSideWeightedRoundRobinSchema } from './gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js';
import { RandomSchema } from './gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.js';
import { RingHashSchema } from './gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js';
import { RoundRobinSchema } from './gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js';
import { PreviousHostsPredicateSchema } from './gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import { PreviousPrioritiesConfigSchema } from './gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js';
import { UpstreamTlsContextSchema } from './gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { HttpProtocolOptionsSchema } from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { HttpRequestHeaderMatchInputSchema } from './gen/envoy/type/matcher/v3/http_inputs_pb.js';
import type { ResourceSet } from './translate.ts';

/** What we put into an `Any`. */
const registry: Registry = createRegistry(
  ClientSideWeightedRoundRobinSchema,
  ClusterConfigSchema,
  EarlyHeaderMutationSchema,
  FileAccessLogSchema,
  FilterConfigSchema,
  HeaderMutationPerRouteSchema,
  HeaderMutationSchema,
  HttpConnectionManagerSchema,
  HttpProtocolOptionsSchema,
  HttpRequestHeaderMatchInputSchema,
  LuaSchema,
  PreviousHostsPredicateSchema,
  PreviousPrioritiesConfigSchema,
  RandomSchema,
  RingHashSchema,
  RoundRobinSchema,
  RouterSchema,
  RouteSchema,
  StatsAccessLogSchema,
  StdoutAccessLogSchema,
  StringValueSchema,
  UpstreamCodecSchema,
  UpstreamTlsContextSchema,
  WasmSchema,
);

export function resourcesJson(set: ResourceSet): Record<keyof ResourceSet, JsonValue[]> {
  return {
    clusters: all(ClusterSchema, set.clusters),
    endpoints: all(ClusterLoadAssignmentSchema, set.endpoints),
    listeners: all(ListenerSchema, set.listeners),
    routes: all(RouteConfigurationSchema, set.routes),
    extensions: all(TypedExtensionConfigSchema, set.extensions),
    secrets: set.secrets.map(({ name }) => ({ name })),
  };
}

const SCHEMAS: ReadonlyMap<string, DescMessage> = new Map(
  [
    ClusterSchema,
    ClusterLoadAssignmentSchema,
    ListenerSchema,
    RouteConfigurationSchema,
    TypedExtensionConfigSchema,
  ].map((schema) => [typeUrl(schema), schema]),
);

/** Of one message, as other people's APIs take it: with the names of its `.proto` file. */
export function messageJson<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): JsonValue {
  return toJson(schema, message, { registry, useProtoFieldName: true });
}

/** Of one encoded resource. Null: its type is not among those that we serve, or it is secret. */
export function resourceJson(type: string, bytes: Uint8Array): JsonValue {
  const schema = SCHEMAS.get(type);
  if (schema === undefined) return null;
  return messageJson(schema, fromBinary(schema, bytes));
}

function all<Desc extends DescMessage>(
  schema: Desc,
  list: readonly MessageShape<Desc>[],
): JsonValue[] {
  return list.map((item) => messageJson(schema, item));
}
