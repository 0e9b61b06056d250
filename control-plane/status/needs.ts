/** Which resources of a proxy an object depends on: what must be there before it counts as programmed. */
import { backendOfTarget, nameOf } from '../build/names.ts';
import type { Mesh } from '../ir/mesh.ts';
import type { ObjectRef } from '../ir/status.ts';
import { TYPE_URLS } from '../xds/snapshot.ts';

export interface Need {
  readonly typeUrl: string;
  /** Null: whatever there is of this type. */
  readonly names: readonly string[] | null;
}

/** Every route is a part of the filters' configuration and of the route table. */
const SHARED: readonly Need[] = [
  { typeUrl: TYPE_URLS.listener, names: null },
  { typeUrl: TYPE_URLS.route, names: null },
  { typeUrl: TYPE_URLS.extension, names: null },
];

/** Answers for any object of this mesh; null: the mesh does without it. */
export function needsIn(mesh: Mesh): (object: ObjectRef) => readonly Need[] | null {
  const targetsOfRoute = new Map(
    mesh.routes.map(({ name, variants }) => [name, variants.map(({ target }) => target)]),
  );
  const names = mesh.targets.map(({ name }) => name);
  const targetsOfBackend = Map.groupBy(names, backendOfTarget);
  return (object) => {
    if (object.kind === 'ModelRoute') {
      const targets = targetsOfRoute.get(nameOf(object));
      return targets === undefined ? null : [...targetNeeds(targets), ...SHARED];
    }
    const targets = targetsOfBackend.get(nameOf(object));
    return targets === undefined ? null : targetNeeds(targets);
  };
}

/** A sidecar of Istio's has from us what its filters are told, and everything else from Istio. */
export const NEEDS_OF_SIDECARS: readonly Need[] = [{ typeUrl: TYPE_URLS.extension, names: null }];

function targetNeeds(names: readonly string[]): Need[] {
  return [
    { typeUrl: TYPE_URLS.cluster, names },
    { typeUrl: TYPE_URLS.endpoint, names },
  ];
}
