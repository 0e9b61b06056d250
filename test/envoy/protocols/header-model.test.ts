/** A model named by a header, where neither path nor body says anything that the mesh can read. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { type Backend, startBackend } from '../../harness/backend.ts';
import { Connection } from './connection.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

let backend: Backend;
let mesh: ServedMesh;

before(async () => {
  backend = await startBackend((request, response) => {
    response.end(request.body);
  });
  const protocol = 'OpenAI';
  mesh = await serve(
    [
      modelBackend('renamed', backend.port, { protocol, model: { name: 'org/served:1' } }),
      modelBackend('same', backend.port, { protocol }),
      modelRoute('renamed', ['ranker'], ['renamed']),
      modelRoute('same', ['same', 'claude-*'], ['same']),
    ],
    ['--model-header', 'X-Model'],
  );
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

function ask(path: string, headers: Record<string, string | string[]>, body?: string) {
  const method = body === undefined ? 'GET' : 'POST';
  return exchange({ url: mesh.url + path, method, headers, ...(body !== undefined && { body }) });
}

test('a request on any path goes to the model of its header, which is rewritten to the served name', async () => {
  for (const body of [undefined, '', 'not JSON', '{"model":"nobody"}']) {
    const answer = await ask('/rerank?top=3', { 'x-model': 'ranker' }, body);
    assert.equal(answer.status, 200, String(answer.body));
    assert.equal(answer.headers['x-modelweir-variant'], 'renamed');
    const request = backend.requests.at(-1);
    assert.equal(request?.path, '/rerank?top=3');
    assert.equal(request?.headers['x-model'], 'org/served:1');
    assert.equal(String(request?.body), body ?? '');
  }
});

test('the header knows no case, and a backend that knows the public name gets it as it came', async () => {
  for (const model of ['same', 'claude-3-opus']) {
    const answer = await ask('/v1/messages', { 'X-MODEL': model }, '{"messages":[]}');
    assert.equal(answer.status, 200, String(answer.body));
    assert.equal(backend.requests.at(-1)?.headers['x-model'], model);
  }
});

test('a model that nobody has is a 404 that names it', async () => {
  const count = backend.requests.length;
  const answer = await ask('/rerank', { 'x-model': 'nobody' }, '{}');
  assert.equal(answer.status, 404);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.match(JSON.parse(String(answer.body)).error, /'nobody' does not exist/);
  assert.equal(backend.requests.length, count);
});

test('without the header, or with an empty one, no route takes the path', async () => {
  for (const headers of [{}, { 'x-model': '' }]) {
    const answer = await ask('/rerank', headers, '{}');
    assert.equal(answer.status, 404);
    assert.match(JSON.parse(String(answer.body)).error, /no model route takes this path/);
  }
});

test('where path or body name a model, the header does not count', async () => {
  const inBody = await ask('/v1/embeddings', { 'x-model': 'same' }, '{"model":"ranker"}');
  assert.equal(inBody.headers['x-modelweir-variant'], 'renamed');
  assert.equal(String(backend.requests.at(-1)?.body), '{"model":"org/served:1"}');
  const inPath = await ask('/v2/models/ranker/infer', { 'x-model': 'same' }, '{}');
  assert.equal(inPath.headers['x-modelweir-variant'], 'renamed');
  assert.equal(backend.requests.at(-1)?.path, '/v2/models/org%2Fserved:1/infer');
  const nowhere = await ask('/v1/embeddings', { 'x-model': 'same' }, '{"input":"x"}');
  assert.equal(JSON.parse(String(nowhere.body)).error.code, 'missing_model');
});

for (const [first, second, expected] of [
  ['ranker', 'same', 'org/served:1'],
  ['same', 'ranker', 'same'],
]) {
  test(`headers that name ${first} and ${second} never mean one to the mesh and another to the backend`, async () => {
    const connection = new Connection(mesh.port);
    const count = backend.requests.length;
    const headers = `host: mesh\r\nx-model: ${first}\r\nX-Model: ${second}`;
    connection.write(`GET /rerank HTTP/1.1\r\n${headers}\r\n\r\n`);
    const head = await connection.take(/\r\n\r\n/);
    connection.destroy();
    if (head.startsWith('HTTP/1.1 200')) {
      assert.equal(backend.requests.at(-1)?.headers['x-model'], expected);
    } else {
      assert.match(head, /^HTTP\/1.1 40[04]/);
      assert.equal(backend.requests.length, count);
    }
  });
}
