/** Shards that come and go in any order say the same as one whole configuration. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SplitterProgram } from '../../../filters/splitter/program.ts';
import { ShardTable } from '../../../filters/splitter/shard-table.ts';
import { randomSource } from '../../harness/random.ts';
import { found, type ShardRoute, type ShardRoutes, shardProgram } from './shard-meshes.ts';

const FIELDS = ['', '', '', 'user', 'metadata.tenant', 'metadata.team'];

function tableOf(routes: ShardRoutes, shards: number): [ShardTable, SplitterProgram[]] {
  const table = new ShardTable();
  const programs = Array.from({ length: shards }, (_, shard) => {
    const program = shardProgram(routes, shard, shards, table.set);
    table.take(program, null);
    return program;
  });
  return [table, programs];
}

function routesOf(weight: number, count = 40): ShardRoutes {
  return new Map(
    Array.from({ length: count }, (_, i) => [`ns/r${i}`, { weight, field: FIELDS[i % 6] ?? '' }]),
  );
}

function weights(table: ShardTable, routes: ShardRoutes): number[] {
  return [...routes.keys()].map((name) => found(table.set, name)?.weight ?? 0);
}

/** What another one has replaced, or the last one of a shard that is no longer wanted. */
function mayEnd(one: SplitterProgram, alive: readonly SplitterProgram[], now: number): boolean {
  const same = alive.filter(({ shard, shards }) => shard === one.shard && shards === one.shards);
  return same.at(-1) !== one || (one.shards !== now && same.length === 1);
}

test('random histories: after each step a route is as it was or as it is now, and in the end as it is now', () => {
  const next = randomSource(20261125);
  const table = new ShardTable();
  const alive: SplitterProgram[] = [];
  let shards = 1;
  let routes = new Map<string, ShardRoute>();
  const come = (shard: number): void => {
    const program = shardProgram(routes, shard, shards, table.set);
    table.take(program, null);
    alive.push(program);
  };
  come(0);
  for (let round = 0; round < 300; round++) {
    const before = new Map(routes);
    routes = new Map(routes);
    for (let edit = next(6); edit > 0; edit--) {
      const name = `ns/r${next(60)}`;
      if (next(4) === 0) routes.delete(name);
      else routes.set(name, { weight: 1 + next(100), field: FIELDS[next(6)] ?? '' });
    }
    if (next(5) === 0) shards = 2 ** next(6);
    const order = Array.from({ length: shards }, (_, shard) => ({ shard, at: next(1000) }));
    for (const { shard } of order.toSorted((a, b) => a.at - b.at)) {
      come(shard);
      // Envoy ends what has been replaced, sooner or later, and what no listener wants any more.
      for (const one of [...alive]) {
        if (next(3) > 0 || !mayEnd(one, alive, shards)) continue;
        table.leave(one);
        alive.splice(alive.indexOf(one), 1);
      }
      for (const name of new Set([...before.keys(), ...routes.keys()])) {
        const here = JSON.stringify(found(table.set, name));
        const allowed = [before, routes].map((of) => JSON.stringify(of.get(name) ?? null));
        assert.ok(allowed.includes(here), `round ${round}, ${name}: ${here}, not ${allowed}`);
      }
    }
    for (const [name, route] of routes) assert.deepEqual(found(table.set, name), route);
    assert.equal(table.completeShards, shards);
  }
});

test('until a new number of shards is complete, those of the old number stand in', () => {
  const [table] = tableOf(routesOf(1), 2);
  const now = routesOf(2);
  for (let shard = 0; shard < 4; shard++) {
    assert.equal(table.completeShards, 2);
    table.take(shardProgram(now, shard, 4, table.set), null);
    assert.equal(weights(table, now).includes(0), false);
  }
  assert.equal(table.completeShards, 4);
  assert.deepEqual(new Set(weights(table, now)), new Set([2]));
});

test('old shards that end before the new ones have come still count', () => {
  const [table, programs] = tableOf(routesOf(1), 2);
  const now = routesOf(2);
  table.take(shardProgram(now, 0, 4, table.set), null);
  for (const program of programs) table.leave(program);
  assert.deepEqual(new Set(weights(table, now)), new Set([1, 2]));
});

test('a shard that is refused keeps its last good one, and hurts no other', () => {
  const [table] = tableOf(routesOf(1), 4);
  const now = routesOf(2);
  for (const shard of [0, 1, 3]) table.take(shardProgram(now, shard, 4, table.set), null);
  assert.deepEqual(new Set(weights(table, now)), new Set([1, 2]));
  table.take(shardProgram(now, 2, 4, table.set), null);
  assert.deepEqual(new Set(weights(table, now)), new Set([2]));
});

test('where the newest of a shard ends, the one before it counts again', () => {
  const [table] = tableOf(routesOf(1), 2);
  const between = shardProgram(routesOf(2), 1, 2, table.set);
  table.take(between, null);
  table.leave(between);
  assert.deepEqual(new Set(weights(table, routesOf(1))), new Set([1]));
});

test('a route that has gone is gone, also if the shards before had it', () => {
  const [table] = tableOf(routesOf(1), 2);
  const fewer = routesOf(2, 20);
  for (let shard = 0; shard < 2; shard++) {
    table.take(shardProgram(fewer, shard, 2, table.set), null);
  }
  assert.equal(found(table.set, 'ns/r30'), null);
});

test('fields keep their places while nothing about them changes', () => {
  const [table] = tableOf(routesOf(1), 4);
  const { fields } = table.set;
  assert.deepEqual([...fields.paths].sort(), ['metadata.team', 'metadata.tenant', 'user']);
  table.take(shardProgram(routesOf(2), 1, 4, table.set), null);
  assert.equal(table.set.fields, fields);
  table.take(shardProgram(new Map(), 1, 4, table.set), null);
  table.take(shardProgram(routesOf(2), 1, 4, table.set), null);
  assert.deepEqual([...table.set.fields.paths].sort(), [...fields.paths].sort());
});
