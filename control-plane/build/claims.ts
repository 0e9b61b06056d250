/** Which route owns which claim. The oldest route wins, so nobody can take a model away. */
import type { ModelRoute } from '../api/kinds.ts';
import { type Problem, problem } from '../api/problem.ts';
import type { Claim } from '../ir/mesh.ts';
import { byAge } from './age.ts';
import { claimKey, claimsOf, claimText } from './claim.ts';
import { nameOf } from './names.ts';

export interface ClaimResult {
  /** Sorted. */
  readonly won: readonly Claim[];
  /** One per lost claim; each names the winner. */
  readonly lost: readonly Problem[];
}

/** By the route's `namespace/name`. */
export function decideClaims(routes: readonly ModelRoute[]): ReadonlyMap<string, ClaimResult> {
  const owners = new Map<string, string>();
  const results = new Map<string, ClaimResult>();
  for (const route of routes.toSorted(byAge)) {
    const name = nameOf(route.metadata);
    const won = new Map<string, Claim>();
    const lost: Problem[] = [];
    for (const { claim, keys } of claimsOf(route)) {
      const key = claimKey(claim);
      const owner = owners.get(key);
      if (owner === undefined) {
        owners.set(key, name);
        won.set(key, claim);
      } else {
        const fact = `${claimText(claim)} belongs to ModelRoute ${owner}, which came first`;
        lost.push(problem(keys, `${fact}: rename or remove it`));
      }
    }
    const sorted = [...won].toSorted(([a], [b]) => compare(a, b));
    results.set(name, { won: sorted.map(([, claim]) => claim), lost });
  }
  return results;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
