/**
 * Says the mesh in Istio's words: its own objects, whole and sorted, from the mesh model and nothing else. Owns
 * what is written and where; must not know resources, Kubernetes' API, or who writes the objects.
 */
import type * as ir from '../ir/mesh.ts';
import { takesRequests } from '../xds/attempts.ts';
import { type Targets, targetsByName } from '../xds/targets.ts';
import { batchedPorts } from './batched-ports.ts';
import { clientFilters } from './client-filters.ts';
import { httpRoutes, referenceGrants } from './http-routes.ts';
import { isTooLarge, sizeProblems } from './object-size.ts';
import { byOrder, compare, type IstioObject, type IstioProblem } from './objects.ts';
import { callersOf, type IstioOptions } from './options.ts';
import { routeProblems } from './problems.ts';
import { type RoutedHost, routedHosts } from './routed-hosts.ts';
import { serverFilter } from './server-filters.ts';
import { serviceEntries } from './service-entries.ts';
import { Subsets } from './subsets.ts';
import { virtualService } from './virtual-services.ts';
import { waypointFilters } from './waypoint-filters.ts';

export type { IstioObject, IstioProblem } from './objects.ts';
export type { DirectSource, IstioOptions, Routing, Waypoint } from './options.ts';

export interface IstioTranslation {
  /** What is referred to comes before what refers to it. */
  readonly objects: readonly IstioObject[];
  /** Objects that an API server would not take: one of this name that is there stays as it is. */
  readonly tooLarge: readonly IstioObject[];
  readonly problems: readonly IstioProblem[];
}

export function istioObjects(mesh: ir.Mesh, options: IstioOptions): IstioTranslation {
  const callers = callersOf(options);
  if (callers.length === 0) return { objects: [], tooLarge: [], problems: [] };
  const targets = targetsByName(mesh);
  const foreign = new Set(options.foreignHosts);
  const all = routedHosts(mesh, options);
  const hosts = all.filter(({ host, ports, service }) => {
    const isRoutable = service !== null || options.routing === 'VirtualService';
    return isRoutable && ports.length > 0 && !foreign.has(host);
  });
  const routes = mesh.routes.filter(takesRequests);
  const batched = batchedPorts(routes, mesh.services, targets, options);
  const objects = [
    ...clientObjects(mesh, hosts, targets, options),
    ...batched.ports.map((port) => serverFilter(port, mesh, options)),
  ].toSorted(byOrder);
  const tooLarge = objects.filter(isTooLarge);
  return {
    objects: objects.filter((one) => !tooLarge.includes(one)),
    tooLarge,
    problems: [
      ...routeProblems(routes, all, { targets, services: mesh.services, options }),
      ...batched.problems,
      ...tooLarge.flatMap((object) => sizeProblems(object, routes)),
    ].toSorted((a, b) => compare(a.route, b.route)),
  };
}

function clientObjects(
  mesh: ir.Mesh,
  hosts: readonly RoutedHost[],
  targets: Targets,
  options: IstioOptions,
): IstioObject[] {
  if (hosts.length === 0) return [];
  const { namespaces, waypoints = [] } = options;
  const subsets = new Subsets(mesh, options);
  const routing =
    options.routing === 'VirtualService'
      ? hosts.map((host) => virtualService(host, { targets, subsets, options }))
      : [
          ...referenceGrants(hosts, targets, options),
          ...hosts.flatMap((host) => httpRoutes(host, targets, options)),
        ];
  return [
    ...serviceEntries(mesh, options),
    ...subsets.destinationRules(),
    ...routing,
    ...namespaces.flatMap((namespace) => clientFilters(namespace, mesh, hosts, options)),
    ...waypoints.flatMap((waypoint) => waypointFilters(waypoint, mesh, hosts, options)),
  ];
}
