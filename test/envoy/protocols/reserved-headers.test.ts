/** What a client writes into headers that belong to the filters, or to Envoy, chooses nothing and goes nowhere. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { type Backend, startBackend } from '../../harness/backend.ts';
import { Connection } from './connection.ts';
import { grpcCall } from './grpc-call.ts';
import { type Http2Backend, startHttp2Backend } from './http2-backend.ts';
import { frame, inferMessage } from './infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

let open: Backend;
let secret: Backend;
let grpcBackend: Http2Backend;
let mesh: ServedMesh;

before(async () => {
  open = await startBackend((_, response) => {
    response.writeHead(200, {
      'x-modelweir-variant': 'secret',
      'X-Modelweir-Batch-Size': '64',
      'x-modelweir-batch-rows': ['1', '2'],
    });
    response.end('open');
  });
  secret = await startBackend((_, response) => {
    response.end('secret');
  });
  grpcBackend = await startHttp2Backend((stream) => {
    stream.respond({ 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true });
  });
  const protocol = 'OpenAI';
  mesh = await serve(
    [
      modelBackend('open', open.port, { protocol, model: { name: 'served' } }),
      modelBackend('secret', secret.port, { protocol }),
      modelBackend('grpc', grpcBackend.port, { protocol: 'OpenInferenceGRPC' }),
      modelRoute('open', ['open'], ['open']),
      modelRoute('quiet', ['quiet'], ['open'], { variantHeader: false }),
      modelRoute('slow', ['slow'], ['open'], { timeoutMs: 60_000 }),
      modelRoute('grpc', ['grpc'], ['grpc']),
      modelRoute('secret', ['secret'], ['secret'], { hostnames: ['secret.example.com'] }),
    ],
    ['--model-header', 'x-model'],
  );
});

after(async () => {
  await mesh?.stop();
  await open?.stop();
  await secret?.stop();
  await grpcBackend?.stop();
});

const CLUSTERS = ['default/secret', 'default/secret/secret', 'modelweir-ads'];
const FORGED: readonly (readonly [name: string, value: string])[] = [
  ...CLUSTERS.flatMap((cluster): [string, string][] => [
    ['x-modelweir-cluster', cluster],
    ['X-Modelweir-Cluster', cluster],
  ]),
  ['x-modelweir-route', 'default/secret'],
  ['X-MODELWEIR-ROUTE', 'default/secret'],
  ['x-modelweir-route-class', 'timeout-60000'],
  ['x-modelweir-Route-Class', 'timeout-15000'],
  ['x-modelweir-variant', 'secret'],
  ['x-modelweir-batch-size', '7'],
  ['x-modelweir-batch-rows', '7'],
  ['x-modelweir-model', 'secret'],
  ['x-modelweir-', 'x'],
  ['x-ModelWeir-anything-else', 'x'],
];

function lines(): string {
  return FORGED.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

function checkReceived(headers: NodeJS.Dict<string | string[]> | undefined): void {
  assert.ok(headers, 'nothing reached the backend');
  const reserved = Object.keys(headers).filter((name) => name.startsWith('x-modelweir'));
  assert.deepEqual(reserved, []);
  assert.ok(!JSON.stringify(headers).includes('secret'), JSON.stringify(headers));
}

async function sendRaw(head: string, body: string) {
  const connection = new Connection(mesh.port);
  const length = `content-length: ${body.length}\r\n`;
  connection.write(`${head} HTTP/1.1\r\nhost: mesh\r\n${length}${lines()}\r\n${body}`);
  const answer = await connection.take(/\r\n\r\n/);
  connection.destroy();
  return answer;
}

const REQUESTS: readonly (readonly [head: string, body: string])[] = [
  ['POST /v1/embeddings', '{"model":"open"}'],
  ['POST /v1/embeddings', '{"input":"x","model":"slow"}'],
  ['POST /v2/models/open/infer', '{}'],
];

for (const [head, body] of REQUESTS) {
  test(`${head} ${body}: reserved headers, in any case and many times, choose nothing and are gone`, async () => {
    const answer = await sendRaw(head, body);
    assert.match(answer, /^HTTP\/1.1 200 /);
    assert.match(answer, /\r\nx-modelweir-variant: open\r\n/);
    checkReceived(open.requests.at(-1)?.headers);
    assert.equal(secret.requests.length, 0);
  });
}

test('requests that no route takes, or whose model nobody has, reach no cluster by a header', async () => {
  for (const [head, body, status] of [
    ['GET /anything', '', 404],
    ['POST /v1/files', '{"model":"secret"}', 404],
    ['POST /v1/embeddings', '{"model":"secret"}', 404],
    ['POST /v2/models/secret/infer', '{}', 404],
    ['POST /v1/embeddings', '{"mod', 400],
  ] as const) {
    const answer = await sendRaw(head, body);
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), `${head}: ${answer}`);
  }
  assert.equal(secret.requests.length, 0);
});

test('HTTP/2: reserved headers choose nothing and are gone', async () => {
  const session = connect(`http://127.0.0.1:${mesh.port}`);
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of FORGED) headers[name.toLowerCase()] = [value, value];
  const stream = session.request({ ':method': 'POST', ':path': '/v1/embeddings', ...headers });
  stream.end('{"model":"open"}');
  const [answer] = await once(stream, 'response');
  session.destroy();
  assert.equal(answer[':status'], 200);
  assert.equal(answer['x-modelweir-variant'], 'open');
  checkReceived(open.requests.at(-1)?.headers);
});

for (const place of ['headers', 'trailers'] as const) {
  test(`gRPC: reserved names in ${place} choose nothing and are gone`, async () => {
    const forged = {
      'x-modelweir-cluster': 'default/secret',
      'x-modelweir-route': 'default/secret',
    };
    const answer = await grpcCall({
      port: mesh.port,
      method: 'ModelInfer',
      parts: [frame(inferMessage({ model: 'grpc' }))],
      [place]: forged,
    });
    assert.equal(answer.status, 0, answer.message);
    checkReceived(grpcBackend.requests.at(-1)?.[place]);
  });
}

test('the header that names the model may not be one of ours', async () => {
  const headers = { 'x-model': 'open', 'x-modelweir-model': 'secret' };
  const answer = await exchange({ url: `${mesh.url}/elsewhere`, headers });
  assert.equal(String(answer.body), 'open');
  checkReceived(open.requests.at(-1)?.headers);
});

test('a backend cannot say that it is another variant, or that it batched', async () => {
  const ask = (model: string) => {
    const body = JSON.stringify({ model });
    return exchange({ url: `${mesh.url}/v1/embeddings`, method: 'POST', body });
  };
  const { headers } = await ask('open');
  assert.equal(headers['x-modelweir-variant'], 'open');
  const quiet = await ask('quiet');
  const names = Object.keys(quiet.headers).filter((name) => name.startsWith('x-modelweir'));
  assert.deepEqual(names, []);
  assert.equal(headers['x-modelweir-batch-size'], undefined);
  assert.equal(headers['x-modelweir-batch-rows'], undefined);
});

test('the original path is what the mesh says, never what a client says', async () => {
  const headers = { 'x-envoy-original-path': '/secret' };
  await exchange({ url: `${mesh.url}/v2/models/open/infer`, method: 'POST', headers, body: '{}' });
  const rewritten = open.requests.at(-1);
  assert.equal(rewritten?.path, '/v2/models/served/infer');
  assert.equal(rewritten?.headers['x-envoy-original-path'], '/v2/models/open/infer');
  const body = '{"model":"open"}';
  await exchange({ url: `${mesh.url}/v1/embeddings`, method: 'POST', headers, body });
  assert.equal(open.requests.at(-1)?.headers['x-envoy-original-path'], undefined);
});

test("a client's timeouts and retries for Envoy are not taken from outside", async () => {
  const headers = {
    'x-envoy-upstream-rq-timeout-ms': '1',
    'x-envoy-max-retries': '9',
    'x-envoy-retry-on': '5xx',
    'x-envoy-expected-rq-timeout-ms': '1',
  };
  const body = '{"model":"open"}';
  const answer = await exchange({
    url: `${mesh.url}/v1/embeddings`,
    method: 'POST',
    headers,
    body,
  });
  assert.equal(answer.status, 200);
  assert.equal(open.requests.at(-1)?.headers['x-envoy-expected-rq-timeout-ms'], '15000');
});
