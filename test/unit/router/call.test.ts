/** What a request is: its protocol, and where it names its model. One row a path that clients know. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  KSERVE_V1,
  OPEN_INFERENCE,
  OPEN_INFERENCE_GRPC,
  OPENAI,
  OTHER,
} from '../../../filters/contract/protocols.ts';
import {
  BY_FORM,
  BY_HEADER,
  BY_JSON,
  BY_MESSAGE,
  BY_PATH,
  type Call,
  callOf,
  LIST_MODELS,
  OF_SERVER,
  PASS_BY,
  REPOSITORY_INDEX,
  SERVER_HEALTH,
  SERVER_INFO,
  SHOW_MODEL,
} from '../../../filters/router/call.ts';
import { HeaderSource } from '../../../filters/wire/header-source.ts';

type Headers = Readonly<Record<string, string>>;

class Named extends HeaderSource {
  private readonly headers: Headers;

  constructor(headers: Headers) {
    super();
    this.headers = headers;
  }

  get(name: string): string {
    return this.headers[name] ?? '';
  }
}

function call(method: string, path: string, headers: Headers = {}, modelHeader = ''): Call {
  const hasBody = method !== 'GET' && method !== 'HEAD' && method !== 'DELETE';
  const source = new Named({ ':method': method, ':path': path, ...headers });
  return callOf(path, hasBody, source, modelHeader);
}

const OPENAI_PATHS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/moderations',
  '/v1/audio/speech',
  '/v1/audio/transcriptions',
  '/v1/audio/translations',
  '/v1/images/generations',
  '/v1/images/edits',
  '/v1/images/variations',
  '/v1/embeddings/',
  '/v1/embeddings?a=/b',
  '/v1/embeddings/?a',
  '/v1/embeddings#a',
];

for (const path of OPENAI_PATHS) {
  test(`OpenAI: the body of POST ${path} names the model, as JSON`, () => {
    const { kind, protocol } = call('POST', path, { 'content-type': 'application/json' });
    assert.deepEqual([kind, protocol], [BY_JSON, OPENAI]);
  });
}

test('OpenAI: what has a body is taken for a POST, and a POST for one that should have one', () => {
  assert.equal(call('PUT', '/v1/embeddings').kind, BY_JSON);
  const source = new Named({ ':method': 'POST' });
  assert.equal(callOf('/v1/embeddings', false, source, '').kind, BY_JSON);
});

const FORMS: readonly { name: string; type: string; kind: number; boundary?: string }[] = [
  { name: 'a form', type: 'multipart/form-data; boundary=b', kind: BY_FORM, boundary: 'b' },
  {
    name: 'a form in other letters',
    type: 'Multipart/Form-Data;BOUNDARY="a b"',
    kind: BY_FORM,
    boundary: 'a b',
  },
  { name: 'a form without a boundary', type: 'multipart/form-data', kind: BY_FORM, boundary: '' },
  {
    name: 'another multipart type',
    type: 'multipart/mixed; boundary=b',
    kind: BY_FORM,
    boundary: '',
  },
  { name: 'no content type', type: '', kind: BY_JSON },
  { name: 'a type that only begins as a form does', type: 'multipartish', kind: BY_JSON },
  { name: 'a message', type: 'message/rfc822', kind: BY_JSON },
];

for (const { name, type, kind, boundary } of FORMS) {
  test(`OpenAI: ${name} is read as ${kind === BY_FORM ? 'a form' : 'JSON'}`, () => {
    const found = call('POST', '/v1/audio/transcriptions', { 'content-type': type });
    assert.deepEqual([found.kind, found.protocol], [kind, OPENAI]);
    assert.equal(found.boundary, boundary ?? '');
  });
}

const PASSED: readonly [method: string, path: string, headers?: Headers][] = [
  ['GET', '/'],
  ['POST', ''],
  ['GET', '/v1'],
  ['GET', '/v1/'],
  ['GET', '/v1/chat/completions'],
  ['DELETE', '/v1/embeddings'],
  ['POST', '/v1/embeddings/extra'],
  ['POST', '/v1/embeddingsx'],
  ['POST', '/v1/embeddings//'],
  ['POST', '/V1/embeddings'],
  ['POST', '/v1/realtime'],
  ['GET', '/v1/modelsx'],
  ['POST', '/v1/models'],
  ['DELETE', '/v1/models/a'],
  ['HEAD', '/v1/models'],
  ['POST', '/v1/models/a'],
  ['POST', '/v1/models/a:classify'],
  ['POST', '/v1/models/:predict'],
  ['POST', '/v1/models/a:predict/'],
  ['POST', '/v1/models/a/b:predict'],
  ['POST', '/v2'],
  ['POST', '/v2/health/live'],
  ['GET', '/v2/repository/index'],
  ['GET', '/v2/health'],
  ['GET', '/v2/health/started'],
  ['GET', '/v2x'],
  ['GET', '/v2/models'],
  ['GET', '/v2/models/'],
  ['GET', '/v2/models//infer'],
  ['POST', '/v2/repository/models/a'],
  ['POST', '/v2/repository/models//load'],
  ['POST', '/v2/repository/models'],
  ['POST', '/inference.GRPCInferenceService/ModelInfer'],
  ['POST', '/inference.GRPCInferenceService/ModelInfer', { 'content-type': 'application/json' }],
  [
    'POST',
    '/inference.GRPCInferenceService/ModelInfer',
    { 'content-type': 'application/grpc-web+proto' },
  ],
  ['POST', '/inference.GRPCInferenceService/ServerLive'],
  ['POST', '/inference.GRPCInferenceService/', { 'content-type': 'application/grpc' }],
  ['POST', '/inference.GRPCInferenceService/ModelInferX', { 'content-type': 'application/grpc' }],
  ['POST', '/inference.Other/ModelInfer', { 'content-type': 'application/grpc' }],
];

for (const [method, path, headers] of PASSED) {
  const type = headers === undefined ? '' : ` as ${headers['content-type']}`;
  test(`${method} ${path}${type} is passed by`, () => {
    assert.equal(call(method, path, headers).kind, PASS_BY);
  });
}

test('an upgrade is passed by: what follows is no body', () => {
  const headers = { upgrade: 'websocket', connection: 'upgrade' };
  assert.equal(call('GET', '/v1/responses', headers).kind, PASS_BY);
  assert.equal(call('POST', '/v1/chat/completions', headers).kind, PASS_BY);
});

const PATHS: readonly [
  method: string,
  path: string,
  protocol: string,
  model: string,
  version?: string,
][] = [
  ['POST', '/v2/models/digits/infer', OPEN_INFERENCE, 'digits'],
  ['POST', '/v2/models/digits/versions/3/infer', OPEN_INFERENCE, 'digits', '3'],
  ['POST', '/v2/models/digits/generate', OPEN_INFERENCE, 'digits'],
  ['GET', '/v2/models/digits', OPEN_INFERENCE, 'digits'],
  ['GET', '/v2/models/digits/', OPEN_INFERENCE, 'digits'],
  ['GET', '/v2/models/digits/ready', OPEN_INFERENCE, 'digits'],
  ['GET', '/v2/models/digits/versions/3/ready', OPEN_INFERENCE, 'digits', '3'],
  ['GET', '/v2/models/org%2Fm?a=/b', OPEN_INFERENCE, 'org%2Fm'],
  ['GET', '/v2/models/digits/versions/', OPEN_INFERENCE, 'digits'],
  ['POST', '/v2/repository/models/digits/load', OPEN_INFERENCE, 'digits'],
  ['POST', '/v2/repository/models/digits/unload', OPEN_INFERENCE, 'digits'],
  ['POST', '/v1/models/digits:predict', KSERVE_V1, 'digits'],
  ['POST', '/v1/models/digits:explain', KSERVE_V1, 'digits'],
  ['POST', '/v1/models/digits:predict?x', KSERVE_V1, 'digits'],
  ['POST', '/v1/models/llama-3:8b:predict', KSERVE_V1, 'llama-3:8b'],
  ['POST', '/v1/models/a:predict:explain', KSERVE_V1, 'a:predict'],
];

for (const [method, path, protocol, model, version] of PATHS) {
  test(`${method} ${path} names ${model}${version ? ` of version ${version}` : ''} itself`, () => {
    const found = call(method, path);
    assert.deepEqual([found.kind, found.protocol], [BY_PATH, protocol]);
    const parts = found.path;
    assert.equal(path.slice(parts?.modelFrom, parts?.modelTo), model);
    assert.equal(path.slice(parts?.versionFrom, parts?.versionTo), version ?? '');
  });
}

const MESSAGES: readonly [method: string, model: number, version: number, streaming: boolean][] = [
  ['ModelInfer', 1, 2, false],
  ['ModelStreamInfer', 1, 2, true],
  ['ModelReady', 1, 2, false],
  ['ModelMetadata', 1, 2, false],
  ['ModelConfig', 1, 2, false],
  ['ModelStatistics', 1, 2, false],
  ['RepositoryModelLoad', 2, 0, false],
  ['RepositoryModelUnload', 2, 0, false],
];

for (const [method, model, version, streaming] of MESSAGES) {
  test(`gRPC: the message of ${method} names the model in field ${model}`, () => {
    for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc;v=1']) {
      const headers = { 'content-type': type };
      const found = call('POST', `/inference.GRPCInferenceService/${method}`, headers);
      assert.deepEqual([found.kind, found.protocol], [BY_MESSAGE, OPEN_INFERENCE_GRPC]);
      assert.deepEqual([found.modelField, found.versionField], [model, version]);
      assert.equal(found.streaming, streaming);
    }
  });
}

for (const method of ['ServerLive', 'ServerReady', 'ServerMetadata']) {
  test(`gRPC: ${method} asks for the server as a whole`, () => {
    const headers = { 'content-type': 'application/grpc' };
    const found = call('POST', `/inference.GRPCInferenceService/${method}`, headers);
    assert.deepEqual([found.kind, found.protocol], [OF_SERVER, OPEN_INFERENCE_GRPC]);
  });
}

const ANSWERED: readonly [method: string, path: string, kind: number, protocol: string][] = [
  ['GET', '/v1/models', LIST_MODELS, OPENAI],
  ['GET', '/v1/models/', LIST_MODELS, OPENAI],
  ['GET', '/v1/models?x', LIST_MODELS, OPENAI],
  ['GET', '/v1/models/digits', SHOW_MODEL, OPENAI],
  ['GET', '/v1/models/org%2Fm/', SHOW_MODEL, OPENAI],
  ['GET', '/v1/models/a:predict', SHOW_MODEL, OPENAI],
  ['GET', '/v2', SERVER_INFO, OPEN_INFERENCE],
  ['GET', '/v2/', SERVER_INFO, OPEN_INFERENCE],
  ['HEAD', '/v2', SERVER_INFO, OPEN_INFERENCE],
  ['GET', '/v2/health/live', SERVER_HEALTH, OPEN_INFERENCE],
  ['GET', '/v2/health/ready?x', SERVER_HEALTH, OPEN_INFERENCE],
  ['POST', '/v2/repository/index', REPOSITORY_INDEX, OPEN_INFERENCE],
];

for (const [method, path, kind, protocol] of ANSWERED) {
  test(`${method} ${path} is a question to the mesh`, () => {
    const found = call(method, path);
    assert.deepEqual([found.kind, found.protocol], [kind, protocol]);
  });
}

test('a model in a header counts where nothing else names one', () => {
  const headers = { 'x-model': 'digits' };
  const { kind, protocol } = call('POST', '/anything', headers, 'x-model');
  assert.deepEqual([kind, protocol], [BY_HEADER, OTHER]);
  assert.equal(call('GET', '/v1/embeddings', headers, 'x-model').kind, BY_HEADER);
  assert.equal(call('POST', '/v1/embeddings', headers, 'x-model').kind, BY_JSON);
  assert.equal(call('POST', '/v2/models/a/infer', headers, 'x-model').kind, BY_PATH);
  assert.equal(call('POST', '/anything', {}, 'x-model').kind, PASS_BY);
  assert.equal(call('POST', '/anything', headers, '').kind, PASS_BY);
});
