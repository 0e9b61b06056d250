/**
 * Router and splitter in a waypoint of the ambient mode, which stands before the Services for all callers. Its
 * proxies get what istiod changes inbound, and each port of a Service is a filter chain there.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import {
  DECISION_HEADER,
  SHOWN_DECISION,
  SHOWN_VARIANT,
  VARIANT_HEADER,
} from '../../filters/contract/headers.ts';
import type * as ir from '../ir/mesh.ts';
import { duration } from '../xds/any.ts';
import { answerHeaders, stripFromTrailers, stripReserved } from '../xds/header-mutation.ts';
import { underAllNames } from './all-names.ts';
import {
  type ClusterNames,
  idleTimeoutMs,
  OUTBOUND,
  routerExtension,
  splitterExtension,
} from './client-filters.ts';
import { addExtension, envoyFilter, insertFilter, mergeConnectionManager } from './envoy-filter.ts';
import { filter, nativeFilter, ROUTER, SPLITTER, TRAILERS } from './filters.ts';
import { type IstioObject, nameFrom } from './objects.ts';
import type { IstioOptions, Waypoint } from './options.ts';
import type { RoutedHost } from './routed-hosts.ts';

const CONTEXT = 'SIDECAR_INBOUND';

const ANSWERS = 'modelweir.answers';
const NOTED = { [VARIANT_HEADER]: SHOWN_VARIANT, [DECISION_HEADER]: SHOWN_DECISION };

/** Also of its filter chain. */
const INBOUND: ClusterNames = ({ host, port, subset }) =>
  `inbound-vip|${port}|http${subset === '' ? '' : `/${subset}`}|${host}`;

/** The waypoint has Services of its own namespace before it, and goes out for others. */
function clustersAt(namespace: string): ClusterNames {
  return (place) => (place.host.includes(`.${namespace}.svc.`) ? INBOUND : OUTBOUND)(place);
}

export function waypointFilters(
  { namespace, name }: Waypoint,
  mesh: ir.Mesh,
  hosts: readonly RoutedHost[],
  options: IstioOptions,
): IstioObject[] {
  const group = 'gateway.networking.k8s.io';
  const selection = { targetRefs: [{ group, kind: 'Gateway', name }] };
  const patches = hosts.flatMap((host) =>
    host.ports.flatMap((port) => chainPatches(host, port, options)),
  );
  const router = { namespace, name: nameFrom('modelweir-router', name) };
  const splitter = { namespace, name: nameFrom('modelweir-splitter', name) };
  if (options.direct !== null) return [envoyFilter(router, selection, patches, options)];
  const seen = underAllNames(mesh, namespace, options);
  const extension = addExtension(CONTEXT, routerExtension(seen, options));
  const split = [addExtension(CONTEXT, splitterExtension(seen, options, clustersAt(namespace)))];
  return [
    envoyFilter(router, selection, [...patches, extension], options),
    envoyFilter(splitter, selection, split, options),
  ];
}

/**
 * istiod lets nobody change the routes of a waypoint. So the filters are in the way of all requests of a chain,
 * which is one host's alone, and what routes say elsewhere its connection manager and a filter say.
 */
function chainPatches(
  { host, routes }: RoutedHost,
  port: number,
  options: IstioOptions,
): JsonObject[] {
  const place = { context: CONTEXT, chain: INBOUND({ host, port, subset: '' }) } as const;
  return [
    mergeConnectionManager(place, {
      earlyHeaderMutationExtensions: [
        {
          name: 'envoy.http.early_header_mutation.header_mutation',
          typedConfig: stripReserved(),
        },
      ],
      streamIdleTimeout: duration(idleTimeoutMs(routes, options)),
    }),
    insertFilter(place, filter({ name: ROUTER, disabled: false }, options)),
    insertFilter(place, filter({ name: SPLITTER, disabled: true }, options)),
    insertFilter(place, nativeFilter(TRAILERS, stripFromTrailers(), false)),
    insertFilter(place, nativeFilter(ANSWERS, answerHeaders(NOTED), false)),
  ];
}
