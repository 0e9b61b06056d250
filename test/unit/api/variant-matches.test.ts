import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { networkOf } from '../../../control-plane/api/source-address.ts';
import {
  MAX_FIELD_VALUE_BYTES,
  MAX_MATCH_SOURCES,
  MAX_MATCH_VALUE_LENGTH,
  MAX_MATCH_VALUES,
  MAX_VARIANT_MATCHES,
} from '../../../filters/contract/limits.ts';
import { header, problemsOf, route, type Spec, variant } from './objects.ts';

function matching(...variantMatches: Spec[]): unknown {
  const variants = [variant('stable'), variant('canary', { weight: 0 })];
  const named = variantMatches.map((match) => ({ variant: 'canary', ...match }));
  return route({ variants, variantMatches: named });
}

const many = (count: number, make: (index: number) => unknown) =>
  Array.from({ length: count }, (_, index) => make(index));

describe('these rules for one variant are accepted', () => {
  const cases: [string, unknown][] = [
    [
      'every kind of condition at once, for a variant without a weight',
      matching({
        headers: [header('x-tester', 'yes')],
        cookies: [header('Cohort', 'a=b"c"')],
        bodyFields: [{ path: 'metadata.tenant', value: 'Käse 1' }],
        sourceAddresses: ['10.1.2.3/8', '2001:db8::/32', '192.0.2.7', '::1', '0.0.0.0/0'],
      }),
    ],
    [
      'as many of everything as there may be',
      matching(
        {
          headers: many(MAX_MATCH_VALUES, (i) => header(`h${i}`, 'v')),
          cookies: many(MAX_MATCH_VALUES, (i) => header(`c${i}`, 'v')),
          bodyFields: many(MAX_MATCH_VALUES, (i) => ({ path: `f${i}`, value: 'v' })),
          sourceAddresses: many(MAX_MATCH_SOURCES, (i) => `10.0.0.${i}`),
        },
        ...(many(MAX_VARIANT_MATCHES - 1, (i) => ({
          cookies: [header('c', `${i}`)],
        })) as Spec[]),
      ),
    ],
    [
      'a value as long as any',
      matching({ bodyFields: [{ path: 'user', value: 'ä'.repeat(MAX_MATCH_VALUE_LENGTH) }] }),
    ],
    [
      'one value for two variants where something else differs',
      matching(
        { cookies: [header('a', '1')] },
        { variant: 'stable', cookies: [header('a', '1'), header('b', '1')] },
        { headers: [header('a', '1')] },
      ),
    ],
  ];
  for (const [name, raw] of cases) test(name, () => assert.deepEqual(problemsOf(raw), []));
});

