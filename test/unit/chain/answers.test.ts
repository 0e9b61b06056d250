/** What the mesh answers itself, and what it asks a backend on a client's behalf. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMesh } from './mesh.ts';
import { type TestRequest, travel } from './travel.ts';

const MESH: TestMesh = {
  routes: {
    'default/llm': { models: ['llama', 'größe "7"'], variants: [{ protocol: 'OpenAI' }] },
    'default/digits': { models: ['digits'] },
    'default/renamed': {
      models: ['public'],
      variants: [{ servedModel: 'own', servedVersion: '7' }],
    },
    'default/versioned': { models: ['versioned'], variants: [{ servedVersion: '7' }] },
    'default/same': { models: ['same'], variants: [{ servedModel: 'same' }] },
    'default/second': { claims: [{ model: 'conditional', version: '2' }] },
    'default/any': { claims: [{ model: 'ft:', prefix: true }] },
    'eu/digits': { hostname: 'eu.example.com', models: ['digits', 'zahlen'] },
  },
};
const NAMES = ['conditional', 'digits', 'größe "7"', 'llama', 'public', 'same', 'versioned'];

/** The answer, as JSON. */
function answered(request: TestRequest): unknown {
  const outcome = travel(MESH, request);
  assert.equal(outcome.end, 'answer', `${request.path} ${outcome.message}`);
  assert.match(outcome.answer, /^[ -~]*$/, 'an answer is written as ASCII');
  return JSON.parse(outcome.answer);
}

function openAiModel(id: string): object {
  return { id, object: 'model', created: 0, owned_by: 'modelweir' };
}

function repositoryEntry(name: string): object {
  return { name, version: '', state: 'READY', reason: '' };
}

test('GET /v1/models lists the whole names of the host, sorted', () => {
  for (const path of ['/v1/models', '/v1/models/', '/v1/models?limit=5']) {
    assert.deepEqual(answered({ path }), { object: 'list', data: NAMES.map(openAiModel) });
  }
});

test('each host lists its own names and those of the wider hosts', () => {
  const headers = { ':authority': 'EU.example.com' };
  assert.deepEqual(answered({ path: '/v1/models', headers }), {
    object: 'list',
    data: [...NAMES, 'zahlen'].map(openAiModel),
  });
});

test('a mesh without models lists none', () => {
  const { answer } = travel({ routes: {} }, { path: '/v1/models' });
  assert.deepEqual(JSON.parse(answer), { object: 'list', data: [] });
});

const SHOWN: readonly [path: string, model: string][] = [
  ['/v1/models/llama', 'llama'],
  ['/v1/models/llama/?x', 'llama'],
  ['/v1/models/gr%C3%B6%C3%9Fe%20%227%22', 'größe "7"'],
  ['/v1/models/ft:llama:me', 'ft:llama:me'],
  ['/v1/models/ft:org%2Fllama', 'ft:org/llama'],
  ['/v1/models/ft:org/llama', 'ft:org/llama'],
];

for (const [path, model] of SHOWN) {
  test(`GET ${path} shows ${model}, which a route owns`, () => {
    assert.deepEqual(answered({ path }), openAiModel(model));
  });
}

test('a model that is shown only on a condition is not found without it', () => {
  const { refusal } = travel(MESH, { path: '/v1/models/conditional' });
  assert.equal(refusal, '404 model_not_found');
});

test('a name that is no percent-encoded text is refused', () => {
  assert.equal(travel(MESH, { path: '/v1/models/%zz' }).refusal, '400 invalid_path');
});

test('GET /v2 says who answers', () => {
  const expected = { name: 'modelweir', version: '', extensions: ['model_repository'] };
  assert.deepEqual(answered({ path: '/v2' }), expected);
  assert.deepEqual(answered({ path: '/v2/', method: 'HEAD' }), expected);
});

test('live and ready are what answers at all', () => {
  for (const path of ['/v2/health/live', '/v2/health/ready', '/v2/health/ready/?x']) {
    assert.deepEqual(answered({ path }), {});
  }
});

test('the repository index lists the names, whatever is asked of it', () => {
  for (const body of ['', '{}', '{"ready":true}', 'no JSON']) {
    const request = { path: '/v2/repository/index', body };
    assert.deepEqual(answered(request), NAMES.map(repositoryEntry));
  }
});

test('metadata and readiness of a model on an OpenAI backend are answered here', () => {
  const metadata = { name: 'llama', versions: [], platform: '', inputs: [], outputs: [] };
  assert.deepEqual(answered({ path: '/v2/models/llama' }), metadata);
  assert.deepEqual(answered({ path: '/v2/models/llama/versions/3' }), metadata);
  const ready = { name: 'llama', ready: true };
  assert.deepEqual(answered({ path: '/v2/models/llama/ready' }), ready);
  assert.deepEqual(answered({ path: '/v2/models/llama/versions/3/ready?x' }), ready);
});

const ON_THEIR_WAY: readonly { name: string; request: TestRequest; sent: string }[] = [
  {
    name: 'metadata of a model that its backend knows by that name',
    request: { path: '/v2/models/digits' },
    sent: '/v2/models/digits',
  },
  {
    name: 'metadata of a model whose served name is its own',
    request: { path: '/v2/models/same?x' },
    sent: '/v2/models/same?x',
  },
  {
    name: 'metadata of a version that is added',
    request: { path: '/v2/models/versioned' },
    sent: '/v2/models/versioned/versions/7',
  },
  {
    name: 'readiness of a model under another name',
    request: { path: '/v2/models/public/ready' },
    sent: '/v2/models/own/versions/7/ready',
  },
  {
    name: 'a slash behind the name, which is no question for metadata',
    request: { path: '/v2/models/public/' },
    sent: '/v2/models/own/versions/7/',
  },
  {
    name: 'statistics, which only the backend has',
    request: { path: '/v2/models/llama/stats' },
    sent: '/v2/models/llama/stats',
  },
  {
    name: 'another method',
    request: { path: '/v2/models/public', method: 'HEAD' },
    sent: '/v2/models/own/versions/7',
  },
];

for (const { name, request, sent } of ON_THEIR_WAY) {
  test(`on its way to the backend goes ${name}`, () => {
    const outcome = travel(MESH, request);
    assert.deepEqual([outcome.end, outcome.path], ['send', sent]);
  });
}

test('metadata of a model under another name is asked for, so that the answer can be renamed', () => {
  const outcome = travel(MESH, { path: '/v2/models/public?x' });
  assert.deepEqual([outcome.end, outcome.path], ['ask', '/v2/models/own/versions/7?x']);
  assert.equal(outcome.cluster, 'default/renamed');
  assert.equal(
    travel(MESH, { path: '/v2/models/public/versions/3' }).path,
    '/v2/models/own/versions/3',
  );
});
