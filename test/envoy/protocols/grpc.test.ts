/** The Open Inference Protocol over gRPC, with grpc-js on both ends. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { grpcCall, SERVICE } from './grpc-call.ts';
import { frame, inferMessage, textMessage, textsOf } from './infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

const UNARY = [
  'ModelInfer',
  'ModelReady',
  'ModelMetadata',
  'ModelConfig',
  'ModelStatistics',
  'RepositoryModelLoad',
  'RepositoryModelUnload',
  'ServerLive',
  'ServerReady',
  'ServerMetadata',
];
const STREAM = 'ModelStreamInfer';

/** What the backend got, by method. */
interface Received {
  readonly method: string;
  readonly message: Uint8Array;
}

const received: Received[] = [];
const same = (bytes: Buffer): Buffer => bytes;
let server: grpc.Server;
let client: grpc.Client;
let mesh: ServedMesh;

function definition(): grpc.ServiceDefinition {
  const method = (name: string, streams: boolean) => ({
    path: `${SERVICE}/${name}`,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  });
  const entries = UNARY.map((name) => [name, method(name, false)] as const);
  return Object.fromEntries([...entries, [STREAM, method(STREAM, true)]]);
}

/** Answers each message with itself. */
async function startServer(): Promise<number> {
  server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  const unary = (method: string) => {
    const handle: grpc.handleUnaryCall<Buffer, Buffer> = (call, callback) => {
      received.push({ method, message: call.request });
      callback(null, call.request);
    };
    return handle;
  };
  const stream: grpc.handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    call.on('data', (message: Buffer) => {
      received.push({ method: STREAM, message });
      call.write(message);
    });
    call.on('end', () => call.end());
    call.on('error', () => {});
  };
  const handlers = UNARY.map((name) => [name, unary(name)] as const);
  server.addService(definition(), Object.fromEntries([...handlers, [STREAM, stream]]));
  const insecure = grpc.ServerCredentials.createInsecure();
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', insecure, (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
}

before(async () => {
  const protocol = 'OpenInferenceGRPC';
  const port = await startServer();
  mesh = await serve([
    modelBackend('plain', port, { protocol, model: { name: 'served' } }),
    modelBackend('versioned', port, { protocol, model: { name: 'served-v', version: '7' } }),
    modelRoute('plain', ['digits'], ['plain']),
    modelRoute('versioned', ['versioned'], ['versioned']),
  ]);
  client = new grpc.Client(`127.0.0.1:${mesh.port}`, grpc.credentials.createInsecure());
});

after(async () => {
  client?.close();
  await mesh?.stop();
  server?.forceShutdown();
});

interface Outcome {
  readonly code: number;
  readonly details: string;
  readonly message: Buffer | undefined;
  readonly variant: string | undefined;
}

function call(method: string, message: Uint8Array, by = client): Promise<Outcome> {
  return new Promise((resolve) => {
    let variant: string | undefined;
    const path = `${SERVICE}/${method}`;
    const running = by.makeUnaryRequest(path, same, same, Buffer.from(message), (error, answer) =>
      resolve({ code: error?.code ?? 0, details: error?.details ?? '', message: answer, variant }),
    );
    running.on('metadata', (metadata) => {
      variant = metadata.get('x-modelweir-variant')[0]?.toString();
    });
  });
}

for (const method of [
  'ModelInfer',
  'ModelReady',
  'ModelMetadata',
  'ModelConfig',
  'ModelStatistics',
]) {
  test(`${method} reaches the backend with its name and version, and its answer comes back`, async () => {
    const answer = await call(method, inferMessage({ model: 'digits' }));
    assert.equal(answer.code, 0, answer.details);
    assert.equal(answer.variant, 'plain');
    assert.deepEqual(textsOf(answer.message ?? Buffer.alloc(0)), { 1: 'served' });
    await call(method, inferMessage({ model: 'versioned' }));
    await call(method, inferMessage({ model: 'versioned', version: '3' }));
    assert.deepEqual(
      received.slice(-2).map(({ message }) => textsOf(message)),
      [
        { 1: 'served-v', 2: '7' },
        { 1: 'served-v', 2: '3' },
      ],
    );
    assert.equal(received.at(-1)?.method, method);
  });
}

for (const method of ['RepositoryModelLoad', 'RepositoryModelUnload']) {
  test(`${method} names its model in another field, and gets no version`, async () => {
    const answer = await call(method, textMessage({ 1: 'repository', 2: 'versioned', 3: 'x' }));
    assert.equal(answer.code, 0, answer.details);
    assert.deepEqual(textsOf(received.at(-1)?.message ?? Buffer.alloc(0)), {
      1: 'repository',
      2: 'served-v',
      3: 'x',
    });
  });
}

const REFUSED: readonly (readonly [what: string, body: Uint8Array, code: number, text: RegExp])[] =
  [
    ['an unknown model', frame(inferMessage({ model: 'nobody' })), 5, /'nobody' does not exist/],
    ['a message without a name', frame(inferMessage({ id: 'x' })), 3, /"model"/],
    [
      'a malformed message',
      frame(Buffer.from([0x0a, 0x7f, 0x41])),
      3,
      /not valid message|ends before/,
    ],
    [
      'a message that is cut off',
      frame(inferMessage({ model: 'digits' })).subarray(0, 9),
      3,
      /ends before/,
    ],
    ['no message', Buffer.alloc(0), 3, /is empty/],
    [
      'a second message of a unary call',
      Buffer.concat([
        frame(inferMessage({ model: 'digits' })),
        frame(inferMessage({ model: 'digits' })),
      ]),
      3,
      /not valid message/,
    ],
    [
      'a message flagged as compressed',
      frame(inferMessage({ model: 'digits' }), 1),
      12,
      /compressed.*send it without compression/,
    ],
  ];

for (const [what, body, code, text] of REFUSED) {
  test(`${what} gets grpc-status ${code} and a message, and reaches no backend`, async () => {
    const count = received.length;
    for (const cut of [1, body.length || 1]) {
      const parts: Uint8Array[] = [];
      for (let at = 0; at < body.length; at += cut) parts.push(body.subarray(at, at + cut));
      const answer = await grpcCall({ port: mesh.port, method: 'ModelInfer', parts });
      assert.equal(answer.httpStatus, 200);
      assert.equal(answer.status, code, answer.message);
      assert.match(answer.message, text);
      assert.match(String(answer.headers['content-type']), /^application\/grpc/);
    }
    assert.equal(received.length, count);
  });
}

test('a client that compresses is told UNIMPLEMENTED and why', async () => {
  const options = { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip };
  const address = `127.0.0.1:${mesh.port}`;
  const compressing = new grpc.Client(address, grpc.credentials.createInsecure(), options);
  const message = inferMessage({ model: 'digits', raw: Buffer.alloc(10_000) });
  const answer = await call('ModelInfer', message, compressing);
  compressing.close();
  assert.equal(answer.code, grpc.status.UNIMPLEMENTED);
  assert.match(answer.details, /send it without compression/);
});

test('a call about the server as a whole is answered by a backend that speaks gRPC', async () => {
  for (const method of ['ServerLive', 'ServerReady', 'ServerMetadata']) {
    const answer = await call(method, Buffer.alloc(0));
    assert.equal(answer.code, 0, answer.details);
    assert.equal(received.at(-1)?.method, method);
  }
});

test('a method that nobody knows gets an error that gRPC clients can read', async () => {
  const answer = await call('TraceSetting', Buffer.alloc(0));
  assert.equal(answer.code, grpc.status.UNIMPLEMENTED, answer.details);
});
