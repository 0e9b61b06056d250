/** `GET /v2/models/NAME`: asked of the backend under its name, answered under the public one. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { type Backend, startBackend } from '../../harness/backend.ts';
import { freePort } from '../../harness/envoy.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

const TENSORS = '"inputs":[{"name":"name","datatype":"FP32","shape":[-1,64]}],"outputs":[]';

let backend: Backend;
let mesh: ServedMesh;
/** What the backend does next. */
let answerWith: { status: number; body: string } | 'silence';

before(async () => {
  backend = await startBackend((_, response) => {
    if (answerWith === 'silence') return;
    response.writeHead(answerWith.status, { 'content-type': 'application/json' });
    response.end(answerWith.body);
  });
  const protocol = 'OpenInference';
  mesh = await serve(
    [
      modelBackend('up', backend.port, { protocol, model: { name: 'org/served', version: '7' } }),
      modelBackend('same', backend.port, { protocol }),
      modelBackend('down', await freePort(), { protocol, model: { name: 'served' } }),
      modelRoute('up', ['org/public', 'plain'], ['up']),
      modelRoute('same', ['same'], ['same']),
      modelRoute('down', ['down'], ['down']),
    ],
    ['--metadata-timeout-ms', '500'],
  );
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

function ask(path: string, headers = {}) {
  return exchange({ url: mesh.url + path, headers });
}

test('the backend is asked under its name, and the answer has the public one and is else as it was', async () => {
  answerWith = {
    status: 200,
    body: `{"platform":"onnx","versions":["7"],"name" : "org\\/served",${TENSORS}}`,
  };
  for (const [path, name, asked] of [
    ['/v2/models/plain', 'plain', '/v2/models/org%2Fserved/versions/7'],
    ['/v2/models/org%2Fpublic', 'org/public', '/v2/models/org%2Fserved/versions/7'],
    ['/v2/models/plain/versions/3', 'plain', '/v2/models/org%2Fserved/versions/3'],
  ] as const) {
    const answer = await ask(path, { authorization: 'Bearer 1', 'x-modelweir-cluster': 'x' });
    assert.equal(answer.status, 200, String(answer.body));
    assert.equal(answer.headers['content-type'], 'application/json');
    const expected = `{"platform":"onnx","versions":["7"],"name" : ${JSON.stringify(name)},${TENSORS}}`;
    assert.equal(String(answer.body), expected);
    const request = backend.requests.at(-1);
    assert.equal(request?.method, 'GET');
    assert.equal(request?.path, asked);
    assert.equal(request?.headers['authorization'], 'Bearer 1', 'the backend must know who asks');
    const reserved = Object.keys(request?.headers ?? {}).filter((key) =>
      key.startsWith('x-modelweir'),
    );
    assert.deepEqual(reserved, []);
  }
});

test('a backend that knows the public name is asked without a detour', async () => {
  answerWith = { status: 200, body: `{"name":"same",${TENSORS}}` };
  const answer = await ask('/v2/models/same');
  assert.equal(answer.status, 200);
  assert.equal(String(answer.body), `{"name":"same",${TENSORS}}`);
  assert.equal(backend.requests.at(-1)?.path, '/v2/models/same');
});

test('what a backend says instead of metadata comes back as it is', async () => {
  answerWith = { status: 404, body: '{"error":"no such version"}' };
  const answer = await ask('/v2/models/plain/versions/9');
  assert.equal(answer.status, 404);
  assert.equal(String(answer.body), '{"error":"no such version"}');
});

test('a large answer keeps every byte', async () => {
  const tensors = `"outputs":[{"name":"${'x'.repeat(300_000)}"}]`;
  answerWith = { status: 200, body: `{${tensors},"name":"org/served"}` };
  const answer = await ask('/v2/models/plain');
  assert.ok(String(answer.body) === `{${tensors},"name":"plain"}`);
});

test('a backend that is down is a 503 with an error in JSON', async () => {
  const answer = await ask('/v2/models/down');
  assert.equal(answer.status, 503);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(typeof JSON.parse(String(answer.body)).error, 'string');
});

test('a backend that does not answer is an error in JSON that names the limit, and Envoy serves on', async () => {
  answerWith = 'silence';
  const answer = await ask('/v2/models/plain');
  assert.ok(answer.status === 503 || answer.status === 504, `answered by ${answer.status}`);
  assert.match(JSON.parse(String(answer.body)).error, /500 ms \(metadataTimeoutMs\)/);
  answerWith = { status: 200, body: '{"name":"org/served"}' };
  assert.equal(String((await ask('/v2/models/plain')).body), '{"name":"plain"}');
});

test('clients that leave while their question is asked harm nobody', async () => {
  answerWith = 'silence';
  const count = backend.requests.length;
  const left = Array.from({ length: 20 }, () =>
    exchange({ url: `${mesh.url}/v2/models/plain`, timeoutMs: 100 }).catch(() => null),
  );
  assert.deepEqual(new Set(await Promise.all(left)), new Set([null]));
  assert.equal(backend.requests.length, count + 20);
  answerWith = { status: 200, body: '{"name":"org/served"}' };
  assert.equal((await ask('/v2/models/plain')).status, 200);
  assert.equal(mesh.envoy.hasExited, false);
});

test('readiness is asked of the backend', async () => {
  answerWith = { status: 200, body: '' };
  assert.equal((await ask('/v2/models/plain/ready')).status, 200);
  assert.equal(backend.requests.at(-1)?.path, '/v2/models/org%2Fserved/versions/7/ready');
  answerWith = { status: 503, body: '' };
  assert.equal((await ask('/v2/models/plain/ready')).status, 503);
});
