/** Names of objects in the mesh model. */
import { createHash } from 'node:crypto';
import { MAX_CLUSTER_NAME_LENGTH } from '../../filters/contract/limits.ts';

interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** `namespace/name`. */
export function nameOf({ namespace, name }: Named): string {
  return `${namespace}/${name}`;
}

/** `namespace/backend`, with `?model=name` where the served name is not the backend's own. */
export function targetName(backend: Named, servedModel: string | undefined): string {
  if (servedModel === undefined) return nameOf(backend);
  const name = `${nameOf(backend)}?model=${servedModel}`;
  if (name.length <= MAX_CLUSTER_NAME_LENGTH) return name;
  const hash = createHash('sha256').update(servedModel).digest('hex').slice(0, 16);
  return `${nameOf(backend)}?model-hash=${hash}`;
}

/** Stands for a route none of whose variants has a backend. No object can have this name. */
export function unresolvedTargetName(route: Named): string {
  return `${nameOf(route)}?unresolved`;
}

/** `namespace/name` of the backend that a target stands for; null: it stands for none. */
export function backendOfTarget(name: string): string | null {
  const [backend = name, query] = name.split('?', 2);
  return query === 'unresolved' ? null : backend;
}
