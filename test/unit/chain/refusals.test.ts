/** What a client is told whose request names no model that can be read, or one that nobody has. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMesh } from './mesh.ts';
import { FORM, formBody, GRPC, grpcBody, grpcPath } from './messages.ts';
import { type TestRequest, travel } from './travel.ts';

const MESH: TestMesh = {
  modelHeader: 'x-model',
  routes: {
    'default/digits': { models: ['digits', 'numbers'] },
    'default/fast': { models: ['fast'], strict: false },
  },
};

const json = (body: object) => ({ body: JSON.stringify(body) });
const infer = (...fields: (readonly [number, string])[]): TestRequest => ({
  path: grpcPath('ModelInfer'),
  headers: GRPC,
  body: grpcBody(fields),
});

const UNKNOWN: readonly { name: string; request: TestRequest }[] = [
  { name: 'JSON', request: json({ model: 'nope' }) },
  { name: 'a form', request: { headers: FORM, body: formBody(['model', 'nope']) } },
  { name: 'a path', request: { path: '/v2/models/nope/infer', body: '' } },
  { name: 'a KServe path', request: { path: '/v1/models/nope:predict', body: '' } },
  { name: 'a message', request: infer([1, 'nope'], [3, '']) },
  { name: 'a header', request: { path: '/x', headers: { 'x-model': 'nope' } } },
  { name: 'a question for one model', request: { path: '/v1/models/nope' } },
];

for (const { name, request } of UNKNOWN) {
  test(`an unknown model in ${name} is refused`, () => {
    const outcome = travel(MESH, request);
    assert.equal(outcome.refusal, '404 model_not_found');
    assert.equal(outcome.message, "the model 'nope' does not exist");
  });
}

test('a path that is not plain is refused, as a backend may read another model in it', () => {
  for (const path of [
    '/v2/models/%zz/infer',
    '/v2/models/%ff/infer',
    '/v2/models/digits/../a',
    '/v2/models/digits/%2e%2e/a',
    '/v2/models/../infer',
    '/v2/models/digits/versions/%f',
    '/v2/models/digits/versions/..',
    '/v2/repository/models/../load',
    '/v1/models/%zz:predict',
  ]) {
    const { refusal } = travel(MESH, { path, body: '' });
    assert.equal(refusal, '400 invalid_path', path);
  }
});

const REFUSED: readonly { name: string; request: TestRequest; refusal: string; message: string }[] =
  [
    {
      name: 'JSON without a model',
      request: { body: '{}' },
      refusal: '400 missing_model',
      message: 'the body has no "model"',
    },
    {
      name: 'a form without a model',
      request: { headers: FORM, body: formBody(['prompt', 'x']) },
      refusal: '400 missing_model',
      message: 'the body has no "model"',
    },
    {
      name: 'a message without a model',
      request: infer([5, 'x']),
      refusal: '400 missing_model',
      message: 'the body has no "model"',
    },
    {
      name: 'a model that is no string',
      request: { body: '{"model":["digits"]}' },
      refusal: '400 invalid_model',
      message: '"model" must be a string',
    },
    {
      name: 'a body that is no object',
      request: { body: '[]' },
      refusal: '400 invalid_body',
      message: 'the body must be a JSON object',
    },
    {
      name: 'malformed JSON',
      request: { body: '{"x":1,}' },
      refusal: '400 invalid_json',
      message: 'the body is not valid JSON near byte 8',
    },
    {
      name: 'JSON that is cut off',
      request: { body: '{"x":[1' },
      refusal: '400 invalid_json',
      message: 'the body ends before its JSON does near byte 7',
    },
    {
      name: 'JSON that is nested too deep',
      request: { body: `{"x":${'['.repeat(600)}` },
      refusal: '400 invalid_json',
      message: 'the body is nested deeper than 512 levels near byte 517',
    },
    {
      name: 'a form without a boundary',
      request: { headers: { 'content-type': 'multipart/form-data' }, body: formBody() },
      refusal: '400 invalid_body',
      message: 'the body is not valid multipart/form-data near byte 0',
    },
    {
      name: 'a form that is cut off',
      request: { headers: FORM, body: formBody(['model', 'digits']).subarray(0, -4) },
      refusal: '400 invalid_body',
      message: 'the body ends before its form does near byte 118',
    },
    {
      name: 'a message that is cut off',
      request: { ...infer(), body: grpcBody([[1, 'digits']]).subarray(0, -1) },
      refusal: '400 invalid_body',
      message: 'the body ends before its message does near byte 12',
    },
    {
      name: 'a compressed message',
      request: { ...infer(), body: Buffer.from([1, 0, 0, 0, 1, 0]) },
      refusal: '501 compressed_message',
      message:
        'the message is compressed, so that its model cannot be read; send it without compression',
    },
    {
      name: 'a body of blanks',
      request: { body: ' \n' },
      refusal: '400 empty_body',
      message: 'the body is empty; the model is required',
    },
    {
      name: 'an empty body',
      request: { body: '' },
      refusal: '400 empty_body',
      message: 'the body is empty; the model is required',
    },
    {
      name: 'no body',
      request: { method: 'POST' },
      refusal: '400 empty_body',
      message: 'the body is empty; the model is required',
    },
    {
      name: 'an encoded body',
      request: {
        headers: { 'content-encoding': 'gzip' },
        body: Buffer.from([0x1f, 0x8b, 8]),
      },
      refusal: '415 unsupported_encoding',
      message:
        'the body must not be encoded, so that its model can be read; send it without content-encoding',
    },
    {
      name: 'a model of 10,000 characters',
      request: { body: [`{"model":"${'n'.repeat(900)}`, `${'n'.repeat(9_100)}"}`] },
      refusal: '413 body_too_large',
      message:
        'the model was not found in the first 1000 bytes of the body (maxHoldBytes): put "model" before the long fields, or raise --max-hold-bytes of the control plane',
    },
    {
      name: 'a model of 600 characters',
      request: json({ model: 'n'.repeat(600) }),
      refusal: '404 model_not_found',
      message: 'no model has a name of more than 512 characters',
    },
    {
      name: 'a long unknown model, whose beginning is said',
      request: json({ model: 'n'.repeat(200) }),
      refusal: '404 model_not_found',
      message: `the model '${'n'.repeat(128)}...' does not exist`,
    },
    {
      name: 'a second model',
      request: { body: '{"model":"digits","model":"fast"}' },
      refusal: '400 duplicate_model',
      message: 'the body names "model" more than once',
    },
    {
      name: 'a second model in a form',
      request: {
        headers: FORM,
        body: formBody(['model', 'digits'], ['model', 'fast']),
      },
      refusal: '400 duplicate_model',
      message: 'the body names "model" more than once',
    },
    {
      name: 'a second model in a message',
      request: infer([1, 'digits'], [1, 'fast']),
      refusal: '400 duplicate_model',
      message: 'the body names "model" more than once',
    },
    {
      name: 'a key that some parsers take for the model',
      request: { body: '{"Model":"fast","model":"digits"}' },
      refusal: '400 duplicate_model',
      message: 'the body names "model" more than once',
    },
  ];

for (const { name, request, refusal, message } of REFUSED) {
  test(`${name} is refused with the reason`, () => {
    const outcome = travel(MESH, request);
    assert.equal(outcome.end, 'refuse');
    assert.deepEqual([outcome.refusal, outcome.message], [refusal, message]);
  });
}

test('a gRPC call about the server is refused where no route speaks gRPC', () => {
  const outcome = travel(MESH, { path: grpcPath('ServerReady'), headers: GRPC, body: '' });
  assert.equal(outcome.refusal, '501 no_grpc_backend');
  assert.equal(outcome.message, 'no backend of this host speaks gRPC');
});

test('on a strict route all of the body is read, and what is wrong with it ends the request', () => {
  const cases: [rest: string, message: string][] = [
    ['"x":NaN}', 'the body is not valid JSON near byte 23'],
    ['"x":1', 'the body ends before its JSON does near byte 23'],
    ['"x":1} {"model":"a"}', 'the body is not valid JSON near byte 26'],
  ];
  for (const [rest, message] of cases) {
    for (const body of [['{"model":"digits"', `,${rest}`], [`{"model":"digits",${rest}`]]) {
      const outcome = travel(MESH, { body });
      assert.deepEqual([outcome.refusal, outcome.message], ['400 invalid_json', message]);
    }
  }
});

test('a stream whose second message names another model is refused, also on a fast route', () => {
  for (const model of ['digits', 'fast']) {
    for (const second of ['numbers', 'nope', '']) {
      const body = [grpcBody([[1, model]]), grpcBody([[1, second]])];
      const request = { path: grpcPath('ModelStreamInfer'), headers: GRPC };
      for (const pieces of [body, [Buffer.concat(body)]]) {
        const { refusal } = travel(MESH, { ...request, body: pieces });
        assert.equal(refusal, '400 duplicate_model', `${model}, then ${second}`);
      }
    }
  }
});

test('a stream whose second message asks for another version is refused', () => {
  const body = [
    grpcBody([
      [1, 'digits'],
      [2, '1'],
    ]),
    grpcBody([
      [1, 'digits'],
      [2, '2'],
    ]),
  ];
  const request = { path: grpcPath('ModelStreamInfer'), headers: GRPC, body };
  assert.equal(travel(MESH, request).refusal, '400 duplicate_model');
});
