/** A second model in what already passes: strict routes end such a request, fast ones do not look. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { grpcCall } from './grpc-call.ts';
import { type Http2Backend, startHttp2Backend } from './http2-backend.ts';
import { frame, inferMessage } from './infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';
import { FRAMINGS, send, upload } from './upload.ts';

const PATH = '/v1/chat/completions';
const FILLER = 'x'.repeat(200_000);

interface Seen {
  body: string;
  isComplete: boolean;
}

const seen: Seen[] = [];
/** Whether the backend begins to answer before it has the body. */
let answersEarly = false;
const server = createServer((request, response) => {
  const entry: Seen = { body: '', isComplete: false };
  seen.push(entry);
  if (answersEarly) response.write('early');
  request.on('data', (data: Buffer) => {
    entry.body += data;
  });
  request.on('end', () => {
    entry.isComplete = true;
    response.end('done');
  });
  request.on('error', () => {});
});
let grpcBackend: Http2Backend;
let mesh: ServedMesh;

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  grpcBackend = await startHttp2Backend((stream) => {
    stream.respond({ 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true });
  });
  const { port } = server.address() as AddressInfo;
  const model = { name: 'served' };
  mesh = await serve([
    modelBackend('http', port, { protocol: 'OpenAI', model }),
    modelBackend('grpc', grpcBackend.port, { protocol: 'OpenInferenceGRPC', model }),
    modelRoute('strict', ['strict', 'other'], ['http']),
    modelRoute('fast', ['fast'], ['http'], { modelScan: 'Fast' }),
    modelRoute('grpc', ['grpc'], ['grpc']),
    modelRoute('grpc-fast', ['grpc-fast'], ['grpc'], { modelScan: 'Fast' }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await grpcBackend?.stop();
  server.close();
  server.closeAllConnections();
});

const SECONDS: readonly (readonly [what: string, second: string])[] = [
  ['another model', '"model":"other"'],
  ['the same model again', '"model":"strict"'],
  ['a model that is no string', '"model":null'],
  ['a key in escapes', '"m\\u006fdel":"other"'],
  ['a key in other case', '"MODEL":"other"'],
];

for (const framing of FRAMINGS) {
  for (const [what, second] of SECONDS) {
    test(`${framing}: ${what} ends a request that is on its way, and the backend never has all of it`, async () => {
      answersEarly = false;
      const count = seen.length;
      const parts = ['{"model":"strict","input":"', FILLER, `",${second}`, '}'];
      const sending = upload(framing, {
        port: mesh.port,
        path: PATH,
        size: parts.join('').length,
      });
      await sending.write(parts[0] ?? '');
      await until('the backend has the beginning', () => seen[count]?.body.includes(',') === true);
      for (const part of parts.slice(1)) await sending.write(part);
      sending.end();
      const answer = await sending.answer();
      sending.destroy();
      assert.equal(answer.status, 400);
      assert.equal(JSON.parse(answer.body).error.code, 'duplicate_model');
      assert.match(seen.at(-1)?.body ?? '', /^{"model":"served","input":"/);
      assert.doesNotMatch(seen.at(-1)?.body ?? '', /model"[\s\S]*model"/i);
      const next = { port: mesh.port, path: PATH, parts: ['{"model":"strict"}'] };
      assert.equal((await send(framing, next)).status, 200);
      assert.deepEqual(seen.at(-1), { body: '{"model":"served"}', isComplete: true });
      assert.equal(seen.at(-2)?.isComplete, false);
    });
  }

  test(`${framing}: a second model after the answer has begun resets the request`, async () => {
    answersEarly = true;
    const count = seen.length;
    const parts = ['{"model":"strict","input":"', FILLER, '","model":"other"}'];
    const size = parts.join('').length;
    const sending = upload(framing, { port: mesh.port, path: PATH, size });
    await sending.write(parts[0] ?? '');
    await until('the backend has the beginning', () => seen[count]?.body.includes(',') === true);
    await sending.begun();
    for (const part of parts.slice(1)) await sending.write(part);
    sending.end();
    await sending.reset();
    assert.equal(seen.at(-1)?.isComplete, false);
    assert.doesNotMatch(seen.at(-1)?.body ?? '', /model"[\s\S]*model"/);
    answersEarly = false;
  });

  test(`${framing}: a fast route lets a second model pass`, async () => {
    const parts = ['{"model":"fast","input":"', FILLER, '","model":"other"}'];
    const answer = await send(framing, { port: mesh.port, path: PATH, parts });
    assert.equal(answer.status, 200, answer.body);
    assert.equal(seen.at(-1)?.body, parts.join('').replace('"fast"', '"served"'));
  });

  test(`${framing}: a body cut off behind its model is told so, and harms no other request`, async () => {
    const parts = ['{"model":"strict","input":"', FILLER];
    const answer = await send(framing, { port: mesh.port, path: PATH, parts });
    assert.equal(answer.status, 400, answer.body);
    assert.equal(JSON.parse(answer.body).error.code, 'invalid_json');
    const next = { port: mesh.port, path: PATH, parts: ['{"model":"strict"}'] };
    assert.equal((await send(framing, next)).status, 200);
    assert.deepEqual(seen.at(-1), { body: '{"model":"served"}', isComplete: true });
  });
}

test('a second name in a gRPC message ends the call, on fast routes only where it is in time', async () => {
  const second = (model: string) => {
    const message = inferMessage({ model, id: 'id', raw: Buffer.alloc(200_000) });
    return frame(Buffer.concat([message, inferMessage({ model: 'other' })]));
  };
  const strict = { port: mesh.port, method: 'ModelInfer', parts: halves(second('grpc')) };
  const count = grpcBackend.requests.length;
  const answer = await grpcCall(strict);
  assert.equal(answer.status, 3, answer.message);
  assert.match(answer.message, /"model" more than once/);
  assert.ok(grpcBackend.requests.slice(count).every(({ isComplete }) => !isComplete));
  const fast = { port: mesh.port, method: 'ModelInfer', parts: halves(second('grpc-fast')) };
  assert.equal((await grpcCall(fast)).status, 0);
  assert.equal(grpcBackend.requests.at(-1)?.isComplete, true);
});

function halves(bytes: Buffer): Buffer[] {
  return [bytes.subarray(0, 100), bytes.subarray(100)];
}
