/** How large an object may be: what is larger an API server refuses, or its store does. */
import type * as ir from '../ir/mesh.ts';
import type { IstioObject, IstioProblem } from './objects.ts';

/** etcd takes 1.5 MiB by default, with what the API server adds to an object: it notes the owner of each field. */
export const MAX_OBJECT_BYTES = 1_000_000;

export function isTooLarge(object: IstioObject): boolean {
  return bytesOf(object) > MAX_OBJECT_BYTES;
}

/** Of an object that many routes share no one is the one too many. */
export function sizeProblems(object: IstioObject, routes: readonly ir.Route[]): IstioProblem[] {
  const { kind, metadata } = object;
  const fix =
    kind === 'EnvoyFilter'
      ? 'use the direct mode, or fewer routes'
      : 'use fewer routes at one host';
  const message =
    `${kind} ${metadata.namespace}/${metadata.name} would have ${bytesOf(object)} bytes, and a ` +
    `Kubernetes object may have ${MAX_OBJECT_BYTES}: what is there stays; ${fix}`;
  return routes.map(({ name }) => ({ route: name, reason: 'ObjectTooLarge', message }));
}

function bytesOf(object: IstioObject): number {
  return Buffer.byteLength(JSON.stringify(object));
}
