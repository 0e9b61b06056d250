/** What happens to a body whose model does not come within `maxHoldBytes`. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMesh } from './mesh.ts';
import { FORM, formBody, GRPC, grpcBody, grpcPath } from './messages.ts';
import { splitsOf, type TestRequest, travel } from './travel.ts';

const MAX_HOLD_BYTES = 300;

const REFUSING: TestMesh = {
  maxHoldBytes: MAX_HOLD_BYTES,
  routes: {
    'default/digits': { models: ['digits'] },
    'default/fast': { models: ['fast'], strict: false },
    'default/other': {
      claims: [{ model: '', prefix: true }],
      variants: [{ name: 'v', servedModel: 'own', servedVersion: '7' }],
      stickyHeader: 'x-user',
    },
  },
};
const PASSING_ON: TestMesh = { ...REFUSING, defaultOverLimit: true };

/** A JSON body whose name ends with byte `end`. */
function nameEndsAt(end: number, model: string): string {
  const before = '{"input":"';
  const after = `","model":"${model}"`;
  return `${before}${'x'.repeat(end - before.length - after.length)}${after},"y":1}`;
}

for (const model of ['digits', 'fast']) {
  test(`${model}: a name that ends with the last byte of the limit is read, however it is cut`, () => {
    const body = nameEndsAt(MAX_HOLD_BYTES, model);
    for (const pieces of [[body], ...splitsOf(Buffer.from(body))]) {
      const outcome = travel(REFUSING, { body: pieces });
      assert.deepEqual([outcome.end, outcome.model], ['send', model]);
    }
  });

  test(`${model}: a name that ends one byte later is not, however it is cut`, () => {
    const body = nameEndsAt(MAX_HOLD_BYTES + 1, model);
    for (const pieces of [[body], ...splitsOf(Buffer.from(body))]) {
      const { refusal, message } = travel(REFUSING, { body: pieces });
      assert.equal(refusal, '413 body_too_large', `cut at ${pieces[0]?.length}`);
      assert.match(message, /first 300 bytes .*maxHoldBytes.*--max-hold-bytes/);
    }
  });

  test(`${model}: what follows the name may be longer than the limit`, () => {
    const body = `{"model":"${model}","input":"${'x'.repeat(200_000)}"}`;
    const outcome = travel(REFUSING, { body });
    assert.deepEqual([outcome.end, outcome.model], ['send', model]);
  });
}

test('the request is refused with the first piece that goes beyond the limit', () => {
  const body = [`{"input":"${'x'.repeat(290)}`, 'x', 'x'];
  assert.equal(travel(REFUSING, { body: body.slice(0, 1) }).refusal, '400 invalid_json');
  assert.equal(travel(REFUSING, { body }).refusal, '413 body_too_large');
});

const LATE: readonly { name: string; request: TestRequest }[] = [
  { name: 'JSON', request: { body: nameEndsAt(400, 'digits') } },
  {
    name: 'a form',
    request: {
      headers: FORM,
      body: formBody(['file', Buffer.alloc(400)], ['model', 'digits']),
    },
  },
  {
    name: 'a message',
    request: {
      path: grpcPath('ModelInfer'),
      headers: GRPC,
      body: grpcBody([
        [5, 'x'.repeat(400)],
        [1, 'digits'],
      ]),
    },
  },
];

for (const { name, request } of LATE) {
  test(`${name} beyond the limit goes to the default route as it came, if that is wanted`, () => {
    const body = Buffer.from(request.body as Uint8Array);
    assert.equal(travel(REFUSING, request).refusal, '413 body_too_large');
    for (const pieces of [[body], ...splitsOf(body)]) {
      const outcome = travel(PASSING_ON, { ...request, body: pieces });
      assert.equal(outcome.end, 'send', `cut at ${pieces[0]?.length}: ${outcome.message}`);
      assert.deepEqual([outcome.route, outcome.variant], ['default/other', 'v']);
      assert.deepEqual([outcome.model, outcome.version], ['', '']);
      assert.deepEqual(outcome.body, body);
    }
  });
}

test('the sticky header counts on the default route, too', () => {
  const request = { body: nameEndsAt(400, 'digits'), headers: { 'x-user': 'ann' } };
  assert.equal(travel(PASSING_ON, request).key, 'ann');
});

test('a sticky field counts on the default route, if it comes within the limit', () => {
  const claims = [{ model: '', prefix: true }];
  const variants = [{ name: 'a' }, { name: 'b' }];
  const routes = { 'default/other': { claims, variants, stickyField: 'user' } };
  const mesh = { ...PASSING_ON, routes };
  const long = `"input":"${'x'.repeat(400)}"`;
  for (const [body, key] of [
    [`{"user":"ann",${long},"model":"m"}`, 'ann'],
    [`{${long},"user":"ann","model":"m"}`, ''],
  ] as const) {
    for (const pieces of [[body], ...splitsOf(Buffer.from(body))]) {
      const outcome = travel(mesh, { body: pieces });
      assert.deepEqual([outcome.end, outcome.key], ['send', key], `cut at ${pieces[0]?.length}`);
    }
  }
});

test('a known model within the limit does not go to the default route', () => {
  assert.equal(travel(PASSING_ON, { body: nameEndsAt(300, 'digits') }).route, 'default/digits');
});

test('an unknown model within the limit goes to the default route under its name', () => {
  const outcome = travel(PASSING_ON, { body: '{"model":"unheard of"}' });
  assert.deepEqual([outcome.route, outcome.model], ['default/other', 'unheard of']);
  assert.equal(outcome.body.toString(), '{"model":"own"}');
});

test('where no route is the default one, a body beyond the limit is refused', () => {
  const mesh = { ...PASSING_ON, routes: { 'default/digits': { models: ['digits'] } } };
  assert.equal(travel(mesh, { body: nameEndsAt(400, 'digits') }).refusal, '413 body_too_large');
});

test('a default route on conditions takes it only where they hold', () => {
  const claims = [{ model: '', prefix: true, protocol: 'OpenInferenceGRPC' }];
  const mesh = { ...PASSING_ON, routes: { 'default/other': { claims } } };
  assert.equal(travel(mesh, { body: nameEndsAt(400, 'm') }).refusal, '413 body_too_large');
  assert.equal(travel(mesh, LATE[2]?.request ?? {}).route, 'default/other');
});

const BEYOND: readonly { name: string; body: string }[] = [
  { name: 'that has no model at all', body: `{"input":"${'x'.repeat(400)}"}` },
  { name: 'that is malformed behind the limit', body: `{"input":"${'x'.repeat(400)}",}` },
  { name: 'whose model is no string', body: `{"input":"${'x'.repeat(400)}","model":5}` },
  { name: 'whose model is too long a name', body: `{"model":"${'n'.repeat(600)}"}` },
];

for (const { name, body } of BEYOND) {
  test(`a body beyond the limit ${name} has the same end, however it is cut`, () => {
    for (const pieces of [[body], ...splitsOf(Buffer.from(body))]) {
      const at = `cut at ${pieces[0]?.length}`;
      assert.equal(travel(REFUSING, { body: pieces }).refusal, '413 body_too_large', at);
      assert.equal(travel(PASSING_ON, { body: pieces }).route, 'default/other', at);
    }
  });
}
