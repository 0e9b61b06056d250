/** Which clients an edit of the weights moves: over random histories, and at the edges 0 and 100. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUCKETS } from '../../../filters/contract/limits.ts';
import { variantOfPoint } from '../../../filters/splitter/choice.ts';
import { owners, routeOf, type Weights } from './routes.ts';
import { weightEdits } from './weight-edits.ts';

const SEEDS = [1, 20261124, 77, 4096, 31337, 5];
const EDITS = 25;

for (const seed of SEEDS) {
  test(`an edit moves clients only into or out of the variant it is about (seed ${seed})`, () => {
    let known: string[] | null = null;
    for (const { name, before, after } of weightEdits(seed, EDITS)) {
      const was = known ?? owners(before);
      const is = owners(after);
      const grows = (after[name] ?? 0) >= (before[name] ?? 0);
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const owner = is[bucket] ?? '';
        if ((after[owner] ?? 0) <= 0) assert.fail(`${owner} has weight 0 and bucket ${bucket}`);
        if (was[bucket] === owner) continue;
        const moved = grows ? owner : was[bucket];
        if (moved !== name) assert.fail(`bucket ${bucket}: ${was[bucket]} to ${owner} by ${name}`);
      }
      known = is;
    }
  });
}

test('the order in which variants are configured does not matter', () => {
  for (const { after } of weightEdits(42, 5)) {
    const backwards = Object.fromEntries(Object.entries(after).toReversed());
    assert.deepEqual(owners(backwards), owners(after));
  }
});

test('variants that weigh nothing change nothing, as if they were not there', () => {
  for (const { after } of weightEdits(43, 5)) {
    const some = Object.entries(after).filter(([, weight]) => weight > 0);
    assert.deepEqual(owners(Object.fromEntries(some)), owners(after));
  }
});

test('an edit and its opposite bring every client back', () => {
  const before = owners({ stable: 9000, canary: 500, extra: 500 });
  owners({ stable: 9000, canary: 0, extra: 500 });
  assert.deepEqual(owners({ stable: 9000, canary: 500, extra: 500 }), before);
});

test('weights that are all multiplied by the same number mean the same', () => {
  const hundredths = owners({ stable: 9000, canary: 1000, extra: 1 });
  assert.deepEqual(owners({ stable: 90000, canary: 10000, extra: 10 }), hundredths);
});

test('from 0 to 100 % in steps of a hundredth nobody who moved moves back', () => {
  let before = owners({ stable: BUCKETS, canary: 0 });
  assert.ok(before.every((name) => name === 'stable'));
  const steps = [1, 2, 3, 10, 25, 99, 100, 101, 500, 1000, 2500, 5000, 7500, 9000, 9990, 9999];
  for (const canary of [...steps, BUCKETS]) {
    const after = owners({ canary, stable: BUCKETS - canary });
    after.forEach((name, bucket) => {
      if (before[bucket] === 'canary') assert.equal(name, 'canary');
    });
    before = after;
  }
  assert.ok(before.every((name) => name === 'canary'));
});

test('no variant of 64 gets a client at weight 0, and one gets all of them when it has all the weight', () => {
  const names = Array.from({ length: 64 }, (_, i) => `v${i}`);
  for (const all of ['v0', 'v31', 'v63']) {
    for (const weight of [1, BUCKETS, 1_000_000]) {
      const weights = Object.fromEntries(names.map((name) => [name, name === all ? weight : 0]));
      assert.ok(owners(weights).every((name) => name === all));
      const route = routeOf(weights);
      for (const point of [0, weight >> 1, weight - 1]) {
        assert.equal(route.variants[variantOfPoint(route, point)]?.name, all);
      }
      assert.equal(variantOfPoint(route, weight), -1);
    }
  }
});

test('each variant has exactly as many points as it has weight, so random shares are exact', () => {
  for (const { after } of weightEdits(44, 5)) assert.deepEqual(pointsOf(after), heavy(after));
  assert.equal(variantOfPoint(routeOf({ none: 0, some: 1 }), -1), -1);
});

function pointsOf(weights: Weights): Record<string, number> {
  const route = routeOf(weights);
  const counts: Record<string, number> = {};
  for (let point = 0; point < route.totalWeight; point++) {
    const name = route.variants[variantOfPoint(route, point)]?.name ?? '';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function heavy(weights: Weights): Weights {
  return Object.fromEntries(Object.entries(weights).filter(([, weight]) => weight > 0));
}
