import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { KINDS } from '../../../control-plane/api/kinds.ts';
import { MAX_MATCHES } from '../../../control-plane/api/model-route.ts';
import { parse } from '../../../control-plane/api/parse.ts';
import {
  MAX_BATCH_ROWS,
  MAX_MATCH_HEADERS,
  MAX_MODEL_NAME_LENGTH,
  MAX_TIMEOUT_MS,
  MAX_VARIANTS,
  MAX_WEIGHT,
} from '../../../filters/contract/limits.ts';
import { PROTOCOLS } from '../../../filters/contract/protocols.ts';
import { backend, header, problemsOf, route, variant } from './objects.ts';

describe('a good object gets its defaults', () => {
  test('a backend says only its protocol and endpoints', () => {
    const parsed = parse(backend());
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.value.spec, {
      protocol: 'OpenInference',
      endpoints: [{ address: '10.0.0.1', port: 80 }],
      connectTimeoutMs: 1000,
      maxConnections: 1024,
      maxRequests: 1024,
      loadBalancing: { policy: 'LeastRequest' },
    });
    assert.equal(parsed.value.metadata.namespace, 'default');
  });

  test('a route says only its models and variants', () => {
    const parsed = parse(route({ batching: {} }));
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.value.spec, {
      disabled: false,
      hostnames: ['*'],
      models: [{ name: 'm', aliases: [] }],
      modelScan: 'Strict',
      variants: [{ name: 'v', backendRef: { name: 'b' }, weight: 1 }],
      responses: {
        publicModel: false,
        countTokens: false,
        attemptsHeader: false,
        decisionHeader: 'Never',
      },
      variantHeader: true,
      timeoutMs: 15000,
      batching: {
        maxRows: 32,
        maxBytes: 1048576,
        maxDelayMs: 5,
        maxInFlight: 1,
        identityHeaders: ['authorization'],
        peerIdentity: false,
        retryFailed: true,
        sizeHeaders: true,
        grpc: false,
      },
    });
  });
});

describe('these are accepted', () => {
  const cases: [string, unknown][] = [
    ['the largest weight', route({ variants: [variant('v', { weight: MAX_WEIGHT })] })],
    [
      'weight 0 beside another',
      route({ variants: [variant('a', { weight: 0 }), variant('b', { weight: 1 })] }),
    ],
    ['an IPv6 endpoint', backend({ endpoints: [{ address: 'fd00::1', port: 65535 }] })],
    ['a suffix host name', route({ hostnames: ['*.example.com', 'api.example.com', '*'] })],
    ['a model name as hubs write it', route({ models: [{ name: 'meta-llama/Llama-3.1:8b@x' }] })],
    ['a beginning of names, and all names', route({ models: [{ name: 'm-*', aliases: ['*'] }] })],
    ['a name as long as any', route({ models: [{ name: `${'m'.repeat(511)}*` }] })],
    [
      'one name in two versions, and without one',
      route({ models: [{ name: 'm' }, { name: 'm', version: '1' }, { name: 'm', version: '2' }] }),
    ],
    [
      'conditions on headers and protocols',
      route({
        matches: [
          { headers: [header('x-tenant', 'a b'), header('x-tier', '!')], protocol: 'Other' },
          { headers: [header('x-tenant', 'a b')] },
          ...PROTOCOLS.map((protocol) => ({ protocol })),
        ],
      }),
    ],
    ['a sticky field', route({ sticky: { bodyField: 'user' } })],
    ['both', route({ sticky: { header: 'x-user', bodyField: 'meta_data.tenant-id' } })],
    ['a backend of KServe version 1', backend({ protocol: 'KServeV1', model: { name: 'm' } })],
    [
      'a batch that heeds a header, a certificate and its server',
      route({ batching: { deadlineHeader: 'x-wait-ms', peerIdentity: true, retryFailed: false } }),
    ],
    ['a batch timeout equal to the route timeout', route({ batching: { timeoutMs: 15000 } })],
    [
      'what the API server adds to an object',
      {
        ...(route({}, { uid: 'u', resourceVersion: '1', managedFields: [{}] }) as object),
        status: { conditions: [] },
      },
    ],
  ];
  for (const [name, raw] of cases) {
    test(name, () => assert.deepEqual(problemsOf(raw), []));
  }
});

