import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mesh } from '../../../control-plane/ir/mesh.ts';
import { checkConsistency } from '../../../control-plane/xds/consistency.ts';
import type { ResourceSet } from '../../../control-plane/xds/translate.ts';
import { translate } from '../../../control-plane/xds/translate.ts';
import { MESH, OPTIONS, SHADOW } from './mesh.ts';

const SHADOWED: Mesh = {
  ...MESH,
  routes: MESH.routes.map((route) => ({ ...route, shadow: { ...SHADOW, variant: 'only' } })),
};

const CASES: readonly {
  readonly name: string;
  /** Default: `MESH`. */
  readonly mesh?: Mesh;
  readonly break: (set: ResourceSet) => Partial<ResourceSet>;
  readonly problems: readonly string[];
}[] = [
  { name: 'what translation makes is consistent', break: () => ({}), problems: [] },
  {
    name: 'a cluster without endpoints',
    break: () => ({ endpoints: [] }),
    problems: ['cluster default/a: endpoints default/a is missing'],
  },
  {
    name: 'a missing cluster that has endpoints and is chosen by the splitter',
    break: () => ({ clusters: [] }),
    problems: [
      'endpoints default/a: cluster default/a is missing',
      'modelweir.splitter, route default/r: cluster default/a is missing',
    ],
  },
  {
    name: 'the clusters of attempts and of copies without that of a target',
    mesh: SHADOWED,
    break: (set) => ({
      clusters: set.clusters.filter(({ name }) => name !== 'default/a'),
      endpoints: set.endpoints.filter(({ clusterName }) => clusterName !== 'default/a'),
    }),
    problems: ['cluster default/r#only: cluster default/a is missing'],
  },
  {
    name: 'a target without the clusters of attempts and of copies',
    mesh: SHADOWED,
    break: (set) => ({
      clusters: set.clusters.filter(({ name }) => name === 'default/a'),
      endpoints: set.endpoints.filter(({ clusterName }) => clusterName === 'default/a'),
    }),
    problems: [
      'modelweir.splitter, route default/r: cluster default/r#only is missing',
      'modelweir.splitter, route default/r: cluster default/r##shadow is missing',
    ],
  },
  {
    name: 'a listener without its routes',
    break: () => ({ routes: [] }),
    problems: ['listener default: route configuration default is missing'],
  },
  {
    name: 'a listener without one of its filters',
    break: (set) => ({
      extensions: set.extensions.filter((item) => item.name !== 'modelweir.router'),
    }),
    problems: ['listener default: extension configuration modelweir.router is missing'],
  },
  {
    name: 'the same name twice',
    break: (set) => ({
      clusters: [...set.clusters, ...set.clusters],
      listeners: [...set.listeners, ...set.listeners.slice(0, 1)],
    }),
    problems: [
      'cluster default/a: the name is there twice',
      'listener default: the name is there twice',
    ],
  },
];

for (const { name, mesh = MESH, break: breakSet, problems } of CASES) {
  test(`consistency: ${name}`, () => {
    const set = translate(mesh, OPTIONS);
    assert.deepEqual(checkConsistency({ ...set, ...breakSet(set) }), problems);
  });
}
