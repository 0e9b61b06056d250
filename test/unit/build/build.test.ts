import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Resource } from '../../../control-plane/api/kinds.ts';
import { parse } from '../../../control-plane/api/parse.ts';
import { build } from '../../../control-plane/build/build.ts';
import type { Candidate } from '../../../control-plane/build/candidate.ts';
import { MAX_CLUSTER_NAME_LENGTH } from '../../../filters/contract/limits.ts';

const apiVersion = 'modelweir.dev/v1alpha1';

function candidate(raw: Record<string, unknown>): Candidate {
  const parsed = parse({ apiVersion, ...raw });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const resource: Resource = parsed.value;
  const { namespace, name, generation } = resource.metadata;
  return { object: { kind: resource.kind, namespace, name }, generation, resource, problems: [] };
}

function backend(name: string, spec: Record<string, unknown> = {}): Candidate {
  const endpoints = [{ address: '10.0.0.1', port: 80 }];
  return candidate({
    kind: 'ModelBackend',
    metadata: { name },
    spec: { protocol: 'OpenAI', endpoints, ...spec },
  });
}

function route(
  name: string,
  models: string[],
  more: { createdAt?: string; spec?: Record<string, unknown>; namespace?: string } = {},
): Candidate {
  const created = more.createdAt === undefined ? {} : { creationTimestamp: more.createdAt };
  return candidate({
    kind: 'ModelRoute',
    metadata: { name, namespace: more.namespace ?? 'default', ...created },
    spec: {
      models: models.map((model) => ({ name: model })),
      variants: [{ name: 'v', backendRef: { name: 'b' } }],
      ...more.spec,
    },
  });
}

describe('who gets a pair of host and model', () => {
  const cases: { name: string; routes: Candidate[]; owners: Record<string, string[]> }[] = [
    {
      name: 'the route that was created first, whatever the order and the names',
      routes: [
        route('a', ['m'], { createdAt: '2026-01-02T00:00:00Z' }),
        route('b', ['m'], { createdAt: '2026-01-01T00:00:00Z' }),
      ],
      owners: { 'default/b': ['* m'] },
    },
    {
      name: 'times are compared as times, not as text',
      routes: [
        route('a', ['m'], { createdAt: '2026-01-01T09:00:00+00:00' }),
        route('b', ['m'], { createdAt: '2026-01-01T10:00:00+02:00' }),
      ],
      owners: { 'default/b': ['* m'] },
    },
    {
      name: 'a route with a time comes before one without',
      routes: [route('a', ['m']), route('b', ['m'], { createdAt: '2026-01-01T00:00:00Z' })],
      owners: { 'default/b': ['* m'] },
    },
    {
      name: 'of two without a time, the first by namespace and name',
      routes: [route('a', ['m'], { namespace: 'z' }), route('b', ['m'], { namespace: 'y' })],
      owners: { 'y/b': ['* m'] },
    },
    {
      name: 'the loser keeps what nobody else claims',
      routes: [route('a', ['m']), route('b', ['m', 'n'])],
      owners: { 'default/a': ['* m'], 'default/b': ['* n'] },
    },
    {
      name: 'a name under another host is another pair',
      routes: [
        route('a', ['m'], { spec: { hostnames: ['x.com', '*.x.com'] } }),
        route('b', ['m'], { spec: { hostnames: ['*', 'x.com'] } }),
      ],
      owners: { 'default/a': ['*.x.com m', 'x.com m'], 'default/b': ['* m'] },
    },
  ];
  for (const { name, routes, owners } of cases) {
    test(name, () => {
      const { mesh } = build([backend('b'), ...routes], []);
      const found = mesh.routes.map((one) => [
        one.name,
        one.claims.map(({ hostname, model }) => `${hostname} ${model}`),
      ]);
      assert.deepEqual(Object.fromEntries(found), owners);
    });
  }
});

test('a loser hears the winner, the pair and the field', () => {
  const { statuses, problems } = build(
    [backend('b'), route('a', ['m']), route('z', ['n', 'm'])],
    [],
  );
  const accepted = statuses.at(-1)?.conditions[0];
  assert.equal(accepted?.status, 'False');
  assert.equal(accepted?.reason, 'Conflicted');
  assert.match(
    accepted?.message ?? '',
    /^spec\.models\[1\]\.name: model m at host \* .*default\/a,/,
  );
  assert.deepEqual(
    problems.map(({ object, path }) => [object.name, path]),
    [['z', 'spec.models[1].name']],
  );
});

test('a route that loses thousands of pairs names the first of them', () => {
  const hostnames = Array.from({ length: 64 }, (_, i) => `h${i}.com`);
  const models = Array.from({ length: 64 }, (_, i) => `m${i}`);
  const { statuses } = build(
    [
      backend('b'),
      route('a', models, { spec: { hostnames } }),
      route('z', models, { spec: { hostnames } }),
    ],
    [],
  );
  const message = statuses.at(-1)?.conditions[0]?.message ?? '';
  assert.ok(message.length < 2000);
  assert.match(message, /and 4086 more/);
});

test('nothing counts twice: variants that mean one place share its target', () => {
  const variants = [
    { name: 'a', backendRef: { name: 'b' } },
    { name: 'b', backendRef: { name: 'b' }, servedModel: 'own' },
    { name: 'c', backendRef: { name: 'b' }, servedModel: 'other' },
  ];
  const { mesh } = build(
    [backend('b', { model: { name: 'own' } }), route('r', ['m'], { spec: { variants } })],
    [],
  );
  assert.deepEqual(
    mesh.targets.map(({ name, servedModel }) => [name, servedModel]),
    [
      ['default/b', 'own'],
      ['default/b?model=other', 'other'],
    ],
  );
});

test('a target whose name would be too long gets one that fits and stays the same', () => {
  const servedModel = 'm'.repeat(512);
  const variants = [{ name: 'a', backendRef: { name: 'b' }, servedModel }];
  const input = [backend('b'), route('r', ['m'], { spec: { variants } })];
  const [target] = build(input, []).mesh.targets;
  assert.ok(target !== undefined && target.name.length <= MAX_CLUSTER_NAME_LENGTH);
  assert.equal(target.servedModel, servedModel);
  assert.deepEqual(build(input, []).mesh.targets, [target]);
});

test('a backend that no route names is no target', () => {
  assert.deepEqual(build([backend('b')], []).mesh.targets, []);
});

test('listeners are passed on, sorted', () => {
  const listeners = [
    { name: 'b', address: '127.0.0.1', port: 1 },
    { name: 'a', address: '127.0.0.1', port: 2 },
  ];
  assert.deepEqual(
    build([], listeners).mesh.listeners.map(({ name }) => name),
    ['a', 'b'],
  );
});
