/**
 * Router and splitter in a waypoint of the ambient mode, which stands before the Services for all callers. Its
 * proxies get what istiod changes inbound, and each port of a Service is a filter chain there.
 */
import type * as ir from '../ir/mesh.ts';
import {
  type ClusterNames,
  hostPatches,
  listenerPatches,
  routerExtension,
  splitterExtension,
} from './client-filters.ts';
import { addExtension, envoyFilter } from './envoy-filter.ts';
import { type IstioObject, nameFrom } from './objects.ts';
import type { IstioOptions, Waypoint } from './options.ts';
import { type RoutedHost, underAllNames } from './routed-hosts.ts';

const CONTEXT = 'SIDECAR_INBOUND';

/** Also of its filter chain, and of the chain's table of routes. */
const INBOUND: ClusterNames = ({ host, port }) => `inbound-vip|${port}|http|${host}`;

export function waypointFilters(
  { namespace, name }: Waypoint,
  mesh: ir.Mesh,
  hosts: readonly RoutedHost[],
  options: IstioOptions,
): IstioObject[] {
  const group = 'gateway.networking.k8s.io';
  const selection = { targetRefs: [{ group, kind: 'Gateway', name }] };
  const patches = hosts.flatMap((host) =>
    host.ports.flatMap((port) => {
      const chain = INBOUND({ host: host.host, port });
      const virtualHost = { context: CONTEXT, table: chain } as const;
      return [
        ...listenerPatches({ context: CONTEXT, chain }, options),
        ...hostPatches(virtualHost, host, mesh, options),
      ];
    }),
  );
  const router = { namespace, name: nameFrom('modelweir-router', name) };
  const splitter = { namespace, name: nameFrom('modelweir-splitter', name) };
  if (options.direct !== null) return [envoyFilter(router, selection, patches, options)];
  const seen = underAllNames(mesh, namespace, options);
  const extension = addExtension(CONTEXT, routerExtension(seen, options));
  const split = [addExtension(CONTEXT, splitterExtension(seen, options, INBOUND))];
  return [
    envoyFilter(router, selection, [...patches, extension], options),
    envoyFilter(splitter, selection, split, options),
  ];
}
