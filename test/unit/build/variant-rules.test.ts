import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { build } from '../../../control-plane/build/build.ts';
import type { Candidate } from '../../../control-plane/build/candidate.ts';
import type { Route } from '../../../control-plane/ir/mesh.ts';
import { MAX_BODY_FIELDS } from '../../../filters/contract/limits.ts';
import { backend, header, route } from './candidates.ts';

const stable = { name: 'stable', backendRef: { name: 'b' }, weight: 9900 };
const canary = { name: 'canary', backendRef: { name: 'c' }, weight: 100 };
const backup = { name: 'backup', backendRef: { name: 'd' }, weight: 0 };
const variants = [stable, canary, backup];
const backends = [backend('b'), backend('c'), backend('d')];

function routeOf(spec: Record<string, unknown>, others: Candidate[] = backends): Route {
  const { mesh } = build([...others, route('r', ['m'], { spec: { variants, ...spec } })], []);
  const [built] = mesh.routes;
  assert.ok(built !== undefined);
  return built;
}

function pathsOf(spec: Record<string, unknown>, others: Candidate[]): string[] {
  const { problems } = build([...others, route('r', ['m'], { spec: { variants, ...spec } })], []);
  return problems.map(({ path }) => path);
}

test('rules keep their order, their conditions are sorted, and an address becomes a network', () => {
  const { matches } = routeOf({
    variantMatches: [
      {
        variant: 'canary',
        headers: [header('x-b', '1'), header('x-a', '2')],
        cookies: [header('b', '1'), header('B', '2')],
        bodyFields: [
          { path: 'user', value: 'u' },
          { path: 'metadata.tenant', value: 't' },
        ],
        sourceAddresses: ['192.0.2.7', '10.0.0.0/8', '2001:db8::1'],
      },
      { variant: 'backup', cookies: [header('a', '1')] },
    ],
  });
  assert.deepEqual(matches, [
    {
      variant: 'canary',
      headers: [header('x-a', '2'), header('x-b', '1')],
      cookies: [header('B', '2'), header('b', '1')],
      bodyFields: [header('metadata.tenant', 't'), header('user', 'u')],
      sources: ['10.0.0.0/8', '192.0.2.7/32', '2001:db8::1/128'],
    },
    {
      variant: 'backup',
      headers: [],
      cookies: [header('a', '1')],
      bodyFields: [],
      sources: [],
    },
  ]);
});

const RETRY = {
  attempts: 2,
  on: ['ConnectFailure', 'Reset', 'TooManyRequests', 'ServerError'],
  firstByteTimeoutMs: null,
  backoffMs: 25,
  maxBodyBytes: 1_048_576,
  budgetPercent: 20,
  minConcurrent: 3,
};

describe('what follows a try that failed', () => {
  const cases: [string, Record<string, unknown>, Route['retry'], string[]][] = [
    ['nothing, where nothing is said', {}, null, []],
    ['another try at the variant, where retries are', { retry: {} }, RETRY as Route['retry'], []],
    [
      'one try at each other variant, where only a fallback is said',
      { fallback: { variants: ['stable', 'backup'] } },
      { ...RETRY, attempts: 1 } as Route['retry'],
      ['stable', 'backup'],
    ],
    [
      'what both say, each condition once and in one order',
      {
        retry: {
          attempts: 3,
          on: ['ServerError', 'Reset', 'ServerError'],
          firstByteTimeoutMs: 2000,
          backoffMs: 5,
          maxBodyBytes: 100,
          budget: { percent: 50, minConcurrent: 1 },
        },
        fallback: { variants: ['backup'] },
      },
      {
        attempts: 3,
        on: ['Reset', 'ServerError'],
        firstByteTimeoutMs: 2000,
        backoffMs: 5,
        maxBodyBytes: 100,
        budgetPercent: 50,
        minConcurrent: 1,
      },
      ['backup'],
    ],
  ];
  for (const [name, spec, retry, fallback] of cases) {
    test(name, () => {
      const built = routeOf(spec);
      assert.deepEqual(built.retry, retry);
      assert.deepEqual(built.fallback, fallback);
    });
  }
});

describe('which shadow a route has', () => {
  const whole = {
    variant: 'backup',
    shareBasisPoints: 10_000,
    maxConcurrent: 16,
    maxBodyBytes: 1_048_576,
    compare: null,
    toleranceMillionths: 0,
    maxCompareBytes: 0,
  };
  const cases: [string, unknown, unknown][] = [
    ['none, where none is said', undefined, null],
    ['none, where its share is 0', { variant: 'backup', shareBasisPoints: 0 }, null],
    ['one of all requests, also for a variant without a weight', { variant: 'backup' }, whole],
    [
      'one whose answers are compared',
      { variant: 'stable', shareBasisPoints: 1, compare: { by: 'Tensors' } },
      {
        ...whole,
        variant: 'stable',
        shareBasisPoints: 1,
        compare: 'Tensors',
        toleranceMillionths: 1000,
        maxCompareBytes: 65_536,
      },
    ],
  ];
  for (const [name, shadow, expected] of cases) {
    test(name, () => assert.deepEqual(routeOf({ shadow }).shadow, expected));
  }
});

