/** The mesh's targets by name, as the other parts of a translation look them up. */
import type * as ir from '../ir/mesh.ts';

export type Targets = ReadonlyMap<string, ir.Target>;

export function targetsByName(mesh: ir.Mesh): Targets {
  return new Map(mesh.targets.map((target) => [target.name, target]));
}

/** Those of a route's variants, in their order; one without a target is left out. */
export function targetsOf(route: ir.Route, targets: Targets): ir.Target[] {
  return route.variants.flatMap(({ target }) => targets.get(target) ?? []);
}

/** Whether Envoy may find that it is not well, and that its requests should go elsewhere. */
export function canFail(target: Pick<ir.Target, 'healthCheck' | 'outlierDetection'>): boolean {
  return target.healthCheck !== null || target.outlierDetection !== null;
}
