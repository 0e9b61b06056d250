/** The built chain under the strict host: what it answers itself, and what it asks a backend about. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallAnswer } from '../harness/wasm-host.ts';
import type { WasmStream } from '../harness/wasm-stream.ts';
import type { TestMesh } from '../unit/chain/mesh.ts';
import type { TestRequest } from '../unit/chain/travel.ts';
import { ChainScene, counterOf, HOLD, replied, routed } from './chain-scene.ts';

const MESH: TestMesh = {
  metadataTimeoutMs: 1_234,
  routes: {
    'default/llm': { models: ['llama'], variants: [{ protocol: 'OpenAI' }] },
    'default/public': {
      models: ['größe "7"'],
      variants: [{ servedModel: 'own', servedVersion: '7', cluster: 'backend' }],
    },
  },
};

const model = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'modelweir' });
const entry = (name: string) => ({ name, version: '', state: 'READY', reason: '' });

const ANSWERS: readonly { request: TestRequest; route?: string; body: unknown }[] = [
  {
    request: { path: '/v1/models' },
    body: { object: 'list', data: [model('größe "7"'), model('llama')] },
  },
  { request: { path: '/v1/models/llama' }, route: 'default/llm', body: model('llama') },
  {
    request: { path: '/v2' },
    body: { name: 'modelweir', version: '', extensions: ['model_repository'] },
  },
  { request: { path: '/v2/health/live' }, body: {} },
  { request: { path: '/v2/health/ready' }, body: {} },
  {
    request: { path: '/v2/repository/index', body: '{}' },
    body: [entry('größe "7"'), entry('llama')],
  },
  {
    request: { path: '/v2/models/llama' },
    route: 'default/llm',
    body: { name: 'llama', versions: [], platform: '', inputs: [], outputs: [] },
  },
  {
    request: { path: '/v2/models/llama/ready' },
    route: 'default/llm',
    body: { name: 'llama', ready: true },
  },
];

for (const { request, route = '', body } of ANSWERS) {
  test(`${request.path} is answered at the headers`, () => {
    const scene = new ChainScene(MESH);
    const { stream, action } = scene.begin(request);
    assert.equal(action, HOLD);
    const [reply, ...others] = scene.host.takeEffects();
    assert.deepEqual(others, []);
    const [, status = '', text = ''] =
      /^reply \d+ (\d+) content-type=\S+ (.*)$/.exec(reply ?? '') ?? [];
    assert.equal(status, '200');
    assert.match(text, /^[ -~]*$/);
    assert.deepEqual(JSON.parse(text), body);
    assert.equal(scene.count(counterOf(route, 'answered')), 1);
    scene.end(stream);
  });
}

const METADATA = '/v2/models/gr%C3%B6%C3%9Fe%20%227%22?x';
const HEADERS = {
  authorization: 'Bearer t',
  'accept-encoding': 'gzip',
  'x-modelweir-cluster': 'forged',
  'content-length': '5',
  te: 'trailers',
  connection: 'keep-alive',
};

/** A question for metadata that the backend is asked. */
function asked(scene: ChainScene): { stream: WasmStream; call: string } {
  const { stream, action } = scene.begin({ path: METADATA, headers: HEADERS });
  assert.equal(action, HOLD);
  const effects = scene.host.takeEffects();
  assert.equal(effects.length, 1);
  return { stream, call: effects[0] ?? '' };
}

function answered(scene: ChainScene, answer: CallAnswer | 'failure'): string[] {
  scene.host.answerCall(1, answer);
  return scene.host.takeEffects();
}

test('metadata under another name is asked of the backend, with the client’s own headers', () => {
  const scene = new ChainScene(MESH);
  const { stream, call } = asked(scene);
  const target = 'call 1 cluster=backend GET /v2/models/own/versions/7?x timeout=1234 ';
  assert.ok(call.startsWith(target), call);
  assert.match(call, / authorization=Bearer t /);
  for (const name of ['x-modelweir', 'content-length', 'te=', 'connection']) {
    assert.ok(!call.includes(name), `${call} has ${name}`);
  }
  assert.equal(scene.count(counterOf('default/public', 'answered')), 1);
  stream.done();
  answered(scene, 'failure');
  scene.host.finish();
});

