/** The splitter's configuration in shards: what is sent again for an edit, and what shards are called. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mesh, Route } from '../../../control-plane/ir/mesh.ts';
import { checkConsistency } from '../../../control-plane/xds/consistency.ts';
import { encodeSnapshot } from '../../../control-plane/xds/encode.ts';
import { ShardRevisions } from '../../../control-plane/xds/revisions.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { shardCount, splitterShards } from '../../../control-plane/xds/splitter-shards.ts';
import { translate } from '../../../control-plane/xds/translate.ts';
import { Problems } from '../../../filters/contract/fields.ts';
import { decodeSplitterConfig } from '../../../filters/contract/splitter-config.ts';
import { MESH, OPTIONS } from './mesh.ts';

const [ROUTE] = MESH.routes as [Route];

function meshOf(routes: number, change: Partial<Route> = {}): Mesh {
  const [claim] = ROUTE.claims;
  assert.ok(claim);
  return {
    ...MESH,
    routes: Array.from({ length: routes }, (_, i) => ({
      ...ROUTE,
      name: `default/route-${i}`,
      claims: [{ ...claim, model: `model-${i}` }],
      ...(i === 0 ? change : {}),
    })),
  };
}

const HEAVIER = { variants: [{ name: 'only', target: 'default/a', weight: 2 }] };

function configsOf(mesh: Mesh, revisions?: ShardRevisions) {
  return splitterShards(mesh, revisions).map(({ name, configuration }) => {
    const problems = new Problems();
    const config = decodeSplitterConfig(configuration, problems);
    assert.equal(problems.text(), '');
    return { name, config: config ?? assert.fail() };
  });
}

test('a shard has 16 routes on average, and there are 256 shards at most', () => {
  const counts = [0, 1, 16, 17, 32, 33, 1000, 4096, 4097, 100_000].map(shardCount);
  assert.deepEqual(counts, [1, 1, 1, 2, 2, 4, 64, 256, 256, 256]);
});

test('each route is in one shard, and shards know which they are', () => {
  const mesh = meshOf(100);
  const configs = configsOf(mesh);
  assert.equal(configs.length, 8);
  for (const [shard, { name, config }] of configs.entries()) {
    assert.deepEqual([config.shard, config.shards], [shard, 8]);
    assert.equal(name, `modelweir.splitter.${shard}-of-8`);
  }
  assert.deepEqual(
    configs.flatMap(({ config }) => config.routes.map((route) => route.name)).sort(),
    mesh.routes.map((route) => route.name).sort(),
  );
});

test('a small mesh has one, which says nothing of shards', () => {
  const [only, ...others] = splitterShards(meshOf(16));
  assert.deepEqual(others, []);
  assert.equal(only?.name, 'modelweir.splitter');
  assert.doesNotMatch(only?.configuration ?? '', /shard/);
});

test('an edit of one route among a thousand sends one shard again, below 400 bytes a route', () => {
  const before = encodeSnapshot(translate(meshOf(1000), OPTIONS));
  const mesh = meshOf(1000, HEAVIER);
  const after = encodeSnapshot(translate(mesh, OPTIONS));
  const changed = Object.values(TYPE_URLS).flatMap((type) => {
    const known = before.resources.get(type);
    return [...(after.resources.get(type)?.values() ?? [])].filter(
      ({ name, version }) => known?.get(name)?.version !== version,
    );
  });
  const [shard, ...others] = changed;
  assert.ok(shard);
  assert.deepEqual(others, []);
  const routes = configsOf(mesh).find(({ name }) => name === shard.name)?.config.routes ?? [];
  assert.ok(routes.some(({ name }) => name === 'default/route-0'));
  assert.ok(routes.length < 40, `${routes.length} routes`);
  assert.ok(shard.bytes.length < 400 * routes.length, `${shard.bytes.length} bytes`);
});

test('another number of shards leaves the listeners that take requests alone', () => {
  const [few, many] = [translate(meshOf(16), OPTIONS), translate(meshOf(17), OPTIONS)];
  assert.deepEqual(few.listeners[0], many.listeners[0]);
  assert.notDeepEqual(few.listeners.slice(1), many.listeners.slice(1));
  assert.deepEqual(checkConsistency(many), []);
});

test('a shard is called after what it says, whatever its revision', () => {
  const revisions = new ShardRevisions();
  const told = (mesh: Mesh) =>
    configsOf(mesh, revisions).map(({ config: { label, revision } }) => ({ label, revision }));
  const first = told(meshOf(40));
  const second = told(meshOf(40, HEAVIER));
  const third = told(meshOf(40));
  assert.equal(new Set([...first, ...second].map(({ label }) => label)).size, 5);
  assert.deepEqual(
    third.map(({ label }) => label),
    first.map(({ label }) => label),
  );
  assert.deepEqual(
    first.map(({ revision }) => revision),
    [0, 0, 0, 0],
  );
  assert.equal(third.filter(({ revision }) => revision === 1).length, 1);
});
