import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConsistency } from '../../../control-plane/xds/consistency.ts';
import type { ResourceSet } from '../../../control-plane/xds/translate.ts';
import { translate } from '../../../control-plane/xds/translate.ts';
import { MESH, OPTIONS } from './mesh.ts';

const CASES: readonly {
  readonly name: string;
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
      listeners: [...set.listeners, ...set.listeners],
    }),
    problems: [
      'cluster default/a: the name is there twice',
      'listener default: the name is there twice',
    ],
  },
];

for (const { name, break: breakSet, problems } of CASES) {
  test(`consistency: ${name}`, () => {
    const set = translate(MESH, OPTIONS);
    assert.deepEqual(checkConsistency({ ...set, ...breakSet(set) }), problems);
  });
}
