/**
 * What follows a body. Over HTTP/2 trailers travel both ways; over HTTP/1.1 Envoy drops them unless it is told
 * otherwise (`enable_trailers`), and ours is not: no inference protocol over HTTP/1.1 has any.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { after, before, test } from 'node:test';
import { type RawBackend, startRawBackend } from '../router/raw-backend.ts';
import { Connection } from './connection.ts';
import { grpcCall } from './grpc-call.ts';
import { type Http2Backend, startHttp2Backend } from './http2-backend.ts';
import { frame, inferMessage } from './infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

const PATH = '/v1/embeddings';

let raw: RawBackend;
let grpcBackend: Http2Backend;
let mesh: ServedMesh;

before(async () => {
  raw = await startRawBackend();
  grpcBackend = await startHttp2Backend((stream) => {
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'grpc-status': '0', 'x-answer-sum': '7' }),
    );
    stream.end(frame(Buffer.alloc(0)));
  });
  const model = { name: 'a-served-name' };
  mesh = await serve([
    modelBackend('http', raw.port, { protocol: 'OpenAI', model }),
    modelBackend('grpc', grpcBackend.port, { protocol: 'OpenInferenceGRPC', model }),
    modelRoute('http', ['http'], ['http']),
    modelRoute('sticky', ['sticky'], ['http'], { sticky: { bodyField: 'user' } }),
    modelRoute('grpc', ['grpc'], ['grpc']),
  ]);
});

after(async () => {
  await mesh?.stop();
  await raw?.stop();
  await grpcBackend?.stop();
});

/** Sends a body, or none, and trailers over HTTP/2. */
async function sendHttp2(parts: readonly string[]): Promise<{ status: number; body: string }> {
  const session = connect(`http://127.0.0.1:${mesh.port}`);
  try {
    const request = { ':method': 'POST', ':path': PATH };
    const stream = session.request(request, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-request-sum': '8' }));
    let headers: IncomingHttpHeaders = {};
    let body = '';
    stream.on('response', (got) => {
      headers = got;
    });
    stream.setEncoding('utf8');
    stream.on('data', (data: string) => {
      body += data;
    });
    for (const part of parts) stream.write(part);
    stream.end();
    await once(stream, 'close');
    return { status: Number(headers[':status']), body };
  } finally {
    session.destroy();
  }
}

test('gRPC: trailers of request and answer pass, whether the name comes first or last', async () => {
  for (const nameLast of [false, true]) {
    const answer = await grpcCall({
      port: mesh.port,
      method: 'ModelInfer',
      parts: [frame(inferMessage({ model: 'grpc', raw: Buffer.alloc(50_000, 7), nameLast }))],
      trailers: { 'x-request-sum': '8' },
    });
    assert.equal(answer.status, 0);
    assert.equal(answer.trailers['x-answer-sum'], '7');
    const request = grpcBackend.requests.at(-1);
    assert.equal(request?.trailers['x-request-sum'], '8');
    const model = 'a-served-name';
    const expected = inferMessage({ model, raw: Buffer.alloc(50_000, 7), nameLast });
    assert.ok(request?.body.equals(frame(expected)));
  }
});

test('gRPC: a call that is nothing but trailers is told that its message is missing', async () => {
  const trailers = { 'x-request-sum': '8' };
  const answer = await grpcCall({ port: mesh.port, method: 'ModelInfer', parts: [], trailers });
  assert.equal(answer.status, 3);
  assert.match(answer.message, /is empty/);
});

const BODIES: readonly (readonly [what: string, parts: readonly string[], expected: string])[] = [
  ['the name first', ['{"model":"http","input":"x"}'], '{"model":"a-served-name","input":"x"}'],
  ['the name last', ['{"input":"x",', '"model":"http"}'], '{"input":"x","model":"a-served-name"}'],
  [
    'a sticky field that is there',
    ['{"model":"sticky",', '"user":"u"}'],
    '{"model":"a-served-name","user":"u"}',
  ],
  ['a sticky field that never comes', ['{"model":"sticky"', '}'], '{"model":"a-served-name"}'],
];

for (const [what, parts, expected] of BODIES) {
  test(`HTTP/2, ${what}: a body with trailers behind it leaves whole and exact`, async () => {
    const answer = await sendHttp2(parts);
    assert.equal(answer.status, 200, answer.body);
    assert.equal(raw.requests.at(-1)?.body, expected);
    assert.equal(raw.leftover(), '');
  });
}

test('HTTP/2: trailers behind a body that is cut off, or behind none, do not hide that', async () => {
  const count = raw.requests.length;
  for (const [parts, code] of [
    [['{"input":"x'], 'invalid_json'],
    [[], 'empty_body'],
    [['{"input":"x"}'], 'missing_model'],
  ] as const) {
    const answer = await sendHttp2(parts);
    assert.equal(answer.status, 400, answer.body);
    assert.equal(JSON.parse(answer.body).error.code, code);
  }
  assert.equal(raw.requests.length, count);
});

test('HTTP/1.1: trailers behind the last chunk are dropped, and the body is as exact as without them', async () => {
  for (const model of ['http', 'sticky']) {
    const body = `{"input":"x","model":"${model}"}`;
    const connection = new Connection(mesh.port);
    connection.write(
      `POST ${PATH} HTTP/1.1\r\nhost: mesh\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n` +
        `${body.length.toString(16)}\r\n${body}\r\n0\r\nx-sum: 1\r\nx-modelweir-cluster: x\r\n\r\n`,
    );
    assert.equal((await connection.answer()).status, 200);
    const last = raw.requests.at(-1);
    assert.equal(last?.body, '{"input":"x","model":"a-served-name"}');
    assert.ok(last?.raw.endsWith('\r\n0\r\n\r\n'), last?.raw);
    assert.equal(raw.leftover(), '');
    // The connection goes on behind the trailers.
    connection.write(
      `POST ${PATH} HTTP/1.1\r\nhost: mesh\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    assert.equal((await connection.answer()).status, 200);
    connection.destroy();
  }
});
