import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mesh, Route, Target } from '../../../control-plane/ir/mesh.ts';
import { checkConsistency } from '../../../control-plane/xds/consistency.ts';
import { translate } from '../../../control-plane/xds/translate.ts';
import { EVERYTHING, meshIn, ViewRevisions, viewKey } from '../../../control-plane/xds/view.ts';
import { claim, MESH, OPTIONS } from './mesh.ts';

const [route] = MESH.routes as [Route];
const [target] = MESH.targets as [Target];

function routeTo(name: string, targetName: string): Route {
  const variants = [{ name: 'only', target: targetName, weight: 1 }];
  return { ...route, name, claims: [claim(name)], variants };
}

const TEAMS: Mesh = {
  ...MESH,
  routes: [routeTo('search/r', 'search/a'), routeTo('shop/r', 'shared/a')],
  targets: ['search/a', 'shared/a', 'shop/unused'].map((name) => ({ ...target, name })),
};

test('equal sets of namespaces have equal keys, and none is not all', () => {
  assert.equal(viewKey(new Set(['b', 'a'])), viewKey(new Set(['a', 'b'])));
  assert.equal(viewKey(null), EVERYTHING);
  assert.notEqual(viewKey(new Set()), EVERYTHING);
});

for (const [namespaces, routes, targets] of [
  [null, ['search/r', 'shop/r'], ['search/a', 'shared/a', 'shop/unused']],
  [['search'], ['search/r'], ['search/a']],
  [['shop'], ['shop/r'], ['shared/a']],
  [
    ['search', 'shop'],
    ['search/r', 'shop/r'],
    ['search/a', 'shared/a'],
  ],
  [['sear', 'shared'], [], []],
  [[], [], []],
] as const) {
  const name = namespaces === null ? 'everything' : `of ${JSON.stringify(namespaces)}`;
  test(`a view of ${name} has the routes there and the targets they use, wherever these are`, () => {
    const mesh = meshIn(TEAMS, viewKey(namespaces && new Set(namespaces)));
    assert.deepEqual(
      mesh.routes.map((one) => one.name),
      routes,
    );
    assert.deepEqual(
      mesh.targets.map((one) => one.name),
      targets,
    );
    assert.deepEqual(mesh.listeners, TEAMS.listeners);
    assert.deepEqual(checkConsistency(translate(mesh, OPTIONS)), []);
  });
}

test('what a view says again has a revision of that view alone', () => {
  const views = new ViewRevisions();
  const said = (view: string, ...texts: string[]) => {
    return texts.map((text) => views.of(view).of(new Map([['shard', text]])));
  };
  assert.deepEqual(said('a', 'one', 'two', 'one'), [[0], [0], [1]]);
  assert.deepEqual(said('b', 'one', 'one'), [[0], [0]]);
  assert.deepEqual(said('a', 'one'), [[1]]);
});
