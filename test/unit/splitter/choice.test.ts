/** The parts of the choice: the logarithm, and cohorts of different routes. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUCKETS } from '../../../filters/contract/limits.ts';
import { bucketOf, variantOfPoint } from '../../../filters/splitter/choice.ts';
import { ln } from '../../../filters/splitter/logarithm.ts';
import { owners, routeOf } from './routes.ts';

test('the logarithm agrees with the library to the last digits', () => {
  for (const x of [1, 1.5, 2, 3, 10, 65535, 65536, 65537, 1e6, 2 ** 31, 2 ** 32 - 1, 2 ** 32]) {
    assert.ok(Math.abs(ln(x) - Math.log(x)) <= 4e-15 * Math.max(1, Math.log(x)), `ln(${x})`);
  }
  assert.equal(ln(1), 0);
});

test('every point of the total weight belongs to the variant that covers it', () => {
  const route = routeOf({ a: 2, none: 0, b: 1 });
  const at = (point: number) => route.variants[variantOfPoint(route, point)]?.name;
  assert.deepEqual([0, 1, 2].map(at), ['a', 'a', 'b']);
  assert.equal(variantOfPoint(route, 3), -1);
  assert.equal(variantOfPoint(route, -1), -1);
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
