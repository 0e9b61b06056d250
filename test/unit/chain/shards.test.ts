/** Whatever a request is, it goes the same way with a splitter in shards as with a whole one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomSource } from '../../harness/random.ts';
import { shardsOf, type TestMatch, type TestMesh, type TestRoute } from './mesh.ts';
import { type TestRequest, travel } from './travel.ts';

const FIELDS = ['user', 'metadata.tenant', 'metadata.team', 'safety_identifier'];
const VALUES = ['ann', 'bob', 'acme', ''];

function randomRoute(next: (bound: number) => number, index: number): TestRoute {
  const pick = <T>(list: readonly T[]): T => list[next(list.length)] as T;
  const match = (): TestMatch => ({
    variant: pick(['a', 'b']),
    ...(next(2) === 0 && { headers: { 'x-tenant': pick(VALUES.slice(0, 3)) } }),
    ...(next(3) > 0 && { fields: { [pick(FIELDS)]: pick(VALUES.slice(0, 3)) } }),
  });
  return {
    models: [`m${index}`],
    variants: [
      { name: 'a', weight: 1 + next(9), servedModel: next(2) === 0 ? 'served-a' : '' },
      { name: 'b', weight: next(9) },
    ],
    ...(next(3) === 0 && { stickyHeader: 'x-user' }),
    ...(next(2) === 0 && { stickyField: pick(FIELDS) }),
    ...(next(3) === 0 && { matches: Array.from({ length: 1 + next(3) }, match) }),
  };
}

function randomRequest(next: (bound: number) => number): TestRequest {
  const pick = <T>(list: readonly T[]): T => list[next(list.length)] as T;
  const metadata = { tenant: pick(VALUES), team: pick(VALUES) };
  const entries = Object.entries({
    model: `m${next(32)}`,
    user: pick(VALUES),
    safety_identifier: pick(VALUES),
    metadata,
  }).sort(() => next(3) - 1);
  const body = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const cut = next(body.length);
  return {
    headers: { 'x-tenant': pick(VALUES), 'x-user': pick(VALUES) },
    body: [body.subarray(0, cut), body.subarray(cut)],
  };
}

for (const count of [2, 8, 64]) {
  test(`in ${count} shards: 2,000 random requests go where they go without`, () => {
    const next = randomSource(count);
    const routes = Array.from({ length: 30 }, (_, i) => [`ns/r${i}`, randomRoute(next, i)]);
    const mesh: TestMesh = { routes: Object.fromEntries(routes) };
    const shards = shardsOf(mesh, count);
    const keys = new Set<string>();
    for (let i = 0; i < 2000; i++) {
      const request = randomRequest(next);
      const whole = travel(mesh, request);
      assert.deepEqual(travel(mesh, request, shards), whole);
      keys.add(whole.reason);
    }
    assert.deepEqual([...keys].sort(), ['', 'match', 'random', 'sticky']);
  });
}

test('while one shard has not come, only its routes have no variant', () => {
  const names = Array.from({ length: 30 }, (_, i) => `ns/r${i}`);
  const mesh: TestMesh = {
    routes: Object.fromEntries(names.map((name) => [name, { models: [name] }])),
  };
  const [missing, ...others] = shardsOf(mesh, 4);
  for (const model of names) {
    const outcome = travel(mesh, { body: JSON.stringify({ model }) }, others);
    assert.equal(outcome.end, missing?.find(model) ? 'refuse' : 'send');
    assert.equal(outcome.refusal, missing?.find(model) ? '503 no_variant' : '');
  }
});
