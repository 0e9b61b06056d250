/** KServe's first protocol: `/v1/models/NAME:predict`, whose path has the name and the verb in one segment. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { type Backend, startBackend } from '../../harness/backend.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

let backend: Backend;
let mesh: ServedMesh;

before(async () => {
  backend = await startBackend((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(request.body);
  });
  const protocol = 'KServeV1';
  mesh = await serve([
    modelBackend('flowers', backend.port, { protocol, model: { name: 'org/flowers:v2' } }),
    modelBackend('same', backend.port, { protocol }),
    modelRoute('flowers', ['flowers', 'org/flowers', 'tagged:8b'], ['flowers']),
    modelRoute('same', ['same', 'same:predict'], ['same']),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

const PATHS: readonly (readonly [path: string, expected: string])[] = [
  ['/v1/models/flowers:predict', '/v1/models/org%2Fflowers:v2:predict'],
  ['/v1/models/flowers:explain', '/v1/models/org%2Fflowers:v2:explain'],
  ['/v1/models/flowers:predict?x=a:b', '/v1/models/org%2Fflowers:v2:predict?x=a:b'],
  ['/v1/models/org%2Fflowers:predict', '/v1/models/org%2Fflowers:v2:predict'],
  ['/v1/models/org%2fflowers:explain', '/v1/models/org%2Fflowers:v2:explain'],
  ['/v1/models/tagged:8b:predict', '/v1/models/org%2Fflowers:v2:predict'],
  ['/v1/models/tagged%3A8b:predict', '/v1/models/org%2Fflowers:v2:predict'],
  ['/v1/models/same:predict', '/v1/models/same:predict'],
  ['/v1/models/same:predict:predict', '/v1/models/same:predict:predict'],
];

for (const [path, expected] of PATHS) {
  test(`${path} reaches the backend as ${expected}, the body as it came`, async () => {
    const body = '{"model":"other","instances":[[1,2]]}';
    const answer = await exchange({ url: mesh.url + path, method: 'POST', body });
    assert.equal(answer.status, 200, String(answer.body));
    assert.equal(String(answer.body), body);
    assert.equal(backend.requests.at(-1)?.path, expected);
  });
}

const REFUSED: readonly (readonly [path: string, status: number, pattern: RegExp])[] = [
  ['/v1/models/nobody:predict', 404, /'nobody' does not exist/],
  ['/v1/models/tagged:9b:predict', 404, /'tagged:9b' does not exist/],
  ['/v1/models/flowers%:predict', 400, /not a plain path/],
  ['/v1/models/flowers:delete', 404, /no model route takes this path/],
  ['/v1/models/flowers', 404, /no model route takes this path/],
  ['/v1/models/:predict', 404, /no model route takes this path/],
];

for (const [path, status, pattern] of REFUSED) {
  test(`POST ${path} is answered by ${status} in the shape of KServe`, async () => {
    const count = backend.requests.length;
    const answer = await exchange({ url: mesh.url + path, method: 'POST', body: '{}' });
    assert.equal(answer.status, status, String(answer.body));
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.match(JSON.parse(String(answer.body)).error, pattern);
    assert.equal(backend.requests.length, count);
  });
}

test('the readiness of a model, which KServe and OpenAI ask at one path, is told from the configuration', async () => {
  const answer = await exchange({ url: `${mesh.url}/v1/models/flowers` });
  assert.equal(answer.status, 200);
  assert.equal(JSON.parse(String(answer.body)).id, 'flowers');
});
