/**
 * Whether the shares are those of the weights, by chi-square at fixed seeds. The criterion everywhere: the
 * statistic is below the 99.99 % quantile for its degrees of freedom, cells of less than 5 expected ones
 * joined to a larger one (`chi-square.ts`).
 */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUCKETS } from '../../../filters/contract/limits.ts';
import { bucketOf, variantOfBucket, variantOfPoint } from '../../../filters/splitter/choice.ts';
import { randomSource } from '../../harness/random.ts';
import { chiSquare, chiSquareFloor, chiSquareLimit, pooled } from './chi-square.ts';
import { KEY_KINDS } from './client-keys.ts';
import { owners, routeOf, type Weights } from './routes.ts';

const SPLITS: readonly Weights[] = [
  { stable: 9000, canary: 1000 },
  { stable: 9900, canary: 100 },
  { stable: 9999, canary: 1 },
  { stable: 5000, canary: 5000, off: 0 },
  { a: 9000, b: 500, c: 500 },
  { a: 1, b: 2, c: 3, d: 4, e: 5, f: 0 },
  { a: 1_000_000, b: 500_000, c: 1 },
  Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`v${i}`, i])),
];

/** The variants that get anything, and their shares. */
function sharesOf(weights: Weights): { names: string[]; shares: number[]; total: number } {
  const some = Object.entries(weights).filter(([, weight]) => weight > 0);
  const total = some.reduce((sum, [, weight]) => sum + weight, 0);
  return {
    names: some.map(([name]) => name),
    shares: some.map(([, weight]) => weight / total),
    total,
  };
}

function countsOf(names: readonly string[], chosen: Iterable<string>): number[] {
  const counts = names.map(() => 0);
  for (const name of chosen) {
    const index = names.indexOf(name);
    assert.ok(index >= 0, `${name} has weight 0`);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

/** `spread`: by how much the counts vary more than those of independent draws. */
function assertFair(counts: readonly number[], shares: readonly number[], spread = 1): void {
  const cells = pooled(counts, shares);
  const statistic = chiSquare(...cells) / spread;
  const limit = chiSquareLimit(cells[0].length - 1);
  assert.ok(statistic < limit, `${statistic} is not below ${limit}: ${counts}`);
}

const named = (weights: Weights) =>
  Object.keys(weights).length > 9 ? '64 variants' : JSON.stringify(weights);

for (const weights of SPLITS) {
  const { names, shares, total } = sharesOf(weights);

  test(`buckets are shared as ${named(weights)} says, on fifty routes`, () => {
    const routes = Array.from({ length: names.length > 9 ? 5 : 50 }, (_, i) => `default/r-${i}`);
    const chosen = routes.flatMap((route) => owners(weights, route));
    assertFair(countsOf(names, chosen), shares);
  });

  test(`random requests are shared as ${named(weights)} says`, () => {
    const route = routeOf(weights);
    const random = randomSource(20261124);
    const chosen = Array.from({ length: 100_000 }, () => {
      return route.variants[variantOfPoint(route, random(total))]?.name ?? '';
    });
    assertFair(countsOf(names, chosen), shares);
  });
}

const ROUTES = 50;
const KEYS_A_ROUTE = 1000;
/**
 * Two clients in one bucket have one variant, so counts vary more than by independent draws: with n clients
 * of a route by 1 + (n - 1) / BUCKETS.
 */
const SPREAD = 1 + (KEYS_A_ROUTE - 1) / BUCKETS;

for (const [kind, keysOf] of Object.entries(KEY_KINDS)) {
  for (const weights of SPLITS.filter((split) => Object.keys(split).length < 9)) {
    const { names, shares } = sharesOf(weights);
    test(`sticky clients with ${kind} are shared as ${named(weights)} says`, () => {
      const keys = keysOf(KEYS_A_ROUTE, 1);
      const chosen = Array.from({ length: ROUTES }, (_, i) => {
        const route = routeOf(weights, `default/route-${i}`);
        return keys.map((key) => {
          return route.variants[variantOfBucket(route, bucketOf(route, key))]?.name ?? '';
        });
      });
      assertFair(countsOf(names, chosen.flat()), shares, SPREAD);
    });
  }

  test(`${kind} spread over the 10,000 buckets by chance, neither worse nor better`, () => {
    const route = routeOf({ only: 1 });
    const counts = new Array<number>(BUCKETS).fill(0);
    for (const key of keysOf(200_000, 3)) {
      const bucket = bucketOf(route, key);
      assert.ok(bucket >= 0 && bucket < BUCKETS);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    const statistic = chiSquare(
      counts,
      counts.map(() => 1 / BUCKETS),
    );
    const [floor, limit] = [chiSquareFloor(BUCKETS - 1), chiSquareLimit(BUCKETS - 1)];
    assert.ok(statistic > floor && statistic < limit, `${statistic}, not ${floor} to ${limit}`);
  });
}