test('responses tell nothing and stay as they are, unless they are asked to', () => {
  assert.deepEqual(routeOf({}).responses, {
    publicModel: false,
    countTokens: false,
    attemptsHeader: false,
    decisionHeader: 'never',
  });
  const said = { publicModel: true, attemptsHeader: true, decisionHeader: 'OnRequest' };
  assert.deepEqual(routeOf({ responses: said }).responses, {
    publicModel: true,
    countTokens: false,
    attemptsHeader: true,
    decisionHeader: 'on-request',
  });
});

const everything = {
  variantMatches: [
    { variant: 'canary', cookies: [header('a', '1')] },
    { variant: 'stable', cookies: [header('a', '2')] },
  ],
  fallback: { variants: ['canary', 'stable'] },
  shadow: { variant: 'canary' },
};

test('a variant without a backend is dropped wherever it is named, and is one problem', () => {
  const others = [backend('b'), backend('d')];
  const built = routeOf(everything, others);
  assert.deepEqual(
    built.matches.map(({ variant }) => variant),
    ['stable'],
  );
  assert.deepEqual(built.fallback, ['stable']);
  assert.equal(built.shadow, null);
  assert.deepEqual(pathsOf(everything, others), ['spec.variants[1].backendRef.name']);
});

test('a fallback to nobody who is left is no retry', () => {
  const spec = { fallback: { variants: ['canary'] } };
  const built = routeOf(spec, [backend('b'), backend('d')]);
  assert.deepEqual([built.retry, built.fallback], [null, []]);
});

test('a route whose only backends have no weight names none of its variants', () => {
  const built = routeOf({ ...everything, retry: {} }, [backend('d')]);
  assert.deepEqual(
    built.variants.map(({ name }) => name),
    ['unresolved'],
  );
  const { matches, retry, fallback, shadow } = built;
  assert.deepEqual([matches, retry, fallback, shadow], [[], null, [], null]);
});

describe('rules on fields of bodies', () => {
  const onUser = {
    variant: 'canary',
    headers: [header('a', '1')],
    bodyFields: [{ path: 'user', value: 'u' }],
  };
  const onCookie = { variant: 'canary', cookies: [header('a', '1')] };
  const path = 'spec.variantMatches[0].bodyFields[0].path';

  test('are left out where bodies are not JSON, and the others stay', () => {
    const spec = { variantMatches: [onUser, onCookie] };
    const others = ['b', 'c', 'd'].map((name) => backend(name, { protocol: 'OpenInferenceGRPC' }));
    assert.deepEqual(
      routeOf(spec, others).matches.map(({ cookies }) => cookies.length),
      [1],
    );
    assert.deepEqual(pathsOf(spec, others), [path]);
  });

  test('share the room of the mesh with sticky fields, the oldest route first', () => {
    const older = Array.from({ length: MAX_BODY_FIELDS - 1 }, (_, i) =>
      route(`r${i}`, [`m${i}`], {
        createdAt: '2026-01-01T00:00:00Z',
        spec: { sticky: { bodyField: `field${i}` } },
      }),
    );
    const others = [...backends, ...older];
    const both = {
      sticky: { bodyField: 'session' },
      variantMatches: [
        onUser,
        { variant: 'backup', bodyFields: [{ path: 'field0', value: 'v' }] },
        { variant: 'stable', bodyFields: [{ path: 'session', value: 's' }] },
      ],
    };
    const { mesh, problems, statuses } = build(
      [...others, route('zz', ['m'], { spec: { variants, ...both } })],
      [],
    );
    const built = mesh.routes.find(({ name }) => name === 'default/zz');
    assert.equal(built?.stickyField, 'session');
    assert.deepEqual(
      built?.matches.map(({ variant }) => variant),
      ['backup', 'stable'],
    );
    const [problem] = problems.filter(({ object }) => object.name === 'zz');
    assert.equal(problem?.path, path);
    assert.match(
      problem?.reason ?? '',
      /^is one of more than 32 different fields .* or headers or cookies$/,
    );
    const status = statuses.find(({ object }) => object.name === 'zz');
    assert.equal(status?.conditions[1]?.reason, 'UnsupportedValue');
  });
});
