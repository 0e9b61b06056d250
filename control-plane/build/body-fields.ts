/** Which fields of bodies the mesh reads: one configuration has room for so many, and no more. */
import { MAX_BODY_FIELDS } from '../../filters/contract/limits.ts';
import type { ModelRoute } from '../api/kinds.ts';
import { byAge } from './age.ts';

/** The fields that the oldest routes want, as many as there is room for. */
export function readFields(routes: readonly ModelRoute[]): ReadonlySet<string> {
  const wanted = routes.toSorted(byAge).flatMap(({ spec }) => spec.sticky?.bodyField ?? []);
  return new Set([...new Set(wanted)].slice(0, MAX_BODY_FIELDS));
}
