/** The rules of the split, on the pure code: shares, stability under edits, and the edges 0 and 100. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problems } from '../../../filters/contract/fields.ts';
import { BUCKETS, CONTRACT_VERSION } from '../../../filters/contract/limits.ts';
import { decodeSplitterConfig } from '../../../filters/contract/splitter-config.ts';
import { bucketOf, variantOfBucket, variantOfPoint } from '../../../filters/splitter/choice.ts';
import { ln } from '../../../filters/splitter/logarithm.ts';
import { compileSplitter, type RouteProgram } from '../../../filters/splitter/program.ts';
import { randomSource } from '../../harness/random.ts';

type Weights = Record<string, number>;

function routeOf(weights: Weights, name = 'default/digits'): RouteProgram {
  const variants = Object.entries(weights).map(([variant, weight]) => ({
    name: variant,
    cluster: `default/${variant}`,
    weight,
    servedModel: '',
    servedVersion: '',
    protocol: 'OpenInference',
  }));
  const route = { name, stickyHeader: 'X-User', stickyField: '', variantHeader: true, variants };
  const problems = new Problems();
  const text = JSON.stringify({
    version: CONTRACT_VERSION,
    disabled: false,
    revision: 0,
    routes: [route],
  });
  const config = decodeSplitterConfig(text, problems);
  assert.ok(config, problems.text());
  const compiled = compileSplitter(config, problems)?.routes.get(name);
  assert.ok(compiled);
  return compiled;
}

/** The variant's name of each bucket. */
function owners(weights: Weights, name?: string): string[] {
  const route = routeOf(weights, name);
  return Array.from({ length: BUCKETS }, (_, bucket) => {
    return route.variants[variantOfBucket(route, bucket)]?.name ?? '';
  });
}

/** Pearson's statistic of observed counts against shares. */
function chiSquare(counts: readonly number[], shares: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count, i) => {
    const expected = (shares[i] ?? 0) * total;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
}

/** 99.99 % quantile of chi-square with n degrees of freedom (Wilson-Hilferty). */
function chiSquareLimit(n: number): number {
  return n * (1 - 2 / (9 * n) + 3.719 * Math.sqrt(2 / (9 * n))) ** 3;
}

test('the logarithm agrees with the library to the last digits', () => {
  for (const x of [1, 1.5, 2, 3, 10, 65535, 65536, 65537, 1e6, 2 ** 31, 2 ** 32 - 1]) {
    assert.ok(Math.abs(ln(x) - Math.log(x)) <= 4e-15 * Math.max(1, Math.log(x)), `ln(${x})`);
  }
  assert.equal(ln(1), 0);
});

test('changing one weight moves clients only into or out of that variant', () => {
  const random = randomSource(20261123);
  const names = ['a', 'b', 'c', 'd', 'e'];
  let weights: Weights = { a: 90, b: 10, c: 0, d: 5, e: 1000 };
  let before = owners(weights);
  for (let edit = 0; edit < 60; edit++) {
    const name = names[random(names.length)] ?? 'a';
    const old = weights[name] ?? 0;
    const next = random(4) === 0 ? 0 : random(2000);
    if (Object.entries(weights).every(([key, weight]) => key === name || weight === 0) && !next) {
      continue;
    }
    weights = { ...weights, [name]: next };
    const after = owners(weights);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (before[bucket] === after[bucket]) continue;
      const moved = next > old ? after[bucket] : before[bucket];
      assert.equal(moved, name, `edit ${edit}: bucket ${bucket} moved between two others`);
    }
    before = after;
  }
});

test('adding or removing a variant moves clients only to or from it, whatever the order', () => {
  const two = owners({ stable: 90, canary: 10 });
  const three = owners({ extra: 30, stable: 90, canary: 10 });
  assert.deepEqual(owners({ canary: 10, stable: 90 }), two);
  two.forEach((name, bucket) => {
    if (three[bucket] !== name) assert.equal(three[bucket], 'extra');
  });
});

