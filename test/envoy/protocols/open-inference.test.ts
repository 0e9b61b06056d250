/** The Open Inference Protocol over HTTP: the model in the path, the body as it came. */
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
    for (const name of ['content-type', 'inference-header-content-length']) {
      const value = request.headers[name];
      if (value !== undefined) response.setHeader(name, value);
    }
    response.end(request.body);
  });
  const protocol = 'OpenInference';
  mesh = await serve([
    modelBackend('plain', backend.port, { protocol, model: { name: 'served' } }),
    modelBackend('versioned', backend.port, { protocol, model: { name: 'org/v', version: '7' } }),
    modelBackend('same', backend.port, { protocol }),
    modelRoute('plain', ['digits', 'org/digits:8b'], ['plain']),
    modelRoute('versioned', ['versioned'], ['versioned']),
    modelRoute('same', ['same'], ['same']),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

const PATHS: readonly (readonly [method: string, path: string, expected: string])[] = [
  ['POST', '/v2/models/digits/infer', '/v2/models/served/infer'],
  ['POST', '/v2/models/digits/versions/3/infer', '/v2/models/served/versions/3/infer'],
  ['POST', '/v2/models/digits/infer?a=1/2', '/v2/models/served/infer?a=1/2'],
  ['POST', '/v2/models/digits/generate', '/v2/models/served/generate'],
  ['POST', '/v2/models/digits/generate_stream', '/v2/models/served/generate_stream'],
  ['POST', '/v2/models/org%2Fdigits%3A8b/infer', '/v2/models/served/infer'],
  ['POST', '/v2/models/org%2fdigits:8b/infer', '/v2/models/served/infer'],
  ['POST', '/v2/models/versioned/infer', '/v2/models/org%2Fv/versions/7/infer'],
  ['POST', '/v2/models/versioned/versions/3/infer', '/v2/models/org%2Fv/versions/3/infer'],
  ['POST', '/v2/models/same/infer', '/v2/models/same/infer'],
  ['GET', '/v2/models/digits/ready', '/v2/models/served/ready'],
  ['GET', '/v2/models/digits/versions/3/ready', '/v2/models/served/versions/3/ready'],
  ['GET', '/v2/models/versioned/ready', '/v2/models/org%2Fv/versions/7/ready'],
  ['GET', '/v2/models/digits/stats', '/v2/models/served/stats'],
  ['GET', '/v2/models/digits/config', '/v2/models/served/config'],
  ['POST', '/v2/repository/models/digits/load', '/v2/repository/models/served/load'],
  ['POST', '/v2/repository/models/digits/unload', '/v2/repository/models/served/unload'],
  ['POST', '/v2/repository/models/versioned/load', '/v2/repository/models/org%2Fv/load'],
];

for (const [method, path, expected] of PATHS) {
  test(`${method} ${path} reaches the backend as ${expected}`, async () => {
    const count = backend.requests.length;
    const body = method === 'POST' ? { body: '{"model":"other","inputs":[]}' } : {};
    const answer = await exchange({ url: mesh.url + path, method, ...body });
    assert.equal(answer.status, 200, String(answer.body));
    assert.equal(backend.requests.length, count + 1);
    const request = backend.requests.at(-1);
    assert.equal(request?.path, expected);
    assert.equal(String(request?.body), body.body ?? '');
  });
}

test('binary tensors pass untouched in both directions, with the length of their JSON', async () => {
  const json =
    '{"inputs":[{"name":"x","shape":[1,64000],"datatype":"UINT8","parameters":{"binary_data_size":64000}}]}';
  const tensor = Buffer.from(Uint8Array.from({ length: 64_000 }, (_, i) => i * 31));
  const body = Buffer.concat([Buffer.from(json), tensor]);
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(json.length),
  };
  for (const path of ['/v2/models/digits/infer', '/v2/models/versioned/infer']) {
    const answer = await exchange({ url: mesh.url + path, method: 'POST', headers, body });
    assert.equal(answer.status, 200);
    const request = backend.requests.at(-1);
    assert.ok(request?.body.equals(body), 'the tensor that came differs');
    assert.equal(request?.headers['content-length'], String(body.length));
    assert.equal(request?.headers['inference-header-content-length'], String(json.length));
    assert.ok(answer.body.equals(body), 'the tensor that came back differs');
    assert.equal(answer.headers['inference-header-content-length'], String(json.length));
  }
});

const REFUSED: readonly (readonly [path: string, status: number, pattern: RegExp])[] = [
  ['/v2/models/nobody/infer', 404, /'nobody' does not exist/],
  ['/v2/models/nobody/versions/1/infer', 404, /'nobody' does not exist/],
  ['/v2/repository/models/nobody/load', 404, /'nobody' does not exist/],
  ['/v2/models/digits%/infer', 400, /not a plain path/],
  ['/v2/models/%ff/infer', 400, /not a plain path/],
];

for (const [path, status, pattern] of REFUSED) {
  test(`${path} is answered by ${status} in the shape of Open Inference`, async () => {
    const count = backend.requests.length;
    const answer = await exchange({ url: mesh.url + path, method: 'POST', body: '{"inputs":[]}' });
    assert.equal(answer.status, status, String(answer.body));
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.match(JSON.parse(String(answer.body)).error, pattern);
    assert.equal(backend.requests.length, count);
  });
}

const PLAIN: readonly (readonly [path: string, expected: string])[] = [
  ['/v2/models/nobody/../same/infer', '/v2/models/same/infer'],
  ['/v2/models/nobody/%2e%2E/same/infer', '/v2/models/same/infer'],
  ['/v2/models/./same/infer', '/v2/models/same/infer'],
  ['/v2/models/s%61me/infer', '/v2/models/same/infer'],
  ['/v2/models/same/infer?x=/../nobody', '/v2/models/same/infer?x=/../nobody'],
];

for (const [path, expected] of PLAIN) {
  test(`${path} is ${expected} before anybody reads it, mesh or backend`, async () => {
    const connection = new Connection(mesh.port);
    connection.write(`POST ${path} HTTP/1.1\r\nhost: mesh\r\ncontent-length: 2\r\n\r\n{}`);
    assert.match(await connection.take(/\r\n\r\n/), /^HTTP\/1.1 200/);
    connection.destroy();
    assert.equal(backend.requests.at(-1)?.path, expected);
  });
}
