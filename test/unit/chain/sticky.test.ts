/** What keeps a client on one variant: a header, or a field of its JSON body. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketOf, variantOfBucket } from '../../../filters/splitter/choice.ts';
import { splitterOf, type TestMesh, type TestRoute } from './mesh.ts';
import { FORM, formBody, GRPC, grpcBody, grpcPath } from './messages.ts';
import { splitsOf, type TestRequest, travel } from './travel.ts';

const VARIANTS = ['a', 'b', 'c', 'd'].map((name) => ({ name }));
/** Where no key decides, the variant of this draw does. */
const DRAW = 2;
const DRAWN = 'c';

function routes(strict: boolean): Record<string, TestRoute> {
  const shared = { strict, variants: VARIANTS };
  return {
    'default/header': { ...shared, models: ['header'], stickyHeader: 'X-User' },
    'default/field': { ...shared, models: ['field'], stickyField: 'user' },
    'default/nested': { ...shared, models: ['nested'], stickyField: 'metadata.tenant' },
    'default/both': { ...shared, models: ['both'], stickyHeader: 'X-User', stickyField: 'user' },
    'default/none': { ...shared, models: ['none'] },
  };
}

const MESHES: readonly (TestMesh & { name: string })[] = [
  { name: 'strict', routes: routes(true), maxHoldBytes: 200 },
  { name: 'fast', routes: routes(false), maxHoldBytes: 200 },
];

/** The variant of a key on a route, by the splitter's own rule. */
function variantOf(mesh: TestMesh, route: string, key: string): string | undefined {
  const program = splitterOf(mesh).routes.get(route);
  assert.ok(program);
  return program.variants[variantOfBucket(program, bucketOf(program, key))]?.name;
}

interface Case {
  readonly name: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What decides; absent: chance does. */
  readonly key?: string;
  /** The last byte that has to come before the request goes on. */
  readonly knownAt?: string;
}

const FIELDS: readonly Case[] = [
  { name: 'before the model', body: '{"user":"ann","model":"field"}', key: 'ann' },
  { name: 'after the model', body: '{"model":"field","user":"ann"}', key: 'ann' },
  {
    name: 'far behind it',
    body: '{"model":"field","x":[1,{"user":"x"}],"user":"ann"}',
    key: 'ann',
  },
  { name: 'with escapes', body: '{"model":"field","us\\u0065r":"\\u0061nn"}', key: 'ann' },
  { name: 'beyond ASCII', body: '{"model":"field","user":"Ännchen😀"}', key: 'Ännchen😀' },
  { name: 'of blanks', body: '{"model":"field","user":" "}', key: ' ' },
  { name: 'that is a number', body: '{"model":"field","user":-12.5e3}', key: '-12.5e3' },
  { name: 'that is a number at the end', body: '{"model":"field","user":7}', key: '7' },
  { name: 'that is true', body: '{"model":"field","user":true}', key: 'true' },
  { name: 'that is false', body: '{"user":false,"model":"field"}', key: 'false' },
  { name: 'that comes twice', body: '{"user":"ann","user":"bob","model":"field"}', key: 'ann' },
  { name: 'that is null', body: '{"model":"field","user":null}' },
  { name: 'that is empty', body: '{"model":"field","user":""}' },
  { name: 'that is an object', body: '{"model":"field","user":{"user":"ann"}}' },
  { name: 'that is a list', body: '{"user":["ann"],"model":"field"}' },
  { name: 'that is missing', body: '{"model":"field"}' },
  { name: 'in other case', body: '{"model":"field","User":"ann"}' },
  { name: 'whose name only begins so', body: '{"model":"field","user2":"ann","use":"bob"}' },
  { name: 'inside of another', body: '{"model":"field","metadata":{"user":"ann"}}' },
  { name: 'of another route', body: '{"model":"none","user":"ann"}' },
  {
    name: 'that is nested',
    body: '{"model":"nested","metadata":{"x":1,"tenant":"t1"}}',
    key: 't1',
  },
  {
    name: 'that is nested, before the model',
    body: '{"metadata":{"tenant":5},"model":"nested"}',
    key: '5',
  },
  {
    name: 'that is nested behind a deeper one',
    body: '{"model":"nested","metadata":{"x":{"tenant":"no"},"tenant":"t1"}}',
    key: 't1',
  },
  { name: 'of a dotted key', body: '{"model":"nested","metadata.tenant":"t1"}' },
  { name: 'nested in a list', body: '{"model":"nested","metadata":[{"tenant":"t1"}]}' },
  { name: 'nested elsewhere', body: '{"model":"nested","metadata":1,"x":{"tenant":"t1"}}' },
  { name: 'nested in an empty object', body: '{"model":"nested","metadata":{}}' },
];

