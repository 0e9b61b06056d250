/**
 * Says the mesh in Istio's words: its own objects, whole and sorted, from the mesh model and nothing else. Owns
 * what is written and where; must not know resources, Kubernetes' API, or who writes the objects.
 */
import type * as ir from '../ir/mesh.ts';
import { targetsByName } from '../xds/targets.ts';
import { clientFilters } from './client-filters.ts';
import { byOrder, type IstioObject, type IstioProblem } from './objects.ts';
import type { IstioOptions } from './options.ts';
import { routedHosts } from './routed-hosts.ts';
import { serviceEntries } from './service-entries.ts';
import { Subsets } from './subsets.ts';
import { virtualService } from './virtual-services.ts';

export type { IstioObject, IstioProblem } from './objects.ts';
export type { DirectSource, IstioOptions, Routing, Waypoint } from './options.ts';

export interface IstioTranslation {
  /** What is referred to comes before what refers to it. */
  readonly objects: readonly IstioObject[];
  readonly problems: readonly IstioProblem[];
}

export function istioObjects(mesh: ir.Mesh, options: IstioOptions): IstioTranslation {
  const foreign = new Set(options.foreignHosts);
  const hosts = routedHosts(mesh, options).filter(({ host }) => !foreign.has(host));
  const parts = {
    targets: targetsByName(mesh),
    subsets: new Subsets(mesh.targets, options),
    options,
  };
  if (options.namespaces.length === 0 || hosts.length === 0) return { objects: [], problems: [] };
  const objects = [
    ...serviceEntries(mesh, options),
    ...parts.subsets.destinationRules(),
    ...hosts.map((host) => virtualService(host, parts)),
    ...options.namespaces.flatMap((namespace) => clientFilters(namespace, mesh, hosts, options)),
  ];
  return { objects: objects.toSorted(byOrder), problems: [] };
}
