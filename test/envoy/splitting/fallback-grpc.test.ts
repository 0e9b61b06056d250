/** gRPC clients: each attempt's message has the name of its own backend, in frames of the right length. */
import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { after, before, test } from 'node:test';
import { grpcCall } from '../protocols/grpc-call.ts';
import { type Http2Backend, startHttp2Backend } from '../protocols/http2-backend.ts';
import { frame, inferMessage, textMessage, textsOf } from '../protocols/infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { pieces } from '../protocols/upload.ts';

type Fail = (stream: ServerHttp2Stream) => void;

let canary: Http2Backend;
let stable: Http2Backend;
let mesh: ServedMesh;
let fail: Fail;

before(async () => {
  canary = await startHttp2Backend((stream) => fail(stream));
  stable = await startHttp2Backend((stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame(textMessage({ 1: 'answered' })));
  });
  const protocol = 'OpenInferenceGRPC';
  const route = (name: string, names: readonly string[]) => [
    modelBackend(`${name}-canary`, canary.port, {
      protocol,
      model: { name: names[0], version: '7' },
    }),
    modelBackend(`${name}-stable`, stable.port, { protocol, model: { name: names[1] } }),
    modelRoute(name, [name], [], {
      variants: [
        { name: 'canary', backendRef: { name: `${name}-canary` }, weight: 1 },
        { name: 'stable', backendRef: { name: `${name}-stable` }, weight: 0 },
      ],
      fallback: { variants: ['stable'] },
      retry: { attempts: 1, firstByteTimeoutMs: 500, backoffMs: 1, maxBodyBytes: 16 << 20 },
    }),
  ];
  mesh = await serve([
    ...route('grow', ['c', 'a-much-longer-name'.repeat(12)]),
    ...route('shrink', ['a-much-longer-name'.repeat(12), 's']),
  ]);
});

after(async () => {
  await mesh?.stop();
  await canary?.stop();
  await stable?.stop();
});

const FAILURES: Readonly<Record<string, Fail>> = {
  'answers 503': (stream) => stream.respond({ ':status': 503 }, { endStream: true }),
  'answers UNAVAILABLE': (stream) =>
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' },
      { endStream: true },
    ),
  'answers RESOURCE_EXHAUSTED': (stream) =>
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '8' },
      { endStream: true },
    ),
  'resets the stream': (stream) => stream.close(2),
  'never answers': () => {},
  'is killed': (stream) => stream.session?.destroy(),
};

for (const [what, act] of Object.entries(FAILURES)) {
  for (const name of ['grow', 'shrink'] as const) {
    test(`${name}: a canary that ${what} is followed by the stable variant`, async () => {
      fail = act;
      const message = (model: string) =>
        inferMessage({ model, id: 'one', raw: Buffer.alloc(3000, 7), nameLast: name === 'grow' });
      const parts = pieces(frame(message(name)), 1000);
      const got = await grpcCall({ port: mesh.port, method: 'ModelInfer', parts });
      assert.equal(got.status, 0, got.message);
      assert.deepEqual(textsOf(got.body.subarray(5)), { 1: 'answered' });
      assert.equal(got.headers['x-modelweir-variant'], 'stable');
      const long = 'a-much-longer-name'.repeat(12);
      const [first, second] = name === 'grow' ? ['c', long] : [long, 's'];
      const sent = textsOf(checked(canary.requests.at(-1)?.body));
      assert.equal(sent[1], first);
      assert.equal(sent[2], '7', "the canary's version");
      assert.ok(stable.requests.at(-1)?.body.equals(frame(message(second ?? ''))));
    });
  }
}

/** The message of a frame that is as long as it says. */
function checked(body: Buffer | undefined): Buffer {
  assert.ok(body !== undefined && body.length > 5);
  assert.equal(body.readUInt32BE(1), body.length - 5);
  return body.subarray(5);
}

test('a message of 10 MB is sent again', async () => {
  fail = FAILURES['answers 503'] ?? fail;
  const raw = Buffer.alloc(10_000_000, 'x');
  const parts = pieces(frame(inferMessage({ model: 'grow', raw })), 100_000);
  const got = await grpcCall({ port: mesh.port, method: 'ModelInfer', parts });
  assert.equal(got.status, 0, got.message);
  const model = 'a-much-longer-name'.repeat(12);
  assert.ok(stable.requests.at(-1)?.body.equals(frame(inferMessage({ model, raw }))));
});

test('an answer with an error of the request itself is not followed', async () => {
  const before = stable.requests.length;
  for (const code of ['3', '5', '12']) {
    fail = (stream) =>
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': code },
        { endStream: true },
      );
    const parts = [frame(inferMessage({ model: 'grow' }))];
    const got = await grpcCall({ port: mesh.port, method: 'ModelInfer', parts });
    assert.equal(got.status, Number(code));
  }
  assert.equal(stable.requests.length, before);
});
