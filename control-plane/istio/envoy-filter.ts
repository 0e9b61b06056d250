/** EnvoyFilters: what is changed of the configuration that istiod makes for a proxy. */
import type { DescMessage, JsonObject, JsonValue, MessageInitShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { pack } from '../xds/any.ts';
import { TypedExtensionConfigSchema } from '../xds/gen/envoy/config/core/v3/extension_pb.js';
import { FilterSchema } from '../xds/gen/envoy/config/listener/v3/listener_components_pb.js';
import { VirtualHostSchema } from '../xds/gen/envoy/config/route/v3/route_components_pb.js';
import type { HttpFilter } from '../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import {
  HttpConnectionManagerSchema,
  HttpFilterSchema,
} from '../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { messageJson } from '../xds/json.ts';
import { type IstioObject, istioObject, type Place } from './objects.ts';
import { type IstioOptions, requiredMetadata } from './options.ts';

export type Context = 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND';

/** Some listeners of a proxy. */
export interface ListenerPlace {
  readonly context: Context;
  readonly port?: number;
  /** Name of a filter chain. */
  readonly chain?: string;
}

/** Some virtual hosts of a proxy. */
export interface VirtualHostPlace {
  readonly context: Context;
  /** Default: all of the route configuration. */
  readonly name?: string;
  /** Of the route configuration. */
  readonly table?: string;
}

const CONNECTION_MANAGER = 'envoy.filters.network.http_connection_manager';
const ROUTER = 'envoy.filters.http.router';

/** After those of others, which have 0 unless they say something else: ours stand next to Envoy's router. */
const PRIORITY = 100;

export type Selection =
  /** All proxies of the namespace. */
  | null
  | { readonly workloadSelector: { readonly labels: Readonly<Record<string, string>> } }
  | { readonly targetRefs: readonly JsonObject[] };

export function envoyFilter(
  place: Place,
  selection: Selection,
  configPatches: readonly JsonObject[],
  options: IstioOptions,
): IstioObject {
  const patches = configPatches.map((one) => forProxies(one, options));
  const spec = { ...selection, priority: PRIORITY, configPatches: patches };
  return istioObject('EnvoyFilter', place, spec as JsonObject, options);
}

/** Others would refuse the whole listener, and all that comes after it. */
function forProxies(configPatch: JsonObject, options: IstioOptions): JsonObject {
  const metadata = requiredMetadata(options);
  if (metadata === null) return configPatch;
  const match = configPatch['match'] as JsonObject;
  return { ...configPatch, match: { ...match, proxy: { metadata } } };
}

/** Behind those that were put there before. */
export function insertFilter(place: ListenerPlace, filter: HttpFilter): JsonObject {
  const match = listenerMatch(place, { name: CONNECTION_MANAGER, subFilter: { name: ROUTER } });
  return patch('HTTP_FILTER', match, 'INSERT_BEFORE', messageJson(HttpFilterSchema, filter));
}

export function mergeConnectionManager(
  place: ListenerPlace,
  init: MessageInitShape<typeof HttpConnectionManagerSchema>,
): JsonObject {
  const filter = create(FilterSchema, {
    name: CONNECTION_MANAGER,
    configType: { case: 'typedConfig', value: pack(HttpConnectionManagerSchema, init) },
  });
  const match = listenerMatch(place, { name: CONNECTION_MANAGER });
  return patch('NETWORK_FILTER', match, 'MERGE', messageJson(FilterSchema, filter));
}

function listenerMatch({ context, port, chain }: ListenerPlace, filter: JsonObject): JsonObject {
  const filterChain = { ...(chain === undefined ? {} : { name: chain }), filter };
  const listener = { ...(port === undefined ? {} : { portNumber: port }), filterChain };
  return { context, listener };
}

export function mergeVirtualHost(
  place: VirtualHostPlace,
  init: MessageInitShape<typeof VirtualHostSchema>,
): JsonObject {
  const value = messageJson(VirtualHostSchema, create(VirtualHostSchema, init));
  return patch('VIRTUAL_HOST', virtualHostMatch(place, {}), 'MERGE', value);
}

/** All routes of the virtual host that forward. A host's held requests have the last of them. */
export function mergeRoutes(place: VirtualHostPlace, route: JsonObject): JsonObject {
  const match = virtualHostMatch(place, { route: { action: 'ROUTE' } });
  return patch('HTTP_ROUTE', match, 'MERGE', { route });
}

function virtualHostMatch({ context, name, table }: VirtualHostPlace, more: JsonObject) {
  const vhost = { ...(name === undefined ? {} : { name }), ...more };
  const routeConfiguration = {
    ...(table === undefined ? {} : { name: table }),
    ...(Object.keys(vhost).length === 0 ? {} : { vhost }),
  };
  return { context, routeConfiguration };
}

export function addCluster<Desc extends DescMessage>(
  context: Context,
  schema: Desc,
  init: MessageInitShape<Desc>,
): JsonObject {
  return patch('CLUSTER', { context }, 'ADD', messageJson(schema, create(schema, init)));
}

/** A filter's configuration as a resource of its own. */
export interface ConfiguredFilter {
  readonly name: string;
  readonly typedConfig: Any;
}

export function addExtension(context: Context, filter: ConfiguredFilter): JsonObject {
  const value = messageJson(TypedExtensionConfigSchema, create(TypedExtensionConfigSchema, filter));
  return patch('EXTENSION_CONFIG', { context }, 'ADD', value);
}

function patch(applyTo: string, match: JsonObject, operation: string, value: JsonValue) {
  return { applyTo, match, patch: { operation, value: typesFirst(value) } };
}

/** Whoever reads it wants to know first what it is. */
function typesFirst(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(typesFirst);
  if (typeof value !== 'object' || value === null) return value;
  const { '@type': type, ...rest } = value;
  const entries = Object.entries(rest).map(([key, one]) => [key, typesFirst(one)] as const);
  return { ...(type === undefined ? {} : { '@type': type }), ...Object.fromEntries(entries) };
}
