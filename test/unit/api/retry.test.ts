import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FALLBACK_RETRY } from '../../../control-plane/api/retry.ts';
import { MAX_ATTEMPTS, MAX_FALLBACKS } from '../../../filters/contract/limits.ts';
import { problemsOf, route, routeSpec, variant } from './objects.ts';

const DEFAULTS = {
  attempts: 2,
  on: ['ConnectFailure', 'Reset', 'TooManyRequests', 'ServerError'],
  backoffMs: 25,
  maxBodyBytes: 1_048_576,
  budget: { percent: 20, minConcurrent: 3 },
};

const variants = [variant('stable'), variant('backup', { weight: 0 })];

test('a retry without a word more gets its defaults', () => {
  assert.deepEqual(routeSpec(route({ retry: {} })).retry, DEFAULTS);
});

test('a fallback alone tries each variant once', () => {
  assert.deepEqual(FALLBACK_RETRY, { ...DEFAULTS, attempts: 1 });
  const spec = routeSpec(route({ variants, fallback: { variants: ['backup'] } }));
  assert.equal(spec.retry, undefined);
});

describe('these retries and fallbacks are accepted', () => {
  const cases: [string, unknown][] = [
    [
      'a variant without a weight to fall back to',
      { fallback: { variants: ['backup', 'stable'] } },
    ],
    ['one condition', { retry: { on: ['TooManyRequests'], attempts: MAX_ATTEMPTS } }],
    ['a wait that ends just before the request', { retry: { firstByteTimeoutMs: 14_999 } }],
    ['the least budget', { retry: { budget: { percent: 0, minConcurrent: 1 } } }],
    ['batching beside them', { retry: {}, fallback: { variants: ['backup'] }, batching: {} }],
  ];
  for (const [name, spec] of cases) {
    test(name, () => assert.deepEqual(problemsOf(route({ variants, ...(spec as object) })), []));
  }
});

describe('these retries and fallbacks are refused with the field, the limit and the fix', () => {
  const cases: [string, object, string[]][] = [
    [
      'no attempt',
      { retry: { attempts: 0 } },
      [`spec.retry.attempts: must be a whole number from 1 to ${MAX_ATTEMPTS}; got 0`],
    ],
    [
      'no condition',
      { retry: { on: [] } },
      ['spec.retry.on: must be a list of 1 to 4 items; got an empty list'],
    ],
    [
      'a condition that is not known',
      { retry: { on: ['5xx'] } },
      [
        'spec.retry.on[0]: must be one of ConnectFailure, Reset, TooManyRequests, ServerError; ' +
          'got "5xx"',
      ],
    ],
    [
      'a wait as long as the request',
      { timeoutMs: 2000, retry: { firstByteTimeoutMs: 2000 } },
      ['spec.retry.firstByteTimeoutMs: must be below timeoutMs, 2000; got 2000'],
    ],
    [
      'a wait longer than the default timeout',
      { retry: { firstByteTimeoutMs: 20_000 } },
      ['spec.retry.firstByteTimeoutMs: must be below timeoutMs, 15000; got 20000'],
    ],
    [
      'a budget of nothing',
      { retry: { budget: { percent: 0, minConcurrent: 0 } } },
      ['spec.retry.budget.minConcurrent: must be a whole number from 1 to 1000000; got 0'],
    ],
    [
      'a fallback to nobody',
      { fallback: {} },
      [`spec.fallback.variants: is missing: must be a list of 1 to ${MAX_FALLBACKS} items`],
    ],
    [
      'a fallback to a variant that the route has not',
      { fallback: { variants: ['stable', 'other'] } },
      [
        'spec.fallback.variants[1]: must be a variant of the route: "stable", "backup"; got "other"',
      ],
    ],
    [
      'a variant twice in a fallback',
      { fallback: { variants: ['backup', 'stable', 'backup'] } },
      ['spec.fallback.variants[2]: is the same variant as fallback.variants[0]: remove one'],
    ],
  ];
  for (const [name, spec, expected] of cases) {
    test(name, () => assert.deepEqual(problemsOf(route({ variants, ...spec })), expected));
  }
});
