/** The built chain under the strict host: models in forms and in gRPC messages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMesh } from '../unit/chain/mesh.ts';
import { FORM, formBody, GRPC, grpcBody, grpcPath } from '../unit/chain/messages.ts';
import { splitsOf, type TestRequest } from '../unit/chain/travel.ts';
import {
  ChainScene,
  CONTINUE,
  counterOf,
  HOLD,
  openAiError,
  replied,
  routed,
} from './chain-scene.ts';

const MESH: TestMesh = {
  maxHoldBytes: 5_000,
  routes: {
    'default/strict': { models: ['digits', 'whisper'] },
    'default/fast': { models: ['fast'], strict: false },
    'default/grpc': { models: ['other'], grpc: true },
  },
};

const form = (body: Buffer): TestRequest => ({
  path: '/v1/audio/transcriptions',
  headers: FORM,
  body,
});
const message = (method: string, ...bodies: Uint8Array[]): TestRequest => ({
  path: grpcPath(method),
  headers: GRPC,
  body: bodies,
});

for (const path of [
  'audio/transcriptions',
  'audio/translations',
  'images/edits',
  'images/variations',
]) {
  test(`the model is read from the form of /v1/${path}, however it is cut`, () => {
    const scene = new ChainScene(MESH);
    const file = Buffer.from('RIFF\0\r\n--\xff', 'latin1');
    const body = formBody(['file', file], ['model', 'whisper'], ['n', '1']);
    for (const pieces of [[body], ...splitsOf(body)]) {
      const request = { path: `/v1/${path}`, headers: FORM, body: pieces };
      const { stream, effects, sent } = scene.send(request);
      assert.deepEqual(effects, routed('default/strict'));
      assert.deepEqual(sent, body);
      scene.end(stream);
    }
  });
}

test('fast: after the name a form is not read', () => {
  const scene = new ChainScene(MESH);
  const body = Buffer.concat([formBody(['model', 'fast']), Buffer.from('garbage')]);
  const { stream, effects, action } = scene.send(form(body));
  assert.deepEqual([action, effects], [CONTINUE, routed('default/fast')]);
  scene.end(stream);
});

const BAD_FORMS: readonly { name: string; body: Buffer; code: string; message: string }[] = [
  {
    name: 'a form without a model',
    body: formBody(['prompt', 'digits']),
    code: 'missing_model',
    message: 'the body has no "model"',
  },
  {
    name: 'a form with two',
    body: formBody(['model', 'digits'], ['model', 'fast']),
    code: 'duplicate_model',
    message: 'the body names "model" more than once',
  },
  {
    name: 'a form that ends too early',
    body: formBody(['model', 'digits']).subarray(0, -4),
    code: 'invalid_body',
    message: 'the body ends before its form does near byte 118',
  },
  {
    name: 'a form with something else in it',
    body: Buffer.from('{"model":"digits"}\n'),
    code: 'invalid_body',
    message: 'the body is not valid multipart/form-data near byte 19',
  },
];

for (const { name, body, code, message: text } of BAD_FORMS) {
  test(`${name} is refused`, () => {
    const scene = new ChainScene(MESH);
    const { stream, effects, action } = scene.send(form(body));
    assert.equal(action, HOLD);
    const param = code.includes('model') ? 'model' : undefined;
    assert.deepEqual(effects, replied(stream, 400, openAiError(400, code, text, param)));
    scene.end(stream);
  });
}

for (const method of [
  'ModelInfer',
  'ModelStreamInfer',
  'ModelReady',
  'ModelMetadata',
  'ModelConfig',
  'ModelStatistics',
]) {
  test(`gRPC: the model is read from the message of ${method}, however it is cut`, () => {
    const scene = new ChainScene(MESH);
    const body = grpcBody([
      [1, 'digits'],
      [2, '1'],
      [5, 'a tensor'],
    ]);
    for (const pieces of [[body], ...splitsOf(body)]) {
      const { stream, effects, sent } = scene.send(message(method, ...pieces));
      assert.deepEqual(effects, routed('default/strict'));
      assert.deepEqual(sent, body);
      scene.end(stream);
    }
  });
}

test('gRPC: a model to load or unload is read from the second field', () => {
  const scene = new ChainScene(MESH);
  const body = grpcBody([
    [1, 'repository'],
    [2, 'digits'],
  ]);
  for (const method of ['RepositoryModelLoad', 'RepositoryModelUnload']) {
    const { stream, effects } = scene.send(message(method, body));
    assert.deepEqual(effects, routed('default/strict'));
    scene.end(stream);
  }
});

test('gRPC: what asks for the server goes to a route that speaks gRPC, at the headers', () => {
  const scene = new ChainScene(MESH);
  for (const method of ['ServerLive', 'ServerReady', 'ServerMetadata']) {
    const { stream, action } = scene.begin(message(method));
    assert.equal(action, CONTINUE);
    assert.deepEqual(scene.host.takeEffects(), routed('default/grpc'));
    assert.equal(stream.requestBody(grpcBody([]), true), CONTINUE);
    scene.end(stream);
  }
});

const BAD_MESSAGES: readonly {
  name: string;
  body: Uint8Array;
  /** HTTP and gRPC status, and what goes with them. */
  http: number;
  grpc: number;
  code: string;
  message: string;
}[] = [
  {
    name: 'an unknown model',
    body: grpcBody([
      [1, 'nöpe'],
      [3, ''],
    ]),
    http: 404,
    grpc: 5,
    code: 'model_not_found',
    message: "the model 'nöpe' does not exist",
  },
  {
    name: 'no model',
    body: grpcBody([[5, 'x']]),
    http: 400,
    grpc: 3,
    code: 'missing_model',
    message: 'the body has no "model"',
  },
  {
    name: 'no message at all',
    body: Buffer.alloc(0),
    http: 400,
    grpc: 3,
    code: 'empty_body',
    message: 'the body is empty; the model is required',
  },
  {
    name: 'a message that is cut off',
    body: grpcBody([[1, 'digits']]).subarray(0, -1),
    http: 400,
    grpc: 3,
    code: 'invalid_body',
    message: 'the body ends before its message does near byte 12',
  },
  {
    name: 'a compressed message',
    body: Uint8Array.from([1, 0, 0, 0, 1, 0]),
    http: 501,
    grpc: 12,
    code: 'compressed_message',
    message:
      'the message is compressed, so that its model cannot be read; send it without compression',
  },
];