test('the backend is not asked for an encoded answer, in which no name could be written', () => {
  const scene = new ChainScene(MESH);
  const { stream, call } = asked(scene);
  assert.ok(!call.includes('accept-encoding'), call);
  stream.done();
  scene.host.finish();
});

const BODIES: readonly { name: string; status?: number; body: string; sent: unknown }[] = [
  {
    name: 'gets the public name',
    body: '{"name":"own","versions":["7"],"inputs":[{"name":"x"}]}',
    sent: { name: 'größe "7"', versions: ['7'], inputs: [{ name: 'x' }] },
  },
  {
    name: 'gets the public name, wherever it stands',
    body: '{ "inputs" : [{"name":"x"}], "name" : "own" }',
    sent: { inputs: [{ name: 'x' }], name: 'größe "7"' },
  },
  { name: 'without a name stays as it is', body: '{"versions":[]}', sent: { versions: [] } },
  {
    name: 'that says what is wrong stays as it is',
    status: 404,
    body: '{"name":"own","error":"no"}',
    sent: { name: 'own', error: 'no' },
  },
];

for (const { name, status = 200, body, sent } of BODIES) {
  test(`an answer of the backend ${name}`, () => {
    const scene = new ChainScene(MESH);
    const { stream } = asked(scene);
    const [reply = '', ...others] = answered(scene, { status, body });
    assert.deepEqual(others, []);
    const prefix = `reply ${stream.id} ${status} content-type=application/json `;
    assert.ok(reply.startsWith(prefix), reply);
    assert.deepEqual(JSON.parse(reply.slice(prefix.length)), sent);
    scene.end(stream);
  });
}

test('an answer that is no JSON, or none at all, stays as it is', () => {
  for (const body of ['', 'not JSON', '{"name":"own"', Buffer.from([0xff])]) {
    const scene = new ChainScene(MESH);
    const { stream } = asked(scene);
    const [reply = ''] = answered(scene, { status: 200, body });
    assert.match(reply, /^reply \d+ 200 /);
    scene.end(stream);
  }
});

test('a backend that does not answer in time is said to have not', () => {
  const scene = new ChainScene(MESH);
  const { stream } = asked(scene);
  const error = 'the backend did not say what its model is within 1234 ms (metadataTimeoutMs)';
  assert.deepEqual(answered(scene, 'failure'), replied(stream, 503, { error }));
  scene.end(stream);
});

test('a backend that Envoy does not know is said to have not answered, at once', () => {
  const scene = new ChainScene(MESH);
  scene.host.missingClusters.add('backend');
  const { stream, action } = scene.begin({ path: METADATA });
  assert.equal(action, HOLD);
  const error = 'the backend did not say what its model is within 1234 ms (metadataTimeoutMs)';
  assert.deepEqual(scene.host.takeEffects(), replied(stream, 503, { error }));
  scene.end(stream);
});

test('a client that goes away before the answer gets none', () => {
  for (const answer of [{ status: 200, body: '{"name":"own"}' }, 'failure'] as const) {
    const scene = new ChainScene(MESH);
    const { stream } = asked(scene);
    stream.done();
    assert.deepEqual(answered(scene, answer), []);
    scene.host.finish();
  }
});

test('an answer outlives the configuration that asked for it no longer than its root does', () => {
  const scene = new ChainScene(MESH);
  const { stream } = asked(scene);
  scene.addRouter({ routes: {} });
  const [reply] = answered(scene, { status: 200, body: '{"name":"own"}' });
  assert.match(reply ?? '', /"gr\\u00f6\\u00dfe \\"7\\""/);
  scene.end(stream);
  scene.host.endRoot(scene.router);
});

test('readiness under another name goes to the backend itself', () => {
  const scene = new ChainScene(MESH);
  const path = '/v2/models/gr%C3%B6%C3%9Fe%20%227%22/ready';
  const { stream, effects } = scene.send({ path });
  assert.deepEqual(effects, [
    `set request x-envoy-original-path=${path}`,
    'set request :path=/v2/models/own/versions/7/ready',
    ...routed('backend'),
  ]);
  scene.end(stream);
});

test('questions to the mesh pass a router that is disabled', () => {
  const scene = new ChainScene({ ...MESH, disabled: true });
  for (const path of ['/v1/models', '/v2', '/v2/health/live', '/v2/models/llama']) {
    const { stream, effects } = scene.send({ path });
    assert.deepEqual(effects, []);
    scene.end(stream);
  }
});
