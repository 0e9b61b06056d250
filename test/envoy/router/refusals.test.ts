/** Requests that must not get through, and what their clients read. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';
import { type RawBackend, startRawBackend } from './raw-backend.ts';
import { type Framing, post } from './raw-client.ts';
import { ROUTE_CLASS, staticBootstrap } from './static-mesh.ts';

const FRAMINGS: readonly Framing[] = ['content-length', 'chunked', 'HTTP/2'];

let backend: RawBackend;
let envoy: TestEnvoy;
let port: number;

before(async () => {
  backend = await startRawBackend();
  const mesh = { backendPort: backend.port, servedModel: 'served', maxHoldBytes: 65_536 };
  envoy = await startEnvoy({ bootstrap: staticBootstrap(mesh) });
  const address = (await envoy.listeners()).get('test') ?? '';
  port = Number(address.slice(address.lastIndexOf(':') + 1));
});

after(async () => {
  await envoy?.stop();
  await backend?.stop();
});

const REFUSED: readonly { name: string; parts: readonly string[]; status: number; code: string }[] =
  [
    {
      name: 'an unknown model',
      parts: ['{"model":"nope"}'],
      status: 404,
      code: 'model_not_found',
    },
    { name: 'no model', parts: ['{"input":', '"x"}'], status: 400, code: 'missing_model' },
    { name: 'a number', parts: ['{"model":5}'], status: 400, code: 'invalid_model' },
    { name: 'malformed JSON', parts: ['{"model"', '="x"}'], status: 400, code: 'invalid_json' },
    { name: 'a body that is cut off', parts: ['{"model":"pub'], status: 400, code: 'invalid_json' },
    {
      name: 'more than the router may hold',
      parts: ['{"input":"', 'x'.repeat(40_000), 'x'.repeat(40_000), '","model":"public"}'],
      status: 413,
      code: 'body_too_large',
    },
    {
      name: 'two models at once',
      parts: ['{"model":"public","model":"other"}'],
      status: 400,
      code: 'duplicate_model',
    },
  ];

for (const framing of FRAMINGS) {
  for (const { name, parts, status, code } of REFUSED) {
    test(`${framing}: ${name} gets ${status} ${code} and reaches no backend`, async () => {
      const count = backend.requests.length;
      const answer = await post(framing, { port, path: '/v1/embeddings', parts });
      assert.equal(answer.status, status, answer.body);
      assert.equal(JSON.parse(answer.body).error.code, code);
      assert.equal(backend.requests.length, count);
    });
  }
}

test('a second model in what passes ends the request before its last byte', async () => {
  for (const framing of FRAMINGS) {
    const count = backend.requests.length;
    const parts = ['{"model":"public","input":"', 'x'.repeat(200_000), '","model":"other"}'];
    const answer = await post(framing, { port, path: '/v1/embeddings', parts });
    assert.equal(answer.status, 400, `${framing} ${answer.body}`);
    assert.equal(JSON.parse(answer.body).error.code, 'duplicate_model');
    assert.equal(backend.requests.length, count, 'the backend got a whole request');
    // The broken upstream connection is not used again.
    const next = { port, path: '/v1/embeddings', parts: ['{"model":"public"}'] };
    assert.equal((await post('content-length', next)).status, 200);
    assert.equal(backend.requests.at(-1)?.body, '{"model":"served"}');
  }
});

test('reserved headers of a client choose nothing', async () => {
  const headers = {
    'x-modelweir-route': 'default/route',
    'x-modelweir-route-class': ROUTE_CLASS,
    'x-modelweir-cluster': 'default/backend',
    'x-modelweir-model': 'secret',
    'x-modelweir-model-span': '2+7',
    'x-modelweir-protocol': 'open-inference',
    'X-Modelweir-Anything': 'x',
  };
  const elsewhere = { port, path: '/anything', parts: ['{}'], headers };
  const answer = await post('content-length', elsewhere);
  assert.deepEqual(answer, { status: 404, body: 'no route' });
  const ours = { port, path: '/v1/embeddings', parts: ['{"model":"public"}'], headers };
  assert.equal((await post('content-length', ours)).status, 200);
  const request = backend.requests.at(-1);
  assert.equal(request?.body, '{"model":"served"}');
  const seen = [...(request?.headers.keys() ?? [])].filter((name) => name.startsWith('x-model'));
  assert.deepEqual(seen, []);
});

test('outcomes are counted', async () => {
  const stats = await envoy.stats(/modelweir_router_/);
  const count = (labels: string): number =>
    stats.get(`wasmcustom.modelweir_router_requests_total;${labels}`) ?? 0;
  assert.equal(count('route=;outcome=model_not_found'), 3);
  assert.equal(count('route=;outcome=body_too_large'), 3);
  assert.equal(count('route=;outcome=passed'), 1);
  assert.equal(count('route=default/route;outcome=duplicate_model'), 6);
  assert.ok(count('outcome=routed;route=default/route;variant=only') >= 4);
});
