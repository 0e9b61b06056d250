/** Joined gRPC requests in a real Envoy, behind the real control plane: each client gets what it gets alone. */
import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http2';
import { after, before, beforeEach, test } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import {
  decodeGrpc,
  encodeGrpc,
  grpcFrame,
  grpcRequest,
  serveGrpc,
} from '../../unit/batcher/grpc-model-server.ts';
import { SERVICE } from '../protocols/grpc-call.ts';
import {
  type GrpcBackend,
  type GrpcConnection,
  type GrpcMesh,
  type GrpcResult,
  grpcConnection,
  grpcResources,
  sizeOf,
  startGrpcBackend,
  startGrpcMesh,
} from './grpc-mesh.ts';

let backend: GrpcBackend;
let grpc: GrpcMesh;
let client: GrpcConnection;

before(async () => {
  backend = await startGrpcBackend();
  grpc = await startGrpcMesh(
    grpcResources(backend.port, '{ maxDelayMs: 40, grpc: true, deadlineHeader: x-wait-ms }'),
  );
  client = grpcConnection(grpc.mesh.url);
  await answered(0);
});

after(async () => {
  client?.close();
  await grpc?.mesh.stop();
  await backend?.stop();
});

beforeEach(() => {
  backend.acting = {};
  backend.rows.length = 0;
});

/** Settles when the mesh answers at all: it has its routes a moment after its listener. */
async function answered(owner: number): Promise<void> {
  while ((await client.infer(grpcRequest(owner))).status !== 0);
}

/** A lead that keeps the lane busy, and members that are held meanwhile. */
async function together(
  messages: readonly Buffer[],
  headers: OutgoingHttpHeaders = {},
): Promise<GrpcResult[]> {
  const lead = client.infer(grpcRequest(9_000));
  const results = await Promise.all(messages.map((message) => client.infer(message, headers)));
  await lead;
  return results;
}

function assertOwn(result: GrpcResult | undefined, message: Buffer): void {
  assert.equal(result?.headers[':status'], 200);
  assert.equal(result.status, 0, JSON.stringify([result.headers, result.trailers]));
  assert.deepEqual(result.body, serveGrpc(message).bytes);
  assert.equal(result.headers['content-type'], 'application/grpc');
  assert.equal(result.headers['grpc-status'], undefined);
  assert.equal(result.trailers['grpc-status'], '0');
}

function assertAllOwn(results: readonly GrpcResult[], messages: readonly Buffer[]): void {
  assert.equal(results.length, messages.length);
  for (const [i, message] of messages.entries()) assertOwn(results[i], message);
}

const MESSAGES = [
  ...[1, 2, 3, 4, 5].map((i) => grpcRequest(i, { rows: 1 + (i % 3), columns: 7 })),
  grpcRequest(6, { columns: 7 }, { packed: false }),
  grpcRequest(7, { columns: 7 }, { rawFirst: true }),
];

test('streams of one connection share a call, and each gets its own rows, id and status', async () => {
  const results = await together(MESSAGES);
  assertAllOwn(results, MESSAGES);
  assert.equal(sizeOf(results[0] as GrpcResult), MESSAGES.length);
  assert.equal(results[0]?.headers['x-server'], 'pod-7');
  assert.equal(results[0]?.headers['x-modelweir-variant'], 'stable');
  const { te, 'content-type': type } = backend.headers.at(-1) ?? {};
  assert.deepEqual([te, type], ['trailers', 'application/grpc']);
});

test('a gRPC library finds in a joined answer what it finds in any', async () => {
  const library = new Client(new URL(grpc.mesh.url).host, credentials.createInsecure());
  const plain = (bytes: Buffer): Buffer => bytes;
  const call = (message: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const path = `${SERVICE}/ModelInfer`;
      library.makeUnaryRequest(path, plain, plain, message.subarray(5), (error, answer) => {
        if (error !== null) reject(error);
        else resolve(answer as Buffer);
      });
    });
  try {
    const poisoned = grpcRequest(40, { poisoned: true });
    const messages = Array.from({ length: 24 }, (_, i) => grpcRequest(i));
    const refused = assert.rejects(call(poisoned), { code: 3 });
    const answers = await Promise.all(messages.map(call));
    await refused;
    for (const [i, message] of messages.entries()) {
      assert.deepEqual(answers[i], serveGrpc(message).bytes.subarray(5));
    }
  } finally {
    library.close();
  }
  assert.ok(Math.max(...backend.rows) > 8, 'few were joined');
});