for (const { name, body, http, grpc, code, message: text } of BAD_MESSAGES) {
  test(`gRPC: ${name} is refused with a gRPC status`, () => {
    const scene = new ChainScene(MESH);
    const { stream, effects, action } = scene.send(message('ModelInfer', body));
    assert.equal(action, HOLD);
    assert.deepEqual(effects, [`reply ${stream.id} ${http} grpc-status=${grpc} ${text}`]);
    assert.equal(scene.count(counterOf('', code)), 1);
    scene.end(stream);
  });
}

for (const model of ['digits', 'fast']) {
  test(`gRPC: a stream of messages passes as long as all name ${model}`, () => {
    const scene = new ChainScene(MESH);
    const one = grpcBody([[1, model]]);
    const stream = scene.held(message('ModelStreamInfer'));
    assert.equal(stream.requestBody(one, false), CONTINUE);
    const cluster = model === 'fast' ? 'default/fast' : 'default/strict';
    assert.deepEqual(scene.host.takeEffects(), routed(cluster));
    assert.equal(stream.requestBody(one, false), CONTINUE);
    const other = grpcBody([[1, 'whisper']]);
    assert.equal(stream.requestBody(other, true), HOLD);
    const text = 'the body names "model" more than once';
    assert.deepEqual(scene.host.takeEffects(), [`reply ${stream.id} 400 grpc-status=3 ${text}`]);
    scene.end(stream);
  });
}

test('gRPC: fast: after the name a single message is not read', () => {
  const scene = new ChainScene(MESH);
  const body = Buffer.concat([
    grpcBody([
      [1, 'fast'],
      [5, 'x'],
    ]),
    Buffer.from('garbage'),
  ]);
  const { stream, effects, action, sent } = scene.send(message('ModelInfer', body));
  assert.deepEqual([action, effects], [CONTINUE, routed('default/fast')]);
  assert.deepEqual(sent, body);
  scene.end(stream);
});