test('between two variants a growing weight is monotone: nobody who moved moves back', () => {
  let before = owners({ stable: 100, canary: 0 });
  assert.ok(before.every((name) => name === 'stable'));
  for (let canary = 1; canary <= 100; canary++) {
    const after = owners({ stable: 100 - canary, canary });
    after.forEach((name, bucket) => {
      if (before[bucket] === 'canary') assert.equal(name, 'canary');
    });
    before = after;
  }
  assert.ok(before.every((name) => name === 'canary'));
});

const SHARES: readonly Weights[] = [
  { stable: 90, canary: 10 },
  { stable: 99, canary: 1 },
  { a: 1, b: 1, c: 1 },
  { a: 1, b: 2, c: 3, d: 4, e: 5, f: 0 },
  { a: 1_000_000, b: 500_000 },
];

for (const weights of SHARES) {
  const positive = Object.values(weights).filter((weight) => weight > 0);
  const total = positive.reduce((sum, weight) => sum + weight, 0);
  const shares = positive.map((weight) => weight / total);
  const limit = chiSquareLimit(positive.length - 1);
  const names = Object.keys(weights).filter((name) => (weights[name] ?? 0) > 0);

  test(`buckets are shared as ${JSON.stringify(weights)} says, on twenty routes`, () => {
    const counts = names.map(() => 0);
    for (let i = 0; i < 20; i++) {
      for (const owner of owners(weights, `default/route-${i}`)) {
        const index = names.indexOf(owner);
        assert.ok(index >= 0, `${owner} has weight 0`);
        counts[index] = (counts[index] ?? 0) + 1;
      }
    }
    assert.ok(chiSquare(counts, shares) < limit, `${counts} against ${shares}`);
  });

  test(`random requests are shared as ${JSON.stringify(weights)} says`, () => {
    const route = routeOf(weights);
    const random = randomSource(7);
    const counts = names.map(() => 0);
    for (let i = 0; i < 50_000; i++) {
      const variant = route.variants[variantOfPoint(route, random(total))];
      const index = names.indexOf(variant?.name ?? '');
      assert.ok(index >= 0);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    assert.ok(chiSquare(counts, shares) < limit, `${counts} against ${shares}`);
  });
}

test('every point of the total weight belongs to the variant that covers it', () => {
  const route = routeOf({ a: 2, none: 0, b: 1 });
  const at = (point: number) => route.variants[variantOfPoint(route, point)]?.name;
  assert.deepEqual([0, 1, 2].map(at), ['a', 'a', 'b']);
  assert.equal(variantOfPoint(route, 3), -1);
});

test('sticky keys spread evenly over the buckets', () => {
  const route = routeOf({ a: 1 });
  const counts = new Array<number>(100).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const bucket = bucketOf(route, `user-${i}`);
    assert.ok(bucket >= 0 && bucket < BUCKETS);
    counts[Math.floor(bucket / 100)] = (counts[Math.floor(bucket / 100)] ?? 0) + 1;
  }
  const shares = counts.map(() => 1 / 100);
  assert.ok(chiSquare(counts, shares) < chiSquareLimit(99), String(counts));
});

test('two routes cut their clients into unrelated cohorts', () => {
  const one = owners({ stable: 50, canary: 50 }, 'default/one');
  const two = owners({ stable: 50, canary: 50 }, 'default/two');
  const both = one.filter((name, i) => name === 'canary' && two[i] === 'canary').length;
  assert.ok(Math.abs(both - BUCKETS / 4) < 4 * Math.sqrt((BUCKETS * 3) / 16), `${both} in both`);
  const keys = Array.from({ length: 1000 }, (_, i) => `user-${i}`);
  const same = keys.filter((key) => {
    return bucketOf(routeOf({ a: 1 }, 'x'), key) === bucketOf(routeOf({ a: 1 }, 'y'), key);
  });
  assert.ok(same.length < 10, `${same.length} keys share a bucket in both`);
});
