/** Servers and clients that break off in the middle: nobody gets a wrong answer, two answers, or none. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, httpLoad, statusCounts } from '../../harness/http-load.ts';
import { type Batching, type BatchingMesh, INFER, startMesh } from './batching-mesh.ts';
import { expectedAnswer, type InferCall, inferCall } from './compute-backend.ts';
import { assertOwnAnswer, batchSize, inferRequest } from './infer-client.ts';

const CALL_MS = 60;
const CLIENTS = 9;
const HEAD_END = '\r\n\r\n';

/** Writes something instead of the whole answer to a joined call. */
type Broken = (whole: string, socket: Socket) => void;

interface RawBackend {
  readonly port: number;
  /** Rows of each call so far. */
  readonly rows: number[];
}

/** Answers requests of one row; those of more get what `broken` makes of their answer. */
async function startRawBackend(t: TestContext, broken: Broken): Promise<RawBackend> {
  const rows: number[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    let received = '';
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('data', async (data: string) => {
      received += data;
      const call = bodyOf(received);
      if (call === null) return;
      received = '';
      const size = call.inputs[0]?.shape[0] ?? 0;
      rows.push(size);
      await delay(CALL_MS);
      const body = JSON.stringify(expectedAnswer(call));
      const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
      const whole = `${head}content-length: ${body.length}${HEAD_END}${body}`;
      if (size > 1) broken(whole, socket);
      else socket.write(whole);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, rows };
}

/** Of a whole request; null: more has to come. */
function bodyOf(received: string): InferCall | null {
  const end = received.indexOf(HEAD_END);
  const length = Number(/content-length: (\d+)/i.exec(received)?.[1]);
  const body = received.slice(end + HEAD_END.length);
  return end < 0 || body.length < length ? null : JSON.parse(body);
}

async function start(t: TestContext, broken: Broken, batching: Batching = {}) {
  const backend = await startRawBackend(t, broken);
  const mesh = await startMesh({
    backendPort: backend.port,
    batching: { maxDelayMs: 1_000, timeoutMs: 1_000, ...batching },
  });
  t.after(() => mesh.stop());
  return { backend, mesh };
}

function load(mesh: BatchingMesh) {
  return httpLoad({
    connections: CLIENTS,
    count: CLIENTS,
    request: (i) => inferRequest(mesh.url, inferCall(i)),
  });
}

async function assertUnhurt(mesh: BatchingMesh): Promise<void> {
  assert.equal(mesh.envoy.hasExited, false, mesh.envoy.logs());
  const stats = await mesh.envoy.stats(/downstream_rq_active$|envoy_bug_failures$/);
  for (const [name, value] of stats) {
    if (!name.startsWith('http.admin.')) assert.equal(value, 0, name);
  }
}

const BREAKS: readonly { name: string; broken: Broken }[] = [
  {
    name: 'resets the connection before its answer',
    broken: (_, socket) => socket.resetAndDestroy(),
  },
  {
    name: 'resets the connection behind the headers',
    broken: (whole, socket) =>
      socket.write(whole.slice(0, whole.indexOf(HEAD_END) + HEAD_END.length), () =>
        setTimeout(() => socket.resetAndDestroy(), 20),
      ),
  },
  {
    name: 'closes the connection in the middle of its answer',
    broken: (whole, socket) => socket.end(whole.slice(0, -20)),
  },
  { name: 'speaks no HTTP', broken: (_, socket) => socket.end('what?\r\n\r\n') },
];

for (const { name, broken } of BREAKS) {
  test(`a server that ${name} is asked once more, by each alone`, async (t) => {
    const { backend, mesh } = await start(t, broken);
    for (const outcome of await load(mesh)) {
      assertOwnAnswer(outcome.answer, inferCall(outcome.index));
      assert.equal(batchSize(outcome), 1);
    }
    const calls = backend.rows.toSorted((a, b) => b - a);
    assert.deepEqual(calls, [CLIENTS - 1, ...Array.from({ length: CLIENTS }, () => 1)]);
    await assertUnhurt(mesh);
  });

  test(`a server that ${name} fails the call where the route wants no second try`, async (t) => {
    const { backend, mesh } = await start(t, broken, { retryFailed: false });
    const counts = statusCounts(await load(mesh));
    assert.equal(counts[200], 1);
    assert.equal(
      Object.values(counts).reduce((sum, count) => sum + count, 0),
      CLIENTS,
    );
    assert.deepEqual(
      Object.keys(counts).filter((status) => !['200', '502', '503', '504'].includes(status)),
      [],
    );
    assert.equal(backend.rows.length, 2);
    await assertUnhurt(mesh);
  });
}

test('an answer that never ends is over with the batch’s own time, for all', async (t) => {
  const half: Broken = (whole, socket) => socket.write(whole.slice(0, -20));
  const { mesh } = await start(t, half, { timeoutMs: 400 });
  const outcomes = await load(mesh);
  for (const { answer, index } of outcomes) {
    assert.ok((answer?.latencyMs ?? 0) < 2_000);
    // Where a busy Envoy ends the call early, its members have time left, and go alone.
    if (answer?.status !== 504) assertOwnAnswer(answer, inferCall(index));
  }
  await assertUnhurt(mesh);
});

test('a client that sends its body slowly keeps nobody, and is served when it is done', async (t) => {
  const { mesh } = await start(t, (whole, socket) => socket.write(whole), { timeoutMs: 300 });
  const busy = load(mesh);
  const slow = slowRequest(mesh, inferCall(77), 700);
  for (const outcome of await busy) assertOwnAnswer(outcome.answer, inferCall(outcome.index));
  assertOwnAnswer(await slow, inferCall(77));
  await assertUnhurt(mesh);
});

/** Half of its body at once and the rest so much later. */
function slowRequest(mesh: BatchingMesh, call: InferCall, afterMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const body = Buffer.from(JSON.stringify(call));
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const outgoing = request(mesh.url + INFER, { method: 'POST', headers }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      const { statusCode = 0, headers: got } = response;
      resolve({ status: statusCode, headers: got, body: Buffer.concat(chunks), latencyMs: 0 });
    });
    outgoing.on('error', reject);
    outgoing.write(body.subarray(0, body.length / 2));
    setTimeout(() => outgoing.end(body.subarray(body.length / 2)), afterMs);
  });
}
