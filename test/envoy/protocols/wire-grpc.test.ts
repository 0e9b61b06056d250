/** gRPC messages on the wire to an HTTP/2 backend: name, version and lengths exact, whatever the frames. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { grpcCall, SERVICE } from './grpc-call.ts';
import { type Http2Backend, type Http2Request, startHttp2Backend } from './http2-backend.ts';
import { frame, type InferMessage, inferMessage } from './infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

const SERVED: Readonly<Record<string, string>> = {
  'public-name': 'organisation/a-served-name-that-is-longer:2026-05',
  'public-long': 's',
  'public-same': 'served-same',
  // Its length takes a byte more than that of the public name.
  short: 'n'.repeat(200),
};
const VERSION = '7';

let backend: Http2Backend;
let mesh: ServedMesh;

before(async () => {
  backend = await startHttp2Backend((stream) => {
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame(inferMessage({ model: 'answer' })));
  });
  mesh = await serve(
    Object.entries(SERVED).flatMap(([model, name], i) => [
      modelBackend(`b${i}`, backend.port, {
        protocol: 'OpenInferenceGRPC',
        model: { name, version: VERSION },
      }),
      modelRoute(`r${i}`, [model], [`b${i}`]),
    ]),
  );
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

async function send(message: InferMessage, cut: number): Promise<Http2Request> {
  const body = frame(inferMessage(message));
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += cut) parts.push(body.subarray(at, at + cut));
  const answer = await grpcCall({ port: mesh.port, method: 'ModelInfer', parts });
  assert.equal(answer.status, 0, answer.message);
  assert.deepEqual(answer.body, frame(inferMessage({ model: 'answer' })));
  const request = backend.requests.at(-1);
  assert.equal(request?.path, `${SERVICE}/ModelInfer`);
  assert.equal(request?.isComplete, true);
  assert.ok(request);
  return request;
}

/** The message as the backend must get it: its own name, and its version right behind. */
function served(message: InferMessage): Buffer {
  const { model = '', nameLast = false, ...rest } = message;
  const name = { model: SERVED[model] ?? '', version: message.version ?? VERSION };
  if (message.version !== undefined) return frame(inferMessage({ ...message, ...name }));
  if (!nameLast) return frame(inferMessage({ ...rest, ...name }));
  return frame(Buffer.concat([inferMessage(rest), inferMessage(name)]));
}

function checkBody(request: Http2Request, message: InferMessage): void {
  const expected = served(message);
  assert.ok(request.body.equals(expected), request.body.subarray(0, 300).toString('hex'));
}

for (const size of [1_000, 64_000, 900_000]) {
  for (const nameLast of [false, true]) {
    const place = nameLast ? 'last' : 'first';
    test(`a message of ${size} bytes, the name ${place}: each served name leaves exact, on the same connection`, async () => {
      for (const model of Object.keys(SERVED)) {
        const message = { model, id: 'id-1', raw: Buffer.alloc(size, 7), nameLast };
        const first = await send(message, 10_000);
        checkBody(first, message);
        const next = await send({ model, nameLast }, 1_000);
        checkBody(next, { model, nameLast });
        assert.equal(next.connection, first.connection);
      }
    });
  }
}

test('a message whose every byte is a DATA frame leaves exact', async () => {
  for (const nameLast of [false, true]) {
    const message = { model: 'public-name', id: 'id-1', raw: Buffer.alloc(300, 7), nameLast };
    checkBody(await send(message, 1), message);
  }
});

test('a version that the client named stays', async () => {
  const message = { model: 'public-name', version: '3', raw: Buffer.alloc(100) };
  checkBody(await send(message, 20), message);
});

test('a content-length of the client leaves as that of the edited message', async () => {
  const body = frame(inferMessage({ model: 'public-name', raw: Buffer.alloc(1000, 7) }));
  const headers = { 'content-length': String(body.length) };
  const call = { port: mesh.port, method: 'ModelInfer', parts: [body], headers };
  assert.equal((await grpcCall(call)).status, 0);
  const request = backend.requests.at(-1);
  assert.equal(request?.headers['content-length'], String(request?.body.length));
  assert.ok(request?.body.equals(served({ model: 'public-name', raw: Buffer.alloc(1000, 7) })));
});
