/** ModelStreamInfer: one call, many messages, both ways at once. */
import assert from 'node:assert/strict';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { after, before, type TestContext, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { grpcCall, SERVICE } from './grpc-call.ts';
import { type Http2Backend, startHttp2Backend } from './http2-backend.ts';
import { frame, inferMessage } from './infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

let backend: Http2Backend;
let mesh: ServedMesh;

before(async () => {
  // Echoes every piece as it comes.
  backend = await startHttp2Backend(
    (stream) => stream.end(),
    (stream) => {
      stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.on('data', (piece: Buffer) => stream.write(piece));
    },
  );
  const protocol = 'OpenInferenceGRPC';
  mesh = await serve([
    modelBackend('same', backend.port, { protocol }),
    modelBackend('renamed', backend.port, { protocol, model: { name: 'a-served-name' } }),
    modelBackend('versioned', backend.port, { protocol, model: { name: 'v', version: '7' } }),
    modelRoute('same', ['same', 'other'], ['same']),
    modelRoute('fast', ['fast'], ['same'], { modelScan: 'Fast' }),
    modelRoute('renamed', ['renamed'], ['renamed']),
    modelRoute('versioned', ['versioned'], ['versioned']),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

interface Call {
  readonly session: ClientHttp2Session;
  readonly stream: ClientHttp2Stream;
  /** What came back. */
  body: Buffer;
  trailers: Readonly<Record<string, unknown>>;
  readonly closed: Promise<void>;
}

function open(t: TestContext): Call {
  const session = connect(`http://127.0.0.1:${mesh.port}`);
  t.after(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': `${SERVICE}/ModelStreamInfer`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  // A reset, which is an error, is one way to end.
  stream.on('error', () => {});
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  const call: Call = { session, stream, body: Buffer.alloc(0), trailers: {}, closed };
  stream.on('data', (piece: Buffer) => {
    call.body = Buffer.concat([call.body, piece]);
  });
  stream.on('trailers', (trailers) => {
    call.trailers = trailers;
  });
  return call;
}

/** Settles when so many bytes came back, or no more will. */
async function bytesBack(call: Call, size: number): Promise<void> {
  const isThere = () => call.body.length >= size || call.stream.destroyed;
  await until(`${size} bytes are back`, isThere);
}

function message(model: string | undefined, size = 10): Buffer {
  return frame(
    inferMessage({ ...(model === undefined ? {} : { model }), raw: Buffer.alloc(size, 7) }),
  );
}

for (const model of ['same', 'fast']) {
  test(`${model}: each message is answered before the client sends the next`, async (t) => {
    const call = open(t);
    const sent: Buffer[] = [];
    for (const size of [10, 100_000, 10]) {
      sent.push(message(model, size));
      call.stream.write(sent.at(-1));
      await bytesBack(call, Buffer.concat(sent).length);
    }
    call.stream.end();
    await call.closed;
    assert.deepEqual(call.trailers['grpc-status'], '0');
    assert.ok(call.body.equals(Buffer.concat(sent)));
  });
}

for (const second of ['other', undefined]) {
  test(`a later message that names ${second ?? 'no'} model ends the call, and the backend never sees it whole`, async (t) => {
    for (const first of ['same', 'fast']) {
      const call = open(t);
      call.stream.write(message(first));
      await bytesBack(call, message(first).length);
      call.stream.end(message(second));
      await call.closed;
      assert.notEqual(call.trailers['grpc-status'], '0', 'the call succeeded');
      const request = backend.requests.at(-1);
      assert.equal(request?.isComplete, false);
      const seen = Buffer.concat(request?.pieces ?? []);
      assert.ok(seen.length <= message(first).length, 'the second message reached the backend');
    }
  });
}

for (const model of ['renamed', 'versioned']) {
  test(`a call whose messages would all have to be edited, ${model}, is told so, and reaches no backend`, async () => {
    const count = backend.requests.length;
    for (const parts of [[message(model)], [Buffer.concat([message(model), message(model)])]]) {
      const answer = await grpcCall({ port: mesh.port, method: 'ModelStreamInfer', parts });
      assert.equal(answer.status, 12, answer.message);
      assert.match(answer.message, /use ModelInfer/);
    }
    assert.equal(backend.requests.length, count);
  });
}
