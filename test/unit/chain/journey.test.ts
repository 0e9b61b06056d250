/** One request through the chain: which route and cluster each way to name a model leads to. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitterOf, type TestMesh } from './mesh.ts';
import { FORM, formBody, GRPC, grpcBody, grpcPath } from './messages.ts';
import { type TestRequest, travel } from './travel.ts';

const MESH: TestMesh = {
  modelHeader: 'X-Model',
  routes: {
    'default/digits': { models: ['digits', 'numbers', 'größe 7', 'org/model', 'llama-3:8b'] },
    'default/fast': { models: ['fast'], strict: false },
    'default/second': { claims: [{ model: 'digits', version: '2' }] },
    'default/kserve': { claims: [{ model: 'digits', protocol: 'KServeV1' }] },
    'default/beta': { claims: [{ model: 'digits', headers: { 'x-tier': 'beta' } }] },
    'default/fine-tuned': { claims: [{ model: 'ft:', prefix: true }] },
  },
};

interface Sent {
  readonly name: string;
  readonly request: TestRequest;
  readonly route?: string;
  readonly model?: string;
}

const json = (body: object) => ({ body: JSON.stringify(body) });
const infer = (...fields: (readonly [number, string])[]): TestRequest => ({
  path: grpcPath('ModelInfer'),
  headers: GRPC,
  body: grpcBody(fields),
});

const SENT: readonly Sent[] = [
  { name: 'OpenAI: JSON', request: json({ model: 'digits' }) },
  { name: 'OpenAI: an alias', request: json({ model: 'numbers' }), model: 'numbers' },
  {
    name: 'OpenAI: JSON with the model at its end',
    request: json({ input: ['héllo'], nested: { model: 'x' }, model: 'digits' }),
  },
  {
    name: 'OpenAI: JSON with a byte order mark and escapes',
    request: { body: '\ufeff {"ü":"😀", "mod\\u0065l" : "gr\\u00f6ße 7"}' },
    model: 'größe 7',
  },
  {
    name: 'OpenAI: the beginning of a name',
    request: json({ model: 'ft:gpt:me' }),
    route: 'default/fine-tuned',
    model: 'ft:gpt:me',
  },
  {
    name: 'OpenAI: a header on which a claim depends',
    request: { ...json({ model: 'digits' }), headers: { 'x-tier': 'beta' } },
    route: 'default/beta',
  },
  {
    name: 'OpenAI: another method with a body, as only a backend may refuse it',
    request: { ...json({ model: 'digits' }), method: 'PUT' },
  },
  {
    name: 'OpenAI: a form',
    request: {
      path: '/v1/audio/transcriptions',
      headers: FORM,
      body: formBody(['file', Buffer.from([0, 255, 13, 10])], ['model', 'digits']),
    },
  },
  {
    name: 'Open Inference: a path',
    request: { path: '/v2/models/digits/infer', body: 'anything' },
  },
  {
    name: 'Open Inference: an encoded path',
    request: { path: '/v2/models/gr%c3%b6%C3%9Fe%207/infer', body: '' },
    model: 'größe 7',
  },
  {
    name: 'Open Inference: an encoded slash',
    request: { path: '/v2/models/org%2Fmodel/generate', body: '' },
    model: 'org/model',
  },
  {
    name: 'Open Inference: a version on which no claim depends',
    request: { path: '/v2/models/digits/versions/3/infer', body: '' },
  },
  {
    name: 'Open Inference: a version on which a claim depends',
    request: { path: '/v2/models/digits/versions/%32/infer', body: '' },
    route: 'default/second',
  },
  {
    name: 'Open Inference: metadata by GET',
    request: { path: '/v2/models/digits' },
  },
  {
    name: 'Open Inference: a model to load',
    request: { path: '/v2/repository/models/digits/load', body: '{}' },
  },
  {
    name: 'Open Inference: a model to unload, without a body',
    request: { method: 'POST', path: '/v2/repository/models/digits/unload' },
  },
  {
    name: 'KServe: a prediction',
    request: { path: '/v1/models/digits:predict', body: '{}' },
    route: 'default/kserve',
  },
  {
    name: 'KServe: an explanation of a model with colons in its name',
    request: { path: '/v1/models/llama-3:8b:explain', body: '{}' },
    model: 'llama-3:8b',
  },
  { name: 'gRPC: a message', request: infer([1, 'digits'], [5, 'x']) },
  {
    name: 'gRPC: a version on which a claim depends',
    request: infer([1, 'digits'], [2, '2']),
    route: 'default/second',
  },
  {
    name: 'gRPC: a model to load',
    request: {
      path: grpcPath('RepositoryModelLoad'),
      headers: GRPC,
      body: grpcBody([
        [1, 'repository'],
        [2, 'digits'],
      ]),
    },
  },
  {
    name: 'gRPC: a stream of messages that name one model',
    request: {
      path: grpcPath('ModelStreamInfer'),
      headers: GRPC,
      body: grpcBody([[1, 'digits']], [[1, 'digits']]),
    },
  },
  {
    name: 'any other path: a header',
    request: { path: '/predict', headers: { 'x-model': 'digits' }, body: 'anything' },
  },
];

for (const { name, request, route, model } of SENT) {
  test(`${name} leads to the route of its model`, () => {
    const outcome = travel(MESH, request);
    const expected = route ?? 'default/digits';
    assert.equal(outcome.end, 'send', outcome.message);
    assert.equal(outcome.route, expected);
    assert.equal(outcome.cluster, expected);
    assert.equal(outcome.model, model ?? 'digits');
    assert.equal(outcome.path, request.path ?? '/v1/chat/completions');
    assert.deepEqual(outcome.body, Buffer.from((request.body ?? '') as string));
  });
}

const PASSED: readonly { name: string; request: TestRequest }[] = [
  { name: 'a path of nobody', request: { path: '/metrics' } },
  { name: 'GET of a path that takes a body', request: { path: '/v1/embeddings' } },
  {
    name: 'an upgrade',
    request: { path: '/v1/responses', headers: { upgrade: 'websocket' } },
  },
];

for (const { name, request } of PASSED) {
  test(`${name} passes`, () => {
    assert.equal(travel(MESH, request).end, 'pass');
  });
}

test('a gRPC call about the server goes to a route of the host that speaks gRPC', () => {
  const grpc = { claims: [{ model: 'm', prefix: true }], grpc: true };
  const mesh: TestMesh = {
    routes: {
      http: { models: ['digits'] },
      any: grpc,
      later: { claims: [{ model: 'n', prefix: true }], grpc: true },
      own: { ...grpc, hostname: 'a.com' },
      none: { hostname: 'b.com', models: ['digits'] },
    },
  };
  for (const method of ['ServerLive', 'ServerReady', 'ServerMetadata']) {
    for (const [authority, route] of [
      ['a.com', 'own'],
      ['b.com', 'any'],
      ['c.com', 'any'],
    ]) {
      const headers = { ...GRPC, ':authority': authority ?? '' };
      const body = grpcBody([]);
      const outcome = travel(mesh, { path: grpcPath(method), headers, body });
      assert.deepEqual([outcome.end, outcome.route], ['send', route], `${method} ${authority}`);
      assert.deepEqual([outcome.sentAfter, outcome.body], [0, body]);
    }
  }
});

test('requests to a host of which nobody claims anything pass, questions to the mesh too', () => {
  const routes = { 'default/r': { hostname: 'a.com', models: ['digits'] } };
  const mesh = { routes, modelHeader: 'x-model' };
  for (const request of [
    { body: '{"model":"digits"}' },
    { path: '/v2/models/digits/infer', body: '' },
    { path: '/v1/models' },
    { path: '/v2/health/ready' },
    { path: '/x', headers: { 'x-model': 'digits' } },
  ]) {
    assert.equal(travel(mesh, request).end, 'pass', request.path);
    const headers = { ...request.headers, ':authority': 'A.com:80' };
    assert.notEqual(travel(mesh, { ...request, headers }).end, 'pass', request.path);
  }
});

test('the authority decides among hosts, without its port and case', () => {
  const mesh: TestMesh = {
    routes: {
      any: { models: ['digits'] },
      eu: { hostname: 'eu.example.com', models: ['digits'] },
    },
  };
  for (const [authority, route] of [
    ['EU.example.com:8080', 'eu'],
    ['us.example.com', 'any'],
    ['[::1]:8080', 'any'],
  ] as const) {
    const request = { body: '{"model":"digits"}', headers: { ':authority': authority } };
    assert.equal(travel(mesh, request).route, route, authority);
  }
});

test('on a fast route nothing after the model is read', () => {
  for (const body of [
    '{"model":"fast","model":"digits"} garbage',
    ['{"model":"fast"', ',"model":"digits"} garbage'],
    ['{"model":"fast","x":', ''],
  ]) {
    const outcome = travel(MESH, { body });
    assert.deepEqual([outcome.end, outcome.route], ['send', 'default/fast']);
    assert.equal(outcome.sentAfter, 1);
  }
});

test('the request goes on with the piece that completes the name', () => {
  const body = ['{"input":"héllo","mod', 'el":"dig', '', 'its","x":', '1}'];
  const outcome = travel(MESH, { body });
  assert.deepEqual([outcome.end, outcome.sentAfter], ['send', 4]);
});

test('a route without variants takes no requests', () => {
  const mesh: TestMesh = { routes: { 'default/r': { models: ['m'] } } };
  const outcome = travel(mesh, { path: '/v2/models/m/infer', body: '' }, [splitterOf(mesh, true)]);
  assert.equal(outcome.refusal, '503 no_variant');
  assert.equal(outcome.message, 'no variant of route default/r takes requests');
});
