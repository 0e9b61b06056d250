/** What the mesh answers itself: models of a host, and their readiness, from the configuration. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { type Backend, startBackend } from '../../harness/backend.ts';
import { grpcCall } from './grpc-call.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

let backend: Backend;
let mesh: ServedMesh;

before(async () => {
  backend = await startBackend((_, response) => {
    response.end('{"name":"from-the-backend"}');
  });
  mesh = await serve([
    modelBackend('llm', backend.port, { protocol: 'OpenAI', model: { name: 'served' } }),
    modelRoute('a', ['zeta', { name: 'alpha', aliases: ['org/alpha:8b'] }, 'family-*'], ['llm'], {
      hostnames: ['a.example.com', '*.wild.example.com'],
    }),
    modelRoute('b', ['beta', 'alpha'], ['llm'], { hostnames: ['b.example.com'] }),
    modelRoute('headers', ['tenants-own'], ['llm'], {
      hostnames: ['a.example.com'],
      matches: [{ headers: [{ name: 'x-tenant', value: 't' }] }],
    }),
    modelRoute('default', ['*'], ['llm'], { hostnames: ['c.example.com'] }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

async function ask(host: string, path: string, method = 'GET') {
  const headers = { host };
  const body = method === 'POST' ? { body: '' } : {};
  const answer = await exchange({ url: mesh.url + path, method, headers, ...body });
  const type = answer.headers['content-type'];
  assert.equal(type, 'application/json', `${path}: ${answer.status} ${answer.body}`);
  return { status: answer.status, json: JSON.parse(String(answer.body)) };
}

const LISTS: readonly (readonly [host: string, names: readonly string[]])[] = [
  ['a.example.com', ['alpha', 'org/alpha:8b', 'tenants-own', 'zeta']],
  ['A.Example.COM:8080', ['alpha', 'org/alpha:8b', 'tenants-own', 'zeta']],
  ['x.wild.example.com', ['alpha', 'org/alpha:8b', 'zeta']],
  ['b.example.com', ['alpha', 'beta']],
  ['c.example.com', []],
];

for (const [host, names] of LISTS) {
  test(`${host} lists the models that its clients may ask for, sorted, in both protocols`, async () => {
    for (const path of ['/v1/models', '/v1/models/', '/v1/models?limit=2']) {
      const { status, json } = await ask(host, path);
      assert.equal(status, 200);
      assert.equal(json.object, 'list');
      assert.deepEqual(
        json.data,
        names.map((id) => ({ id, object: 'model', created: 0, owned_by: 'modelweir' })),
      );
    }
    const index = await ask(host, '/v2/repository/index', 'POST');
    assert.equal(index.status, 200);
    assert.deepEqual(
      index.json.map(({ name, state }: { name: string; state: string }) => [name, state]),
      names.map((name) => [name, 'READY']),
    );
  });
}

test('GET /v1/models/NAME shows a model of the host, by name, alias, prefix or default, and no other', async () => {
  for (const [host, path, id] of [
    ['a.example.com', 'alpha', 'alpha'],
    ['a.example.com', 'org%2Falpha%3A8b', 'org/alpha:8b'],
    ['a.example.com', 'org%2falpha:8b', 'org/alpha:8b'],
    ['a.example.com', 'family-7', 'family-7'],
    ['c.example.com', 'anything', 'anything'],
  ] as const) {
    const { status, json } = await ask(host, `/v1/models/${path}`);
    assert.equal(status, 200);
    assert.deepEqual(json, { id, object: 'model', created: 0, owned_by: 'modelweir' });
  }
  for (const [host, path] of [
    ['a.example.com', 'beta'],
    ['b.example.com', 'zeta'],
    ['b.example.com', 'family-7'],
  ] as const) {
    const { status, json } = await ask(host, `/v1/models/${path}`);
    assert.equal(status, 404);
    assert.equal(json.error.code, 'model_not_found');
  }
  const broken = await ask('a.example.com', '/v1/models/al%pha');
  assert.equal(broken.status, 400);
  assert.equal(broken.json.error.code, 'invalid_path');
});

test('the server as a whole says its name, and that it lives and is ready', async () => {
  const server = await ask('a.example.com', '/v2');
  assert.equal(server.status, 200);
  assert.equal(server.json.name, 'modelweir');
  assert.ok(server.json.extensions.includes('model_repository'));
  for (const path of ['/v2/', '/v2/health/live', '/v2/health/ready']) {
    assert.equal((await ask('b.example.com', path)).status, 200);
  }
});

test('a model whose backend speaks OpenAI has its metadata and readiness from the configuration', async () => {
  const count = backend.requests.length;
  const metadata = await ask('a.example.com', '/v2/models/alpha');
  assert.equal(metadata.status, 200);
  assert.equal(metadata.json.name, 'alpha');
  assert.deepEqual(metadata.json.inputs, []);
  const ready = await ask('a.example.com', '/v2/models/family-7/ready');
  assert.deepEqual(ready, { status: 200, json: { name: 'family-7', ready: true } });
  assert.equal((await ask('b.example.com', '/v2/models/zeta')).status, 404);
  assert.equal((await ask('b.example.com', '/v2/models/zeta/ready')).status, 404);
  assert.equal(backend.requests.length, count, 'the backend was asked');
});

test('a host where nobody claims anything is no host of ours: all its paths are a plain 404', async () => {
  const count = backend.requests.length;
  for (const path of [
    '/v1/models',
    '/v1/models/alpha',
    '/v2',
    '/v2/health/ready',
    '/v2/models/alpha',
  ]) {
    const { status, json } = await ask('elsewhere.example.com', path);
    assert.equal(status, 404);
    assert.match(json.error, /no model route takes this path/);
  }
  for (const path of ['/v1/embeddings', '/v2/models/alpha/infer', '/v2/repository/index']) {
    assert.equal((await ask('elsewhere.example.com', path, 'POST')).status, 404);
  }
  assert.equal(backend.requests.length, count);
});

test('where no backend speaks gRPC, a gRPC call about the server is told so', async () => {
  const call = { port: mesh.port, method: 'ServerReady', parts: [Buffer.alloc(5)] };
  const answer = await grpcCall({ ...call, headers: { ':authority': 'a.example.com' } });
  assert.equal(answer.status, 12, answer.message);
  assert.match(answer.message, /gRPC/);
});
