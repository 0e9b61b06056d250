import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ALL_BASIS_POINTS, MAX_TOLERANCE_MILLIONTHS } from '../../../filters/contract/limits.ts';
import { problemsOf, route, routeSpec, variant } from './objects.ts';

const variants = [variant('stable'), variant('canary', { weight: 0 })];

test('a shadow that says only its variant copies every request and compares nothing', () => {
  assert.deepEqual(routeSpec(route({ variants, shadow: { variant: 'canary' } })).shadow, {
    variant: 'canary',
    shareBasisPoints: ALL_BASIS_POINTS,
    maxConcurrent: 16,
    maxBodyBytes: 1_048_576,
  });
});

test('a comparison that says only what it compares gets its defaults', () => {
  const shadow = { variant: 'canary', compare: { by: 'Tensors' } };
  assert.deepEqual(routeSpec(route({ variants, shadow })).shadow?.compare, {
    by: 'Tensors',
    toleranceMillionths: 1000,
    maxBytes: 65_536,
  });
});

describe('these shadows and responses are accepted', () => {
  const cases: [string, object][] = [
    ['a share of nothing', { shadow: { variant: 'canary', shareBasisPoints: 0 } }],
    ['a copy for the variant that has all the weight', { shadow: { variant: 'stable' } }],
    ['any difference', { shadow: { variant: 'canary', compare: { by: 'Text', maxBytes: 1 } } }],
    [
      'all that can be done to answers',
      {
        responses: {
          publicModel: true,
          countTokens: true,
          attemptsHeader: true,
          decisionHeader: 'OnRequest',
        },
      },
    ],
  ];
  for (const [name, spec] of cases) {
    test(name, () => assert.deepEqual(problemsOf(route({ variants, ...spec })), []));
  }
});

describe('these shadows and responses are refused with the field, the limit and the fix', () => {
  const cases: [string, object, string[]][] = [
    [
      'a variant that the route has not',
      { shadow: { variant: 'other' } },
      ['spec.shadow.variant: must be a variant of the route: "stable", "canary"; got "other"'],
    ],
    [
      'no variant',
      { shadow: {} },
      [
        'spec.shadow.variant: is missing: must be a DNS label (lower case letters, digits and -, ' +
          'with a letter or digit at both ends), at most 63 characters',
      ],
    ],
    [
      'more than all requests',
      { shadow: { variant: 'canary', shareBasisPoints: 10_001 } },
      [
        `spec.shadow.shareBasisPoints: must be a whole number from 0 to ${ALL_BASIS_POINTS}; got 10001`,
      ],
    ],
    [
      'a comparison of nothing',
      { shadow: { variant: 'canary', compare: {} } },
      ['spec.shadow.compare.by: is missing: must be one of Tensors, Labels, Text'],
    ],
    [
      'a tolerance below 0',
      { shadow: { variant: 'canary', compare: { by: 'Tensors', toleranceMillionths: -1 } } },
      [
        'spec.shadow.compare.toleranceMillionths: must be a whole number from 0 to ' +
          `${MAX_TOLERANCE_MILLIONTHS}; got -1`,
      ],
    ],
    [
      'a decision told in another way',
      { responses: { decisionHeader: true } },
      ['spec.responses.decisionHeader: must be one of Never, OnRequest, Always; got true'],
    ],
  ];
  for (const [name, spec, expected] of cases) {
    test(name, () => assert.deepEqual(problemsOf(route({ variants, ...spec })), expected));
  }
});
