/** What the pod bounds over gRPC, and what becomes of calls that nobody waits for. */
import assert from 'node:assert/strict';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { after, type TestContext, test } from 'node:test';
import { identityModel, slowModel } from '../../unit/inference/onnx-writer.ts';
import { floatsOf, grpcPortOf, inferRequest, PodClient } from './grpc-client.ts';
import { makeRepository, type PodProcess, startPod } from './pod-process.ts';

const repository = makeRepository({
  slow: slowModel(4000),
  floats: identityModel('FP32', ['N', 'D']),
});
after(() => repository.remove());

/** As long as it takes to look at the pod meanwhile. */
const LONG = inferRequest('slow', 'x', Array(200).fill(Array(256).fill(1)));
const SHORT = inferRequest('slow', 'x', [Array(256).fill(1)]);
const ONE = inferRequest('floats', 'x', [[1, 2]]);

async function start(t: TestContext, ...args: string[]): Promise<[PodProcess, PodClient]> {
  const pod = await startPod(['--repository', repository.path, '--grpc-port', '0', ...args]);
  t.after(() => pod.stop());
  const client = new PodClient(pod);
  t.after(() => client.close());
  return [pod, client];
}

test('a full queue is RESOURCE_EXHAUSTED with its flag, and the rest is answered', async (t) => {
  const [pod, client] = await start(t, '--max-queue-rows', '200');
  const running = client.call('ModelInfer', LONG);
  await until(async () => (await metric(pod, 'queue_seconds_count')) > 0);
  const waiting = client.call('ModelInfer', LONG);
  await until(async () => (await metric(pod, 'queue_rows')) === 200);
  const { code, details, trailer } = await client.call('ModelInfer', SHORT);
  assert.equal(code, 'RESOURCE_EXHAUSTED');
  assert.match(details, /the queue is full: 200 of 200 rows wait \(--max-queue-rows\)/);
  assert.match(String(trailer.get('endpoint-load-metrics')[0]), /^TEXT application_utilization=/);
  assert.deepEqual([(await running).code, (await waiting).code], ['OK', 'OK']);
});

test('bytes over what may be held together are RESOURCE_EXHAUSTED, and are given back', async (t) => {
  const held = String(200 * 256 * 4 + 500);
  const [pod, client] = await start(t, '--max-held-bytes', held);
  for (let round = 1; round <= 2; round++) {
    const running = client.call('ModelInfer', LONG);
    await until(async () => (await metric(pod, 'queue_seconds_count')) === round);
    const { code, details } = await client.call('ModelInfer', SHORT);
    assert.equal(code, 'RESOURCE_EXHAUSTED');
    assert.match(details, /are being answered \(--max-held-bytes\)/);
    assert.equal((await running).code, 'OK');
  }
});

test('messages that are not whole are held too, until their streams are gone', async (t) => {
  const [pod, client] = await start(t, '--max-held-bytes', '100000');
  const open = await openCalls(t, pod, 3);
  for (const stream of open) stream.write(frame(64_000, 30_000));
  await until(
    async () =>
      (await client.call('ModelInfer', inferRequest('floats', 'x', [Array(3000).fill(1)]))).code ===
      'RESOURCE_EXHAUSTED',
  );
  for (const stream of open) stream.close();
  await until(
    async () =>
      (await client.call('ModelInfer', inferRequest('floats', 'x', [Array(3000).fill(1)]))).code ===
      'OK',
  );
});

test('a message that does not arrive in time is DEADLINE_EXCEEDED, and one that lies too large is refused at once', async (t) => {
  const [pod] = await start(t, '--receive-timeout-ms', '50');
  const [slow, large] = (await openCalls(t, pod, 2)) as [ClientHttp2Stream, ClientHttp2Stream];
  const answers = [statusOf(slow), statusOf(large)];
  slow.write(frame(1000, 10));
  // Its length in two pieces.
  const head = frame(2 ** 31, 0);
  large.write(head.subarray(0, 3));
  large.write(head.subarray(3));
  const [late, refused] = await Promise.all(answers);
  assert.deepEqual(late?.code, 4);
  assert.match(decodeURI(late?.text ?? ''), /did not arrive within 50 ms \(--receive-timeout-ms\)/);
  assert.deepEqual(refused?.code, 8);
  assert.match(
    decodeURI(refused?.text ?? ''),
    /2147483648 bytes, more than 8388608; .*--max-body-bytes/,
  );
});

