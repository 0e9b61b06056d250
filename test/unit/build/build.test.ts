import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { build } from '../../../control-plane/build/build.ts';
import type { Candidate } from '../../../control-plane/build/candidate.ts';
import type { Claim } from '../../../control-plane/ir/mesh.ts';
import { MAX_BODY_FIELDS, MAX_CLUSTER_NAME_LENGTH } from '../../../filters/contract/limits.ts';
import { backend, header, route } from './candidates.ts';

function claimWords({ hostname, model, prefix, version, protocol, headers }: Claim): string {
  return [
    hostname,
    prefix ? `${model}*` : model,
    ...(version === null ? [] : [`version ${version}`]),
    ...(protocol === null ? [] : [protocol]),
    ...headers.map(({ name, value }) => `${name}:${value}`),
  ].join(' ');
}

describe('who gets a claim', () => {
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
    {
      name: 'a name, names that begin so, and all names are claims of their own',
      routes: [route('a', ['m', '*']), route('b', ['m*', 'm']), route('c', ['m*', '*', 'm-*'])],
      owners: { 'default/a': ['* *', '* m'], 'default/b': ['* m*'], 'default/c': ['* m-*'] },
    },
    {
      name: 'a name in another version is another claim',
      routes: [
        route('a', [], { spec: { models: [{ name: 'm', version: '1', aliases: ['n'] }] } }),
        route('b', [], { spec: { models: [{ name: 'm', version: '2' }, { name: 'm' }] } }),
        route('c', ['m'], { spec: { models: [{ name: 'n', version: '1' }, { name: 'n' }] } }),
      ],
      owners: {
        'default/a': ['* m version 1', '* n version 1'],
        'default/b': ['* m', '* m version 2'],
        'default/c': ['* n'],
      },
    },
    {
      name: 'a name on another condition is another claim, whatever the order of headers',
      routes: [
        route('a', ['m'], {
          spec: { matches: [{ headers: [header('x', '1'), header('y', '2')] }] },
        }),
        route('b', ['m'], {
          spec: { matches: [{ headers: [header('y', '2'), header('x', '1')] }] },
        }),
        route('c', ['m'], { spec: { matches: [{ headers: [header('x', '1')] }] } }),
        route('d', ['m'], {
          spec: { matches: [{ headers: [header('x', '1')] }, { protocol: 'OpenAI' }] },
        }),
        route('e', ['m']),
      ],
      owners: {
        'default/a': ['* m x:1 y:2'],
        'default/c': ['* m x:1'],
        'default/d': ['* m OpenAI'],
        'default/e': ['* m'],
      },
    },
  ];
  for (const { name, routes, owners } of cases) {
    test(name, () => {
      const { mesh } = build([backend('b'), ...routes], []);
      const found = mesh.routes.map((one) => [one.name, one.claims.map(claimWords)]);
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

describe('a lost claim is told in words', () => {
  const headers = ['a', 'b', 'c', 'd', 'e'].map((name) => header(name, 'v'));
  const cases: [name: string, spec: Record<string, unknown>, words: string][] = [
    ['names that begin so', { models: [{ name: 'm-*' }] }, 'model m-* at host *'],
    ['all names', { models: [{ name: '*' }] }, 'the default route, model *, at host *'],
    [
      'a version',
      { models: [{ name: 'm', version: '2' }], hostnames: ['a.com'] },
      'model m at host a.com, with version 2,',
    ],
    [
      'conditions',
      { models: [{ name: 'm' }], matches: [{ headers, protocol: 'OpenAI' }] },
      'model m at host *, with protocol OpenAI, header a "v", header b "v", header c "v", 2 more headers,',
    ],
  ];
  for (const [name, spec, words] of cases) {
    test(name, () => {
      const routes = [route('a', [], { spec }), route('z', [], { spec })];
      const [problem] = build([backend('b'), ...routes], []).problems;
      const fact = `${words} belongs to ModelRoute default/a, which came first: rename or remove it`;
      assert.equal(problem?.reason, fact);
    });
  }
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

describe('what a backend without a name of its own is told', () => {
  const cases: [name: string, models: Record<string, unknown>[], served: string | null][] = [
    [
      'the name of the only model, where it has aliases',
      [{ name: 'm', aliases: ['n', 'o*'] }],
      'm',
    ],
    ['nothing, where there are no aliases', [{ name: 'm' }], null],
    ['nothing, where names only begin so', [{ name: 'm*' }], null],
    [
      'the name of several versions of one model',
      [
        { name: 'm', version: '1' },
        { name: 'm', version: '2', aliases: ['n'] },
      ],
      'm',
    ],
  ];
  for (const [name, models, served] of cases) {
    test(name, () => {
      const { mesh, problems } = build([backend('b'), route('r', [], { spec: { models } })], []);
      assert.deepEqual(problems, []);
      assert.deepEqual(
        mesh.targets.map(({ servedModel }) => servedModel),
        [served],
      );
    });
  }
});

test('an alias of names that only begin so has no name to stand for', () => {
  const models = [{ name: 'm*', aliases: ['n'] }];
  const { problems } = build([backend('b'), route('r', [], { spec: { models } })], []);
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['spec.models[0].aliases'],
  );
  assert.match(
    problems[0]?.reason ?? '',
    /^of a model with \* reach variant v as they are, .* model$/,
  );
});

test('a body field keeps nobody on a variant where bodies are not JSON', () => {
  const sticky = { header: 'x-user', bodyField: 'user' };
  const { mesh, problems } = build(
    [backend('b', { protocol: 'OpenInferenceGRPC' }), route('r', ['m'], { spec: { sticky } })],
    [],
  );
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['spec.sticky.bodyField'],
  );
  assert.equal(mesh.routes[0]?.stickyHeader, 'x-user');
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

test('a field of bodies that is one too many goes to nobody, and its route serves without it', () => {
  const routes = Array.from({ length: MAX_BODY_FIELDS + 1 }, (_, i) =>
    route(`r${i}`, [`m${i}`], {
      createdAt: new Date(Date.UTC(2026, 0, 1 + i)).toISOString(),
      spec: { sticky: { bodyField: `field${i}` } },
    }),
  );
  const { mesh, problems } = build([backend('b'), ...routes.toReversed()], []);
  const last = `default/r${MAX_BODY_FIELDS}`;
  for (const { name, stickyField } of mesh.routes) {
    assert.equal(stickyField === null, name === last, name);
  }
  assert.equal(problems.length, 1);
  assert.equal(problems[0]?.path, 'spec.sticky.bodyField');
  assert.match(problems[0]?.reason ?? '', /one of more than 32 different fields/);
});
