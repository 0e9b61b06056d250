import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { backend, backendSpec, problemsOf } from './objects.ts';

test('health checks and outlier detection without a word more get their defaults', () => {
  const spec = backendSpec(backend({ healthCheck: {}, outlierDetection: {} }));
  assert.deepEqual(spec.healthCheck, {
    intervalMs: 5000,
    timeoutMs: 1000,
    unhealthyThreshold: 3,
    healthyThreshold: 2,
  });
  assert.deepEqual(spec.outlierDetection, {
    consecutiveErrors: 5,
    intervalMs: 10_000,
    baseEjectionMs: 30_000,
    maxEjectionPercent: 100,
  });
});

describe('these ways to choose an endpoint are accepted', () => {
  const cases: [string, object][] = [
    ['a path with a query', { healthCheck: { path: '/ready?deep=1' } }],
    ['a gRPC backend, which has no path', { protocol: 'OpenInferenceGRPC', healthCheck: {} }],
    ['a ring over a header', { loadBalancing: { policy: 'RingHash', hashHeader: 'x-session' } }],
    ['the load that endpoints report', { loadBalancing: { policy: 'WeightedByLoad' } }],
    ['no word of the policy', { loadBalancing: {} }],
  ];
  for (const [name, spec] of cases) {
    test(name, () => assert.deepEqual(problemsOf(backend({ ...spec })), []));
  }
});

describe('these ways are refused with the field, the limit and the fix', () => {
  const cases: [string, object, string[]][] = [
    ...['health', '/a b', '/a#b', ''].map((path): (typeof cases)[0] => [
      `the path ${JSON.stringify(path)}`,
      { healthCheck: { path } },
      [
        'spec.healthCheck.path: must be a path such as /health (printable ASCII, no space and no #), ' +
          `at most 253 characters; got ${JSON.stringify(path)}`,
      ],
    ]),
    [
      'a path where gRPC is spoken',
      { protocol: 'OpenInferenceGRPC', healthCheck: { path: '/health' } },
      [
        "spec.healthCheck.path: is asked for over HTTP, and OpenInferenceGRPC has gRPC's own health " +
          'service: remove it',
      ],
    ],
    [
      'thresholds of 0',
      { healthCheck: { unhealthyThreshold: 0 }, outlierDetection: { consecutiveErrors: 0 } },
      [
        'spec.healthCheck.unhealthyThreshold: must be a whole number from 1 to 1000; got 0',
        'spec.outlierDetection.consecutiveErrors: must be a whole number from 1 to 1000; got 0',
      ],
    ],
    [
      'a ring over nothing',
      { loadBalancing: { policy: 'RingHash' } },
      [
        'spec.loadBalancing.hashHeader: is missing: must be a lower case header name, because ' +
          'RingHash goes by its value',
      ],
    ],
    ...([{}, { policy: 'RoundRobin' }] as { policy?: string }[]).map(
      (balancing): (typeof cases)[0] => [
        `a header to hash that ${balancing.policy ?? 'the default policy'} does not read`,
        { loadBalancing: { ...balancing, hashHeader: 'x-session' } },
        [
          'spec.loadBalancing.hashHeader: is read by RingHash only, and policy is ' +
            `"${balancing.policy ?? 'LeastRequest'}": remove it, or set policy to RingHash`,
        ],
      ],
    ),
    [
      'a policy that is not known',
      { loadBalancing: { policy: 'Maglev' } },
      [
        'spec.loadBalancing.policy: must be one of LeastRequest, RoundRobin, Random, RingHash, ' +
          'WeightedByLoad; got "Maglev"',
      ],
    ],
  ];
  for (const [name, spec, expected] of cases) {
    test(name, () => assert.deepEqual(problemsOf(backend({ ...spec })), expected));
  }
});