for (const mesh of MESHES) {
  for (const { name, body, key } of FIELDS) {
    const rule = key === undefined ? 'leaves the choice to chance' : `decides by ${key}`;
    test(`${mesh.name}: a field ${name} ${rule}, however the body is cut`, () => {
      for (const pieces of [[body], ...splitsOf(Buffer.from(body))]) {
        const outcome = travel(mesh, { body: pieces, draw: DRAW });
        assert.equal(outcome.end, 'send', outcome.message);
        assert.equal(outcome.key, key ?? '');
        const expected = key === undefined ? DRAWN : variantOf(mesh, outcome.route, key);
        assert.equal(outcome.variant, expected);
        assert.equal(outcome.body.toString(), body);
      }
    });
  }

  test(`${mesh.name}: a value of 1024 bytes is a key, a longer one counts as missing`, () => {
    for (const [length, kept] of [
      [1024, true],
      [1025, false],
    ] as const) {
      const key = 'k'.repeat(length);
      const body = Buffer.from(`{"user":"${key}","model":"field"}`);
      for (const pieces of [[body], ...splitsOf(body)]) {
        const outcome = travel({ ...mesh, maxHoldBytes: 5_000 }, { body: pieces, draw: DRAW });
        assert.equal(outcome.key, kept ? key : '', `${length} bytes`);
      }
    }
  });

  test(`${mesh.name}: a number of too many digits counts as missing`, () => {
    const body = `{"user":${'1'.repeat(2_000)},"model":"field"}`;
    const outcome = travel({ ...mesh, maxHoldBytes: 5_000 }, { body, draw: DRAW });
    assert.deepEqual([outcome.key, outcome.variant], ['', DRAWN]);
  });

  test(`${mesh.name}: the request waits for its field and goes on with the piece that brings it`, () => {
    const body = ['{"model":"field",', '"x":"y",', '"us', 'er":"ann"', ',"z":1', '}'];
    const outcome = travel(mesh, { body });
    assert.deepEqual([outcome.key, outcome.sentAfter], ['ann', 4]);
  });

  test(`${mesh.name}: where the field is missing, it waits to the end of the body`, () => {
    const outcome = travel(mesh, { body: ['{"model":"field"', ',"x":1', '}', ' '], draw: DRAW });
    assert.deepEqual([outcome.variant, outcome.sentAfter], [DRAWN, 3]);
  });

  test(`${mesh.name}: a field that does not come within maxHoldBytes counts as missing`, () => {
    const rest = 'x'.repeat(60);
    const pieces = ['{"model":"field",', `"a":"${rest}",`, `"b":"${rest}",`, `"c":"${rest}",`];
    const body = [...pieces, '"d":', '1,', '"user":"ann"}'];
    const outcome = travel(mesh, { body, draw: DRAW });
    assert.deepEqual([outcome.key, outcome.variant], ['', DRAWN]);
    assert.equal(outcome.sentAfter, 4);
  });

  test(`${mesh.name}: a field beyond maxHoldBytes counts as missing also where it came in one piece`, () => {
    const body = `{"model":"field","x":"${'x'.repeat(200)}","user":"ann"}`;
    for (const pieces of [[body], [body.slice(0, 210), body.slice(210)]]) {
      const outcome = travel(mesh, { body: pieces, draw: DRAW });
      assert.equal(outcome.end, 'send', outcome.message);
      assert.equal(outcome.key, '', `in ${pieces.length} pieces`);
    }
  });

  const KEYS: readonly { name: string; request: TestRequest; key: string }[] = [
    {
      name: 'a header decides at once',
      request: { headers: { 'x-user': 'ann' }, body: ['{"model":"header"', '}'] },
      key: 'ann',
    },
    {
      name: 'a header decides for a path, too',
      request: { path: '/v2/models/header', headers: { 'x-user': 'ann' } },
      key: 'ann',
    },
    {
      name: 'a header comes before the field, for which nobody waits then',
      request: { headers: { 'x-user': 'bob' }, body: ['{"model":"both"', ',"user":"ann"}'] },
      key: 'bob',
    },
    {
      name: 'without the header the field decides',
      request: { body: ['{"model":"both"', ',"user":"ann"}'] },
      key: 'ann',
    },
    {
      name: 'an empty header is none',
      request: { headers: { 'x-user': '' }, body: ['{"model":"both","user":"ann"}'] },
      key: 'ann',
    },
    {
      name: 'a path has no fields',
      request: { path: '/v2/models/field/infer', body: '{"user":"ann"}' },
      key: '',
    },
    {
      name: 'a form has no fields',
      request: { headers: FORM, body: formBody(['model', 'field'], ['user', 'ann']) },
      key: '',
    },
    {
      name: 'a message has no fields, but headers',
      request: {
        path: grpcPath('ModelInfer'),
        headers: { ...GRPC, 'x-user': 'ann' },
        body: grpcBody([[1, 'both']]),
      },
      key: 'ann',
    },
  ];

  for (const { name, request, key } of KEYS) {
    test(`${mesh.name}: ${name}`, () => {
      const outcome = travel(mesh, { ...request, draw: DRAW });
      assert.equal(outcome.end, 'send', outcome.message);
      assert.equal(outcome.key, key);
      const expected = key === '' ? DRAWN : variantOf(mesh, outcome.route, key);
      assert.equal(outcome.variant, expected);
      assert.ok(outcome.sentAfter <= (request.headers?.['x-user'] ? 1 : 9));
    });
  }

  test(`${mesh.name}: while it waits for the field, what is wrong with the body ends the request`, () => {
    const outcome = travel(mesh, { body: ['{"model":"field",', '"x":NaN,"user":"ann"}'] });
    assert.equal(outcome.refusal, '400 invalid_json');
  });
}

test('without a key each point of the total weight belongs to its variant', () => {
  const variants = [
    { name: 'most', weight: 3 },
    { name: 'none', weight: 0 },
    { name: 'few', weight: 1 },
  ];
  const mesh: TestMesh = { routes: { r: { models: ['m'], variants } } };
  const drawn = [0, 1, 2, 3].map((draw) => travel(mesh, { body: '{"model":"m"}', draw }).variant);
  assert.deepEqual(drawn, ['most', 'most', 'most', 'few']);
});