describe('these are refused with the field, the limit and the fix', () => {
  const cases: [string, unknown, string[]][] = [
    [
      'a weight of -1',
      route({ variants: [variant('a'), variant('b', { weight: -1 })] }),
      ['spec.variants[1].weight: must be a whole number from 0 to 1000000; got -1'],
    ],
    [
      'a weight that is no whole number',
      route({ variants: [variant('a', { weight: 0.5 })] }),
      ['spec.variants[0].weight: must be a whole number from 0 to 1000000; got 0.5'],
    ],
    [
      'a weight over the limit',
      route({ variants: [variant('a', { weight: MAX_WEIGHT + 1 })] }),
      ['spec.variants[0].weight: must be a whole number from 0 to 1000000; got 1000001'],
    ],
    [
      'weights that are all 0',
      route({ variants: [variant('a', { weight: 0 })] }),
      ['spec.variants: at least one weight must be above 0; to switch the route off set disabled'],
    ],
    [
      'two variants of one name',
      route({ variants: [variant('a'), variant('b'), variant('a')] }),
      ['spec.variants[2].name: is the same name as variants[0].name: rename one'],
    ],
    [
      'no variant',
      route({ variants: [] }),
      [`spec.variants: must be a list of 1 to ${MAX_VARIANTS} items; got an empty list`],
    ],
    [
      'too many variants',
      route({ variants: Array.from({ length: MAX_VARIANTS + 1 }, (_, i) => variant(`v${i}`)) }),
      [`spec.variants: must be a list of 1 to ${MAX_VARIANTS} items; got a list of 65`],
    ],
    ...['dig*its', '*digits', 'digits**', '**', 'a\nb', ' *'].map((name): (typeof cases)[0] => [
      `the model name ${JSON.stringify(name)}`,
      route({ models: [{ name }] }),
      [
        'spec.models[0].name: must be a model name (letters, digits and . _ : / @ + = ~ , -), ' +
          'prefix* for all names that begin so, or * for all, ' +
          `at most ${MAX_MODEL_NAME_LENGTH} characters; got ${JSON.stringify(name)}`,
      ],
    ]),
    [
      'a name for many where a backend must know one',
      route({ variants: [variant('a', { servedModel: 'digits*' })] }),
      [
        'spec.variants[0].servedModel: must be a model name (letters, digits and . _ : / @ + = ~ , -), ' +
          `at most ${MAX_MODEL_NAME_LENGTH} characters; got "digits*"`,
      ],
    ],
    [
      'one name and version twice',
      route({
        models: [
          { name: 'a', version: '1' },
          { name: 'a', version: '2', aliases: ['b'] },
          { name: 'b', version: '2' },
        ],
      }),
      ['spec.models[2].name: is the same model name as models[1].aliases[0]: remove one'],
    ],
    [
      'a model version that is a number',
      route({ models: [{ name: 'a', version: 2 }] }),
      [
        'spec.models[0].version: must be a model version in quotes (letters, digits and . _ -), ' +
          'at most 512 characters; got 2',
      ],
    ],
    [
      'conditions that are none',
      route({ matches: [{}, { headers: [] }] }),
      [
        `spec.matches[1].headers: must be a list of 1 to ${MAX_MATCH_HEADERS} items; got an empty list`,
        'spec.matches[0]: must have headers, protocol, or both',
      ],
    ],
    [
      'no condition in a list of them',
      route({ matches: [] }),
      [`spec.matches: must be a list of 1 to ${MAX_MATCHES} items; got an empty list`],
    ],
    [
      'one condition twice, in another order',
      route({
        matches: [
          { headers: [header('a', '1'), header('b', '2')] },
          { headers: [header('b', '2'), header('a', '1')] },
        ],
      }),
      ['spec.matches[1]: is the same condition as matches[0]: remove one'],
    ],
    [
      'a header with two values at once',
      route({ matches: [{ headers: [header('a', '1'), header('a', '2')] }] }),
      [
        'spec.matches[0].headers[1].name: is the same header as matches[0].headers[0].name: ' +
          'remove one, or give each a match of its own',
      ],
    ],
    [
      'a condition on the host as a header',
      route({ matches: [{ headers: [header('host', 'a.com')] }] }),
      ['spec.matches[0].headers[0].name: must not be host: use spec.hostnames'],
    ],
    ...['', ' a', 'a ', 'ä', 'a\nb'].map((value): (typeof cases)[0] => [
      `a condition on the header value ${JSON.stringify(value)}`,
      route({ matches: [{ headers: [header('a', value)] }] }),
      [
        'spec.matches[0].headers[0].value: must be a header value (printable ASCII, without a space ' +
          `at either end), at most 512 characters; got ${JSON.stringify(value)}`,
      ],
    ]),
    [
      'a condition on a protocol that is not known',
      route({ matches: [{ protocol: 'gRPC' }] }),
      [
        'spec.matches[0].protocol: must be one of OpenAI, OpenInference, OpenInferenceGRPC, KServeV1, ' +
          'Other; got "gRPC"',
      ],
    ],
    [
      'more combinations than a route may have',
      route({
        hostnames: Array.from({ length: 64 }, (_, i) => `h${i}.com`),
        models: Array.from({ length: 64 }, (_, i) => ({
          name: `m${i}`,
          aliases: Array.from({ length: 16 }, (_, at) => `m${i}-${at}`),
        })),
        matches: [{ protocol: 'OpenAI' }, { protocol: 'KServeV1' }],
      }),
      [
        'spec.matches: hostnames, names of models and matches make 139264 combinations, and at most ' +
          '100000 may be in a route: split it',
      ],
    ],
    [
      'stickiness to nothing',
      route({ sticky: {} }),
      ['spec.sticky: must have header, bodyField, or both'],
    ],
    ...['a.b.c', '.a', 'a.', 'a b', ''].map((bodyField): (typeof cases)[0] => [
      `stickiness to the body field ${JSON.stringify(bodyField)}`,
      route({ sticky: { bodyField } }),
      [
        'spec.sticky.bodyField: must be a field such as user or metadata.tenant (letters, digits, _ ' +
          `and -, one . at most), at most 128 characters; got ${JSON.stringify(bodyField)}`,
      ],
    ]),
    [
      'an alias that is another model of the route',
      route({ models: [{ name: 'a' }, { name: 'b', aliases: ['c', 'a'] }] }),
      ['spec.models[1].aliases[1]: is the same model name as models[0].name: remove one'],
    ],
    [
      'a host name with a port',
      route({ hostnames: ['example.com:80'] }),
      [
        'spec.hostnames[0]: must be a lower case host name without a port, *.suffix, or *, ' +
          'at most 253 characters; got "example.com:80"',
      ],
    ],
    [
      'a host name given twice',
      route({ hostnames: ['a.b', '*', 'a.b'] }),
      ['spec.hostnames[2]: is the same host name as hostnames[0]: remove one'],
    ],
    [
      'a sticky header of our own',
      route({ sticky: { header: 'x-modelweir-user' } }),
      [
        'spec.sticky.header: must not start with x-modelweir-, which Modelweir keeps to itself; ' +
          'use another header',
      ],
    ],
    [
      'a timeout over the limit',
      route({ timeoutMs: MAX_TIMEOUT_MS + 1 }),
      ['spec.timeoutMs: must be a whole number from 1 to 3600000; got 3600001'],
    ],
    [
      'a batch that may outlast its requests',
      route({ timeoutMs: 100, batching: { timeoutMs: 101 } }),
      ['spec.batching.timeoutMs: must be at most timeoutMs, 100; got 101'],
    ],
    [
      'a batch timeout above the default route timeout',
      route({ batching: { timeoutMs: 15001 } }),
      ['spec.batching.timeoutMs: must be at most timeoutMs, 15000; got 15001'],
    ],
    [
      'a deadline in a header that the mesh keeps for itself',
      route({ batching: { deadlineHeader: 'x-modelweir-wait' } }),
      [
        'spec.batching.deadlineHeader: must not start with x-modelweir-, which Modelweir keeps to itself; use another header',
      ],
    ],
    [
      'batch rows as text',
      route({ batching: { maxRows: '32' } }),
      [`spec.batching.maxRows: must be a whole number from 1 to ${MAX_BATCH_ROWS}; got "32"`],
    ],
    [
      'a field that is there without a value',
      route({ batching: null }),
      [
        'spec.batching: must be an object with maxRows, maxBytes, maxDelayMs, maxInFlight, timeoutMs, ' +
          'identityHeaders, peerIdentity, deadlineHeader, retryFailed, sizeHeaders, grpc; got nothing (give it a value, or remove the field)',
      ],
    ],
    [
      'an unknown field',
      backend({ port: 80 }),
      [
        'spec.port: unknown field; known here: protocol, endpoints, service, model, tls, connectTimeoutMs, ' +
          'maxConnections, maxRequests, healthCheck, outlierDetection, loadBalancing',
      ],
    ],
    [
      'a name instead of an address',
      backend({ endpoints: [{ address: 'localhost', port: 80 }] }),
      [
        'spec.endpoints[0].address: must be an IP address (a name is not looked up); got "localhost"',
      ],
    ],
    [
      'port 0',
      backend({ endpoints: [{ address: '::1', port: 0 }] }),
      ['spec.endpoints[0].port: must be a whole number from 1 to 65535; got 0'],
    ],
    [
      'an endpoint given twice',
      backend({
        endpoints: [
          { address: '::1', port: 1 },
          { address: '::1', port: 1 },
        ],
      }),
      ['spec.endpoints[1]: is the same address and port as endpoints[0]: remove one'],
    ],
    [
      'a protocol that is not known',
      backend({ protocol: 'openai' }),
      [
        'spec.protocol: must be one of OpenInference, OpenInferenceGRPC, OpenAI, KServeV1; ' +
          'got "openai"',
      ],
    ],
    [
      'a model version without quotes',
      backend({ model: { name: 'm', version: 1 } }),
      [
        'spec.model.version: must be a model version in quotes (letters, digits and . _ -), ' +
          'at most 512 characters; got 1',
      ],
    ],
    ...['OpenAI', 'KServeV1'].map((protocol): (typeof cases)[0] => [
      `a version for ${protocol}, which has none`,
      backend({ protocol, model: { name: 'm', version: '1' } }),
      [`spec.model.version: the ${protocol} protocol has no versions: write it into model.name`],
    ]),
    [
      'an object name with capitals',
      backend({}, { name: 'Digits' }),
      [
        'metadata.name: must be a DNS name (lower case letters, digits, - and ., a letter or digit ' +
          'at both ends), at most 253 characters; got "Digits"',
      ],
    ],
    [
      'another API version',
      { ...(backend() as object), apiVersion: 'v1' },
      ['apiVersion: must be modelweir.dev/v1alpha1; got "v1"'],
    ],
    [
      'an unknown kind',
      { kind: 'Deployment' },
      [
        'kind: "Deployment" is not known: must be one of ModelBackend, ModelRoute, ModelRollout, TrafficPolicy',
      ],
    ],
    ['no object at all', [], [': must be an object; got an empty list']],
  ];
  for (const [name, raw, expected] of cases) {
    test(name, () => assert.deepEqual(problemsOf(raw), expected));
  }
});

