/** What is no inference request passes the sidecar of a model server as if no batcher were there. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { type Http2Backend, startHttp2Backend } from '../protocols/http2-backend.ts';
import { type Application, startApplication } from './application.ts';
import { HOST, type InboundSidecar, startInbound } from './inbound-sidecar.ts';
import { identity, type MeshClient, type MeshRequest, meshClient } from './mesh-client.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const MODEL_INFER = '/inference.GRPCInferenceService/ModelInfer';

let application: Application;
let sidecar: InboundSidecar;
let client: MeshClient;

before(async () => {
  application = await startApplication({
    'x-modelweir-batch-size': '99',
    'x-of-application': 'yes',
  });
  sidecar = await startInbound({ applicationPort: application.port });
  client = await meshClient(sidecar, 'shop/web');
});

after(async () => {
  client?.stop();
  await sidecar?.stop();
  await application?.stop();
});

const REQUESTS: readonly (MeshRequest & { readonly what: string })[] = [
  { what: 'a health check', method: 'GET', path: '/v2/health/ready' },
  { what: 'a question for metadata', method: 'GET', path: '/v2/models/digits' },
  { what: 'the metrics', method: 'GET', path: '/metrics' },
  { what: 'the root', method: 'GET', path: '/' },
  { what: 'HEAD', method: 'HEAD', path: '/v2/models/digits/infer' },
  { what: 'OPTIONS', method: 'OPTIONS', path: '/v2/models' },
  { what: 'DELETE', method: 'DELETE', path: '/v2/models/digits/infer' },
  { what: 'PUT with a body', method: 'PUT', path: '/v2/models/digits/infer', body: '{}' },
  { what: 'another POST', path: '/api/orders?x=1', body: Buffer.from([0, 1, 2, 255]) },
  { what: 'a chat', path: '/v1/chat/completions', headers: JSON_TYPE, body: '{"model":"a"}' },
  { what: 'a load', path: '/v2/repository/models/digits/load', headers: JSON_TYPE, body: '{}' },
  { what: 'no body', path: '/v2/models/digits/infer', headers: JSON_TYPE },
  { what: 'broken JSON', path: '/v2/models/digits/infer', headers: JSON_TYPE, body: '{"inputs":[' },
  {
    what: 'a body of another type',
    path: '/v2/models/digits/infer',
    headers: { 'content-type': 'text/csv' },
    body: '1,2,3\n',
  },
  {
    what: 'a compressed body',
    path: '/v2/models/digits/infer',
    headers: { ...JSON_TYPE, 'content-encoding': 'gzip' },
    body: Buffer.from([0x1f, 0x8b, 8, 0]),
  },
  {
    what: 'two models in one body',
    path: '/v1/embeddings',
    headers: JSON_TYPE,
    body: '{"model":"a","model":"b","input":["x"]}',
  },
  {
    what: 'a megabyte of something',
    path: '/v1/embeddings',
    headers: JSON_TYPE,
    body: `{"model":"a","input":["${'x'.repeat(2_000_000)}"]}`,
  },
];

for (const { what, ...wanted } of REQUESTS) {
  test(`${what} passes untouched, also many at once`, async () => {
    const seen = application.requests.length;
    const answers = await Promise.all(Array.from({ length: 4 }, () => client.send(wanted)));
    const got = application.requests.slice(seen);
    assert.equal(got.length, 4);
    const body = Buffer.from(wanted.body ?? '');
    for (const { method, path, headers, body: received } of got) {
      assert.equal(method, wanted.method ?? 'POST');
      assert.equal(path, wanted.path);
      assert.ok(received.equals(body));
      for (const [name, value] of Object.entries(wanted.headers ?? {})) {
        assert.equal(headers[name], value);
      }
      assert.equal(headers.host, HOST);
      assert.match(
        String(headers['x-forwarded-client-cert']),
        /spiffe:\/\/cluster.local\/ns\/shop/,
      );
      assert.doesNotMatch(Object.keys(headers).join(), /x-modelweir/);
    }
    for (const { status, headers, body: answer } of answers) {
      assert.equal(status, 200);
      assert.equal(headers['x-of-application'], 'yes');
      assert.equal(headers['x-modelweir-batch-size'], undefined);
      assert.ok(answer.equals(wanted.method === 'HEAD' ? Buffer.alloc(0) : body));
    }
  });
}

test('a WebSocket passes, and bytes go both ways', async () => {
  const outgoing = request({
    host: '127.0.0.1',
    port: sidecar.port,
    path: '/v2/models/digits/infer',
    headers: { host: HOST, connection: 'Upgrade', upgrade: 'websocket' },
    ...(await identity(sidecar, 'shop/web')),
  });
  outgoing.end();
  const [{ statusCode }, socket] = (await once(outgoing, 'upgrade')) as [
    { statusCode: number },
    Duplex,
  ];
  assert.equal(statusCode, 101);
  socket.write('abc');
  assert.equal(String((await once(socket, 'data'))[0]), 'ABC');
  socket.destroy();
  assert.doesNotMatch(Object.keys(application.upgrades.at(-1) ?? {}).join(), /x-modelweir/);
});

test('gRPC passes message by message, with its trailers', async () => {
  const server = await answeringGrpc();
  const grpcSidecar = await startInbound({ applicationPort: server.port });
  const session = connect(`https://127.0.0.1:${grpcSidecar.port}`, {
    ...(await identity(grpcSidecar, 'shop/web')),
  });
  try {
    for (const method of [MODEL_INFER, '/inference.GRPCInferenceService/ServerReady']) {
      const stream = session.request({
        ':method': 'POST',
        ':path': method,
        'content-type': 'application/grpc',
        te: 'trailers',
        'x-modelweir-route': 'of/client',
      });
      const trailers = once(stream, 'trailers');
      stream.write(Buffer.from([0, 0, 0, 0, 1, 42]));
      const [first] = (await once(stream, 'data')) as [Buffer];
      assert.deepEqual([...first], [0, 0, 0, 0, 1, 42], 'before the request has ended');
      stream.end();
      assert.equal((await trailers)[0]['grpc-status'], '0');
      const { path, headers } = server.requests.at(-1) ?? { path: '', headers: {} };
      assert.equal(path, method);
      assert.doesNotMatch(Object.keys(headers).join(), /x-modelweir/);
    }
  } finally {
    session.destroy();
    await grpcSidecar.stop();
    await server.stop();
  }
});

/** Sends each piece back as it comes. */
function answeringGrpc(): Promise<Http2Backend> {
  return startHttp2Backend(
    (stream) => {
      stream.end();
    },
    (stream) => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc' },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.on('data', (piece: Buffer) => stream.write(piece));
    },
  );
}
