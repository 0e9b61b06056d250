/** Who came first: what it has, nobody who comes later can take away. */
import type { ModelRoute } from '../api/kinds.ts';
import { nameOf } from './names.ts';

/** Objects with a creation time come first: those from files have none, and go by name. */
export function byAge(a: ModelRoute, b: ModelRoute): number {
  const age = ageOf(a) - ageOf(b);
  if (age !== 0 && !Number.isNaN(age)) return age;
  return compare(nameOf(a.metadata), nameOf(b.metadata));
}

function ageOf({ metadata }: ModelRoute): number {
  const created = metadata.creationTimestamp;
  return created === undefined ? Number.POSITIVE_INFINITY : Date.parse(created);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