describe('these rules are refused with the field, the limit and the fix', () => {
  const cases: [string, unknown, string[]][] = [
    [
      'a variant that the route has not',
      matching({ variant: 'beta', cookies: [header('a', '1')] }),
      [
        'spec.variantMatches[0].variant: must be a variant of the route: "stable", "canary"; got "beta"',
      ],
    ],
    [
      'no condition',
      matching({}),
      [
        'spec.variantMatches[0]: must have at least one of headers, cookies, bodyFields, sourceAddresses',
      ],
    ],
    [
      'a list of no conditions',
      matching({ cookies: [] }),
      [
        `spec.variantMatches[0].cookies: must be a list of 1 to ${MAX_MATCH_VALUES} items; got an empty list`,
      ],
    ],
    [
      'more rules than there may be',
      matching(
        ...(many(MAX_VARIANT_MATCHES + 1, (i) => ({ cookies: [header('c', `${i}`)] })) as Spec[]),
      ),
      [
        `spec.variantMatches: must be a list of 1 to ${MAX_VARIANT_MATCHES} items; got a list of 65`,
      ],
    ],
    [
      'two values for one header, cookie or field',
      matching({
        headers: [header('a', '1'), header('a', '2')],
        cookies: [header('c', '1'), header('C', '1'), header('c', '1')],
        bodyFields: [
          { path: 'user', value: 'x' },
          { path: 'user', value: 'y' },
        ],
      }),
      [
        'spec.variantMatches[0].headers[1].name: is the same header as ' +
          'variantMatches[0].headers[0].name: remove one, or give each an entry of its own',
        'spec.variantMatches[0].cookies[2].name: is the same cookie as ' +
          'variantMatches[0].cookies[0].name: remove one, or give each an entry of its own',
        'spec.variantMatches[0].bodyFields[1].path: is the same field as ' +
          'variantMatches[0].bodyFields[0].path: remove one, or give each an entry of its own',
      ],
    ],
    [
      'one address in two ways',
      matching({ sourceAddresses: ['10.0.0.1', '10.0.0.1/32'] }),
      [
        'spec.variantMatches[0].sourceAddresses[1]: is the same network as ' +
          'variantMatches[0].sourceAddresses[0]: remove one',
      ],
    ],
    [
      'one condition for two variants, in another order',
      matching(
        { headers: [header('a', '1'), header('b', '2')] },
        { variant: 'stable', headers: [header('b', '2'), header('a', '1')] },
      ),
      [
        'spec.variantMatches[1]: is the same condition as variantMatches[0], which decides first: ' +
          'remove one',
      ],
    ],
    [
      'the host as a header',
      matching({ headers: [header('host', 'a.com')] }),
      [
        'spec.variantMatches[0].headers[0].name: must not be host: use spec.hostnames of a route of ' +
          'its own',
      ],
    ],
    [
      'a header with capitals',
      matching({ headers: [header('X-Tester', 'yes')] }),
      [
        'spec.variantMatches[0].headers[0].name: must be a lower case header name, at most 253 ' +
          'characters; got "X-Tester"',
      ],
    ],
    ...['', ' a', 'a;b', 'a\n'].map((value): (typeof cases)[0] => [
      `the cookie value ${JSON.stringify(value)}`,
      matching({ cookies: [header('a', value)] }),
      [
        'spec.variantMatches[0].cookies[0].value: must be a cookie value (printable ASCII but ;, ' +
          `without a space at either end), at most 512 characters; got ${JSON.stringify(value)}`,
      ],
    ]),
    [
      'a cookie name that would end the cookie',
      matching({ cookies: [header('a=b', 'c')] }),
      [
        'spec.variantMatches[0].cookies[0].name: must be a cookie name, at most 253 characters; ' +
          'got "a=b"',
      ],
    ],
    [
      'a field that is a number without quotes',
      matching({ bodyFields: [{ path: 'user', value: 42 }] }),
      [
        'spec.variantMatches[0].bodyFields[0].value: must be a value in quotes, without control ' +
          'characters, at most 512 characters; got 42',
      ],
    ],
    [
      'a value of more bytes than are read of a field',
      matching({ bodyFields: [{ path: 'user', value: '€'.repeat(MAX_MATCH_VALUE_LENGTH) }] }),
      [
        `spec.variantMatches[0].bodyFields[0].value: must be at most ${MAX_FIELD_VALUE_BYTES} bytes ` +
          'of UTF-8: no more is read of a field',
      ],
    ],
    ...[
      'localhost',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/',
      '10.0.0.0/08',
      '10.0.0.0/8/8',
      '10.0.0',
    ].map((address): (typeof cases)[0] => [
      `the source address ${address}`,
      matching({ sourceAddresses: [address] }),
      [
        'spec.variantMatches[0].sourceAddresses[0]: must be an IP address, or a network such as ' +
          `10.0.0.0/8 or 2001:db8::/32; got "${address}"`,
      ],
    ]),
  ];
  for (const [name, raw, expected] of cases) {
    test(name, () => assert.deepEqual(problemsOf(raw), expected));
  }
});

test('a message lists the first variants of a route with many', () => {
  const variants = many(10, (i) => variant(`v${i}`));
  const variantMatches = [{ variant: 'x', cookies: [header('a', '1')] }];
  const [text] = problemsOf(route({ variants, variantMatches }));
  assert.match(text ?? '', /: "v0", .*"v7", and 2 more; got "x"$/);
});

test('values that are no text do not stop the reading of the rest', () => {
  const odd = { toString: 1, valueOf: 1 };
  const entry = { name: odd, value: odd, path: odd };
  const match = { headers: [entry], cookies: odd, bodyFields: [entry, 1], sourceAddresses: [odd] };
  const problems = problemsOf(matching({ variant: odd, ...match }, match, { headers: null }));
  assert.ok(problems.length > 10);
  assert.ok(problemsOf(route({ variantMatches: [null, 1, []] })).length === 3);
});

describe('a network is written with its length', () => {
  const cases: [text: string, network: string | null][] = [
    ['192.0.2.7', '192.0.2.7/32'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['::/0', '::/0'],
    ['fe80::1%eth0', null],
    ['/8', null],
    ['', null],
  ];
  for (const [text, network] of cases) {
    test(`${JSON.stringify(text)} as ${network}`, () => assert.equal(networkOf(text), network));
  }
});
