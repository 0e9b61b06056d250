/** Which route owns which (host, model) pair. The oldest claim wins, so nobody can take a model away. */
import type { ModelRoute } from '../api/kinds.ts';
import { type FieldPath, type Problem, problem } from '../api/problem.ts';
import type { Claim } from '../ir/mesh.ts';
import { nameOf } from './names.ts';

export interface ClaimResult {
  /** Sorted. */
  readonly won: readonly Claim[];
  /** One per lost pair; each names the winner. */
  readonly lost: readonly Problem[];
}

/** By the route's `namespace/name`. */
export function decideClaims(routes: readonly ModelRoute[]): ReadonlyMap<string, ClaimResult> {
  const owners = new Map<string, string>();
  const results = new Map<string, ClaimResult>();
  for (const route of routes.toSorted(byAge)) {
    const name = nameOf(route.metadata);
    const won: Claim[] = [];
    const lost: Problem[] = [];
    for (const { claim, keys } of claimsOf(route)) {
      const key = `${claim.hostname}\0${claim.model}`;
      const owner = owners.get(key);
      if (owner === undefined) {
        owners.set(key, name);
        won.push(claim);
      } else {
        const pair = `model ${claim.model} at host ${claim.hostname}`;
        const reason = `${pair} belongs to ModelRoute ${owner}, which came first: rename or remove it`;
        lost.push(problem(keys, reason));
      }
    }
    results.set(name, { won: won.toSorted(byClaim), lost });
  }
  return results;
}

function claimsOf({ spec }: ModelRoute): { claim: Claim; keys: FieldPath }[] {
  const names = spec.models.flatMap(({ name, aliases }, index) => [
    { model: name, keys: ['spec', 'models', index, 'name'] },
    ...aliases.map((model, at) => ({ model, keys: ['spec', 'models', index, 'aliases', at] })),
  ]);
  return spec.hostnames.flatMap((hostname) =>
    names.map(({ model, keys }) => ({ claim: { hostname, model }, keys })),
  );
}

/** Objects with a creation time come first: those from files have none, and go by name. */
function byAge(a: ModelRoute, b: ModelRoute): number {
  const age = ageOf(a) - ageOf(b);
  if (age !== 0 && !Number.isNaN(age)) return age;
  return compare(nameOf(a.metadata), nameOf(b.metadata));
}

function ageOf({ metadata }: ModelRoute): number {
  const created = metadata.creationTimestamp;
  return created === undefined ? Number.POSITIVE_INFINITY : Date.parse(created);
}

function byClaim(a: Claim, b: Claim): number {
  return compare(a.hostname, b.hostname) || compare(a.model, b.model);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