test('a call whose deadline passes, or that is cancelled, leaves the queue and is never run', async (t) => {
  const [pod, client] = await start(t);
  const running = client.call('ModelInfer', LONG);
  await until(async () => (await metric(pod, 'queue_seconds_count')) > 0);
  const abort = new AbortController();
  const cancelled = client.call('ModelInfer', SHORT, { signal: abort.signal });
  const late = await client.call('ModelInfer', SHORT, { deadlineMs: 30 });
  assert.equal(late.code, 'DEADLINE_EXCEEDED');
  abort.abort();
  assert.equal((await cancelled).code, 'CANCELLED');
  assert.equal((await running).code, 'OK');
  assert.equal((await client.call('ModelInfer', SHORT)).code, 'OK');
  // The long one and the last one.
  assert.equal(await metric(pod, 'queue_seconds_count'), 2);
});

test('more connections than may be open are closed, and no other', async (t) => {
  const [pod, client] = await start(t, '--max-connections', '2');
  assert.equal((await client.call('ServerLive', {})).code, 'OK');
  const sockets = [1, 2, 3].map(() => connectTcp(grpcPortOf(pod), '127.0.0.1'));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.race(
    sockets.map((socket) => new Promise((resolve) => socket.resume().once('close', resolve))),
  );
  assert.equal((await client.call('ServerLive', {})).code, 'OK');
});

test('a peer that speaks no HTTP/2, and paths and bytes that no client sends, harm nobody', async (t) => {
  const [pod, client] = await start(t);
  for (const bytes of [
    'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
    '\0'.repeat(5000),
    'PRI * HTTP/2.0\r\n',
  ]) {
    const socket = connectTcp(grpcPortOf(pod), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end(bytes);
    await new Promise((resolve) => socket.resume().once('close', resolve));
  }
  const session = connect(`http://127.0.0.1:${grpcPortOf(pod)}`);
  t.after(() => session.destroy());
  for (const path of ['/inference.GRPCInferenceService/Nothing', '/%ff', '/\u00ff', '/']) {
    const stream = session.request({ ...POST, ':path': path });
    const answer = statusOf(stream);
    stream.end();
    assert.equal((await answer).code, 12, path);
  }
  const plain = session.request({ ...POST, 'content-type': 'text/plain' });
  const headers = new Promise<number>((resolve) => {
    plain.once('response', (response) => resolve(Number(response[':status'])));
  });
  plain.end();
  assert.equal(await headers, 415);
  const answer = await client.call('ModelInfer', ONE);
  assert.deepEqual(floatsOf(answer), [1, 2]);
});

const POST = {
  ':method': 'POST',
  ':path': '/inference.GRPCInferenceService/ModelInfer',
  'content-type': 'application/grpc',
  te: 'trailers',
};

/** Calls of one connection that have sent nothing yet. */
async function openCalls(
  t: TestContext,
  pod: PodProcess,
  count: number,
): Promise<ClientHttp2Stream[]> {
  const session = connect(`http://127.0.0.1:${grpcPortOf(pod)}`);
  t.after(() => session.destroy());
  await new Promise((resolve) => session.once('connect', resolve));
  return Array.from({ length: count }, () => {
    const stream = session.request(POST);
    stream.on('error', () => undefined);
    stream.resume();
    return stream;
  });
}

/** The beginning of a message of `length` bytes. */
function frame(length: number, sent: number): Buffer {
  const bytes = Buffer.alloc(5 + sent);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function statusOf(stream: ClientHttp2Stream): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    const read = (headers: Record<string, unknown>): void => {
      if (headers['grpc-status'] === undefined) return;
      resolve({
        code: Number(headers['grpc-status']),
        text: String(headers['grpc-message'] ?? ''),
      });
    };
    stream.once('response', read);
    stream.once('trailers', read);
    stream.resume();
  });
}

/** A metric of the slow model. */
async function metric(pod: PodProcess, name: string): Promise<number> {
  const text = (await pod.get('/metrics')).json as string;
  const series = `modelweir_inference_${name}{model="slow",version="1"} `;
  const line = text.split('\n').find((each) => each.startsWith(series));
  return Number(line?.slice(series.length) ?? 0);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
