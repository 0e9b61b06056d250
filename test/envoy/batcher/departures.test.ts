/** Clients that hang up at any moment hurt neither the others nor Envoy, which a dead stream would crash. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { after, before, test } from 'node:test';
import { httpLoad } from '../../harness/http-load.ts';
import { randomSource } from '../../harness/random.ts';
import { type BatchingMesh, INFER, startMesh } from './batching-mesh.ts';
import { type ComputeBackend, inferCall, startComputeBackend } from './compute-backend.ts';
import { assertOwnAnswer, batchSize, hangUp, inferRequest } from './infer-client.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const CALL_MS = 8;

let backend: ComputeBackend;
let mesh: BatchingMesh;

before(async () => {
  backend = await startComputeBackend(CALL_MS);
  mesh = await startMesh({ backendPort: backend.port, batching: { maxDelayMs: 30 } });
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

/** Loops of clients that go away, until the signal. Returns how many did. */
async function departures(signal: AbortSignal, clients: number): Promise<number> {
  const random = randomSource(SEED);
  let gone = 0;
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      const request = inferRequest(mesh.url, inferCall(random(1000), 1 + random(4)));
      const share = random(4) === 0 ? random(100) / 100 : 1;
      await hangUp(request, { afterMs: random(3 * CALL_MS), share });
      gone++;
    }
  };
  await Promise.all(Array.from({ length: clients }, loop));
  return gone;
}

test(`1,500 requests are answered while others hang up at random (FUZZ_SEED=${SEED})`, async () => {
  const end = new AbortController();
  const leaving = departures(end.signal, 16);
  const outcomes = await httpLoad({
    connections: 16,
    count: 1_500,
    request: (i) => inferRequest(mesh.url, inferCall(i)),
  });
  end.abort();
  const gone = await leaving;
  assert.equal(mesh.envoy.hasExited, false, mesh.envoy.logs());
  for (const outcome of outcomes) assertOwnAnswer(outcome.answer, inferCall(outcome.index));
  assert.ok(
    outcomes.some((outcome) => batchSize(outcome) > 1),
    'nothing was joined',
  );
  assert.ok(gone > 200, `${gone} clients hung up`);
  assert.ok((await mesh.count('requests_total', 'gone')) > 20, 'too few were held when they left');
});

test(`streams of one HTTP/2 connection are reset at random (FUZZ_SEED=${SEED})`, async () => {
  const random = randomSource(SEED + 1);
  const session = connectHttp2(mesh.url);
  let answered = 0;
  const one = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const call = inferCall(index);
      const leaves = random(3) === 0;
      const stream = session.request({
        ':method': 'POST',
        ':path': INFER,
        'content-type': 'application/json',
      });
      const chunks: Buffer[] = [];
      let status = 0;
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', () => {});
      stream.on('close', () => {
        if (leaves) return resolve();
        try {
          const body = Buffer.concat(chunks);
          assertOwnAnswer({ status, headers: {}, body, latencyMs: 0 }, call);
          answered++;
          resolve();
        } catch (error) {
          reject(error);
        }
      });
      stream.end(JSON.stringify(call));
      if (leaves) setTimeout(() => stream.close(8), random(3 * CALL_MS));
    });
  try {
    for (let round = 0; round < 30; round++) {
      await Promise.all(Array.from({ length: 30 }, (_, i) => one(round * 30 + i)));
    }
  } finally {
    session.destroy();
  }
  assert.equal(mesh.envoy.hasExited, false, mesh.envoy.logs());
  assert.ok(answered > 400, `${answered} answered`);
});

test('a whole batch may leave: the next requests are served as if nothing had been', async () => {
  const agent = new Agent({ keepAlive: false });
  for (let round = 0; round < 20; round++) {
    const leaving = Array.from({ length: 6 }, (_, i) =>
      hangUp(inferRequest(mesh.url, inferCall(i)), { afterMs: CALL_MS / 2 + 1, share: 1 }, agent),
    );
    await Promise.all(leaving);
  }
  const outcomes = await httpLoad({
    connections: 8,
    count: 80,
    request: (i) => inferRequest(mesh.url, inferCall(i)),
  });
  for (const outcome of outcomes) assertOwnAnswer(outcome.answer, inferCall(outcome.index));
  assert.equal(mesh.envoy.hasExited, false, mesh.envoy.logs());
});
