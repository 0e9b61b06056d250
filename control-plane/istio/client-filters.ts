/**
 * Router and splitter in the proxies of callers: an EnvoyFilter with all that seldom changes, and one with the
 * splitter's configuration, which weights change.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import { pack } from '../xds/any.ts';
import { bodyLimitBytes, bufferLimitBytes } from '../xds/buffers.ts';
import { routerConfig } from '../xds/filter-configs.ts';
import { FilterConfigSchema } from '../xds/gen/envoy/config/route/v3/route_components_pb.js';
import { HeaderMutationPerRouteSchema } from '../xds/gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js';
import { WasmSchema } from '../xds/gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import { stripFromTrailers, stripReserved } from '../xds/header-mutation.ts';
import type { TranslateOptions } from '../xds/options.ts';
import { IDLE_GRACE_MS, notedOfChain, RESPONSE_HEADERS_OF_CHAIN } from '../xds/route-table.ts';
import { wholeSplitter } from '../xds/splitter-shards.ts';
import { underAllNames } from './all-names.ts';
import { destinationOf, seconds, variantKey } from './destinations.ts';
import {
  addExtension,
  type ConfiguredFilter,
  envoyFilter,
  insertFilter,
  type ListenerPlace,
  mergeConnectionManager,
  mergeRoutes,
  mergeVirtualHost,
  type VirtualHostPlace,
} from './envoy-filter.ts';
import { filter, nativeFilter, ROUTER, SPLITTER, TRAILERS, wasm } from './filters.ts';
import type { IstioObject } from './objects.ts';
import type { IstioOptions } from './options.ts';
import type { RoutedHost } from './routed-hosts.ts';
import { Subsets } from './subsets.ts';

export const ROUTER_OBJECT = 'modelweir-router';
export const SPLITTER_OBJECT = 'modelweir-splitter';

const CONTEXT = 'SIDECAR_OUTBOUND';

/** Of one namespace: for all of its proxies. */
export function clientFilters(
  namespace: string,
  mesh: ir.Mesh,
  hosts: readonly RoutedHost[],
  options: IstioOptions,
): IstioObject[] {
  const ports = [...new Set(hosts.flatMap((one) => one.ports))].toSorted((a, b) => a - b);
  const patches = [
    ...ports.flatMap((port) => listenerPatches({ context: CONTEXT, port }, options)),
    ...hosts.flatMap((host) =>
      host.ports.flatMap((port) =>
        hostPatches({ context: CONTEXT, name: `${host.host}:${port}` }, host, mesh, options),
      ),
    ),
  ];
  const router = { namespace, name: ROUTER_OBJECT };
  const splitter = { namespace, name: SPLITTER_OBJECT };
  if (options.direct !== null) return [envoyFilter(router, null, patches, options)];
  const seen = underAllNames(mesh, namespace, options);
  const extensions = [addExtension(CONTEXT, routerExtension(seen, options))];
  const split = [addExtension(CONTEXT, splitterExtension(seen, options))];
  return [
    envoyFilter(router, null, [...patches, ...extensions], options),
    envoyFilter(splitter, null, split, options),
  ];
}

/**
 * In this order a request meets them. They are in the way only of requests to hosts that have models; what
 * clients send with the reserved prefix is taken from all requests of the port.
 */
function listenerPatches(place: ListenerPlace, options: IstioOptions): JsonObject[] {
  return [
    mergeConnectionManager(place, {
      earlyHeaderMutationExtensions: [
        {
          name: 'envoy.http.early_header_mutation.header_mutation',
          typedConfig: stripReserved(),
        },
      ],
    }),
    insertFilter(place, filter({ name: ROUTER, disabled: true }, options)),
    // Never in the way: it is there for the router, which looks into its configuration.
    insertFilter(place, filter({ name: SPLITTER, disabled: true }, options)),
    insertFilter(place, nativeFilter(TRAILERS, stripFromTrailers(), true)),
  ];
}

function hostPatches(
  place: VirtualHostPlace,
  { routes }: RoutedHost,
  mesh: ir.Mesh,
  options: IstioOptions,
): JsonObject[] {
  const { limits } = options.translation;
  const limitBytes = bodyLimitBytes(bufferLimitBytes(mesh, limits));
  return [
    mergeVirtualHost(place, {
      typedPerFilterConfig: {
        [ROUTER]: ENABLED,
        [TRAILERS]: pack(HeaderMutationPerRouteSchema, {}),
      },
      requestBodyBufferLimit: BigInt(limitBytes),
      responseHeadersToRemove: RESPONSE_HEADERS_OF_CHAIN,
      responseHeadersToAdd: notedOfChain(),
    }),
    mergeRoutes(place, { idle_timeout: seconds(idleTimeoutMs(routes, options)) }),
  ];
}

/** Istio has none, and without one a request would stay for good that a filter holds whose machine dies. */
export function idleTimeoutMs(
  routes: readonly { readonly timeoutMs: number }[],
  { translation }: IstioOptions,
): number {
  const { unroutedIdleTimeoutMs } = translation.limits;
  return Math.max(unroutedIdleTimeoutMs, ...routes.map((one) => one.timeoutMs)) + IDLE_GRACE_MS;
}

/**
 * A configuration enables a filter that is disabled. Envoy would take an empty one, which Istio does not; so it
 * is one that the filter has no use for, and need not have.
 */
const ENABLED = pack(FilterConfigSchema, { isOptional: true, config: pack(WasmSchema, {}) });

export function routerExtension(mesh: ir.Mesh, options: IstioOptions): ConfiguredFilter {
  const surroundings = { hasClasses: false, hasBatcher: false, hasOwnRoutes: true };
  const configuration = routerConfig(mesh, unread(options.translation), surroundings);
  return { name: ROUTER, typedConfig: wasm(ROUTER, 'chain', configuration, options) };
}

/** The access log and the metrics of a sidecar are Istio's: what only ours would read is not noted. */
function unread(translation: TranslateOptions): TranslateOptions {
  return { ...translation, accessLog: null, outcomeMetrics: false };
}

/** Istio's name of a destination's cluster in proxies of one kind. */
export type ClusterNames = (destination: ClusterPlace) => string;

export interface ClusterPlace {
  readonly host: string;
  readonly port: number;
  /** Empty: none. */
  readonly subset: string;
}

export const OUTBOUND: ClusterNames = ({ host, port, subset }) =>
  `outbound|${port}|${subset}|${host}`;

export function splitterExtension(
  mesh: ir.Mesh,
  options: IstioOptions,
  clusters: ClusterNames = OUTBOUND,
): ConfiguredFilter {
  const revision = options.translation.splitterRevision ?? 0;
  const subsets = new Subsets(mesh, options);
  const configuration = wholeSplitter(mesh, revision, {
    cluster: variantKey,
    shadowCluster: null,
    isPlanned: () => false,
    askCluster: (target) => {
      const destination = destinationOf(target, options);
      const subset = subsets.of(target) ?? '';
      return destination === null ? '' : clusters({ ...destination, subset });
    },
  });
  return { name: SPLITTER, typedConfig: wasm(SPLITTER, 'chain', configuration, options) };
}