test('all problems come at once, those of one field and those between fields', () => {
  const parsed = parse(
    route(
      {
        variants: [variant('a', { weight: -1.5 }), variant('a', { servedModel: '' })],
        hostnames: ['*', '*'],
        batching: { timeoutMs: 99999, maxRow: 1 },
        sticky: {},
      },
      { name: 'x_y' },
    ),
  );
  assert.ok(!parsed.ok);
  assert.deepEqual(parsed.problems.map(({ path }) => path).toSorted(), [
    'metadata.name',
    'spec.batching.maxRow',
    'spec.batching.timeoutMs',
    'spec.hostnames[1]',
    'spec.sticky',
    'spec.variants[0].weight',
    'spec.variants[1].name',
    'spec.variants[1].servedModel',
  ]);
});

test('a problem carries the keys of its path, also where a key is no word', () => {
  const parsed = parse(backend({}, { labels: { 'a.b/c': 1 } }));
  assert.ok(!parsed.ok);
  assert.deepEqual(parsed.problems, [
    {
      path: 'metadata.labels["a.b/c"]',
      keys: ['metadata', 'labels', 'a.b/c'],
      reason: 'must be a string: put it in quotes; got 1',
    },
  ]);
});

test('values that cannot be written as text do not stop the reading of the rest', () => {
  const odd = { toString: 1, valueOf: 1 };
  const match = { protocol: odd, headers: [{ name: odd, value: odd }] };
  const parsed = parse(route({ models: [{ name: 'a', version: odd }], matches: [match, match] }));
  assert.ok(!parsed.ok);
  assert.deepEqual(parsed.problems.map(({ path }) => path).toSorted(), [
    'spec.matches[0].headers[0].name',
    'spec.matches[0].headers[0].value',
    'spec.matches[0].protocol',
    'spec.matches[1].headers[0].name',
    'spec.matches[1].headers[0].value',
    'spec.matches[1].protocol',
    'spec.models[0].version',
  ]);
  assert.ok(!parse(backend({ endpoints: [{ address: odd, port: odd }] })).ok);
});

test('a message quotes a long value only in part', () => {
  const [text] = problemsOf(backend({ protocol: 'x'.repeat(100000) }));
  assert.ok(text !== undefined && text.length < 200);
});

test('every kind turns into a closed JSON schema with its limits', () => {
  const schemas = KINDS.map(({ schema }) =>
    JSON.stringify(z.toJSONSchema(schema, { io: 'input' })),
  );
  assert.equal(schemas.length, KINDS.length);
  for (const text of schemas) assert.match(text, /"additionalProperties":false/);
  assert.match(schemas[1] ?? '', new RegExp(`"maximum":${MAX_WEIGHT}`));
});