test('connections share calls as well as streams do', async () => {
  const connections = Array.from({ length: 6 }, () => grpcConnection(grpc.mesh.url));
  try {
    const lead = client.infer(grpcRequest(9_000));
    const results = await Promise.all(connections.map((one, i) => one.infer(grpcRequest(i))));
    await lead;
    assertAllOwn(
      results,
      connections.map((_, i) => grpcRequest(i)),
    );
    assert.ok(results.some((result) => sizeOf(result) > 1));
  } finally {
    for (const connection of connections) connection.close();
  }
});

test('messages of 200 kB are joined, and come back whole', async () => {
  const messages = [1, 2, 3].map((i) => grpcRequest(i, { rows: 50, columns: 1_000 }));
  const lead = client.infer(grpcRequest(9_000));
  const results = await Promise.all(messages.map((message) => client.infer(message)));
  await lead;
  assertAllOwn(results, messages);
});

test('the poisoned one of twelve gets its error, and the others their answers', async () => {
  const messages = Array.from({ length: 12 }, (_, i) => grpcRequest(i, { poisoned: i === 7 }));
  const results = await together(messages);
  results.forEach((result, i) => {
    if (i !== 7) assertOwn(result, messages[i] as Buffer);
    else assert.deepEqual([result.status, result.body.length], [3, 0]);
  });
});

test('what a server says of all is what each gets, in the headers of an answer without a message', async () => {
  backend.acting = { instead: (message) => (message.tensors[0]?.shape[0] === 1 ? null : 5) };
  const results = await together([grpcRequest(1), grpcRequest(2), grpcRequest(3)]);
  for (const { status, headers, body } of results) {
    assert.deepEqual([status, headers['grpc-message'], body.length], [5, 'no', 0]);
  }
});

for (const [name, instead] of [
  ['a server that fails', 13],
  ['a server that is unavailable', 14],
  ['a call that breaks', 'reset'],
  ['an answer that is none', grpcFrame(Buffer.from('no'))],
] as const) {
  test(`${name} is asked again by each alone`, async () => {
    backend.acting = { instead: ({ tensors }) => (tensors[0]?.shape[0] === 1 ? null : instead) };
    const messages = [grpcRequest(1), grpcRequest(2)];
    const results = await together(messages);
    assertAllOwn(results, messages);
    assert.deepEqual(backend.rows, [1, 2, 1, 1]);
  });
}

test('whoever waits the shortest gets DEADLINE_EXCEEDED, and its companions their answers', async () => {
  backend.acting = { delayMs: ({ tensors }) => (tensors[0]?.shape[0] === 1 ? 10 : 200) };
  const lead = client.infer(grpcRequest(9_000));
  const hurried = client.infer(grpcRequest(1), { 'grpc-timeout': '60m' });
  const patient = [client.infer(grpcRequest(2)), client.infer(grpcRequest(3))];
  const late = await hurried;
  assert.deepEqual([late.status, late.body.length], [4, 0]);
  assertOwn(await patient[0], grpcRequest(2));
  assertOwn(await patient[1], grpcRequest(3));
  await lead;
});

test('typed and compressed messages go alone, unchanged, and are counted by their reason', async () => {
  const typed = Buffer.from(
    decodeHex('0a06 646967697473 2a0f 0a0178 1204 46503332 1a0101 2a01 00'),
  );
  const before = await grpc.count('requests', 'typed_contents');
  const lead = client.infer(grpcRequest(9_000));
  assert.equal((await client.infer(grpcFrame(typed))).status, 3);
  await lead;
  assert.equal(await grpc.count('requests', 'typed_contents'), before + 1);
});

function decodeHex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

test('requests of two models and two identities never meet', async () => {
  const lead = client.infer(grpcRequest(9_000));
  const wanted = encodeGrpc('request', {
    ...decodeGrpc('request', grpcRequest(4)),
    outputs: ['y'],
  });
  const results = await Promise.all([
    client.infer(grpcRequest(1), { authorization: 'ann' }),
    client.infer(grpcRequest(2), { authorization: 'bob' }),
    client.infer(grpcRequest(3)),
    client.infer(wanted),
  ]);
  await lead;
  assertOwn(results[2], grpcRequest(3));
  assert.deepEqual(results[3]?.body, serveGrpc(wanted).bytes);
  for (const result of results) assert.equal(sizeOf(result), 1);
});

test('clients that give up before, during and after the call leave the others their answers', async () => {
  backend.acting = { delayMs: () => 30 };
  const lead = client.infer(grpcRequest(9_000));
  const messages = Array.from({ length: 12 }, (_, i) => grpcRequest(i));
  const results = await Promise.all(
    messages.map((message, i) => client.infer(message, {}, i % 3 === 0 ? i * 6 : -1)),
  );
  await lead;
  results.forEach((result, i) => {
    if (i % 3 !== 0) assertOwn(result, messages[i] as Buffer);
  });
  assert.equal(grpc.mesh.envoy.hasExited, false);
});
