/** Calls that go wrong in a real Envoy: who pays for it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { inferMessage, json, type Message, serve } from '../../unit/batcher/model-server.ts';
import { type Batching, type BatchingMesh, DEADLINE, startMesh } from './batching-mesh.ts';
import { hangUp } from './infer-client.ts';
import {
  type Acting,
  type ModelBackend,
  replyOf,
  requestOf,
  type Served,
  startModelBackend,
  UNAVAILABLE,
} from './model-backend.ts';

const CALL_MS = 60;

interface Parts {
  readonly backend: ModelBackend;
  readonly mesh: BatchingMesh;
}

async function start(
  t: TestContext,
  batching: Batching = {},
  acting: Partial<Acting> = { delayMs: () => CALL_MS },
): Promise<Parts> {
  const backend = await startModelBackend(acting);
  t.after(() => backend.stop());
  const mesh = await startMesh({
    backendPort: backend.port,
    batching: { maxDelayMs: 1_000, ...batching },
  });
  t.after(() => mesh.stop());
  return { backend, mesh };
}

function rowsOf({ message }: Served): number {
  return JSON.parse(message.bytes.toString()).inputs[0].shape[0];
}

/** One that keeps the lane busy, then `count` that share a call. */
function burst({ mesh }: Parts, count: number, message: (i: number) => Message) {
  return httpLoad({
    connections: count + 1,
    count: count + 1,
    request: (i) => requestOf(mesh.url, message(i)),
  });
}

test('one bad request among 16 gets 400 and the others 200, by halves of what Envoy holds', async (t) => {
  const parts = await start(t);
  const message = (i: number) => inferMessage(i, { columns: 500, poisoned: i === 9 });
  const outcomes = await burst(parts, 16, message);
  for (const outcome of outcomes) {
    assert.deepEqual(replyOf(outcome), serve(message(outcome.index)));
  }
  assert.deepEqual(statusCounts(outcomes), { 200: 16, 400: 1 });
  const rows = parts.backend.served.map(rowsOf).toSorted((a, b) => b - a);
  assert.deepEqual(rows, [16, 8, 8, 4, 4, 2, 2, 1, 1, 1]);
  assert.equal(await parts.mesh.count('batches_total', 'refused'), 4);
  assert.equal(await parts.mesh.count('batches_total', 'not_called'), 0);
});

test('a call that fails once is sent again by each member alone', async (t) => {
  let failed = 0;
  const parts = await start(
    t,
    {},
    {
      delayMs: () => CALL_MS,
      instead: (served) => (rowsOf(served) > 1 && failed++ === 0 ? UNAVAILABLE : null),
    },
  );
  const outcomes = await burst(parts, 8, inferMessage);
  for (const outcome of outcomes) {
    assert.deepEqual(replyOf(outcome), serve(inferMessage(outcome.index)));
  }
  assert.equal(await parts.mesh.count('requests_total', 'retried_alone'), 8);
});

test('where the route wants no second try, each member gets what the call got', async (t) => {
  const parts = await start(
    t,
    { retryFailed: false },
    {
      delayMs: () => CALL_MS,
      instead: (served) => (rowsOf(served) > 1 ? UNAVAILABLE : null),
    },
  );
  const outcomes = await burst(parts, 8, inferMessage);
  assert.deepEqual(statusCounts(outcomes), { 200: 1, 503: 8 });
  assert.equal(parts.backend.served.length, 2);
});

test('what all have in common is refused once, for all', async (t) => {
  const denied = json(403, { error: 'not for you' });
  const parts = await start(
    t,
    {},
    {
      delayMs: () => CALL_MS,
      instead: () => denied,
    },
  );
  const outcomes = await burst(parts, 8, inferMessage);
  for (const outcome of outcomes) assert.deepEqual(replyOf(outcome), denied);
  assert.equal(parts.backend.served.length, 2);
});

test('clients with little time are told so in time, and their companions are answered', async (t) => {
  const parts = await start(t, { maxDelayMs: 40 }, { delayMs: () => 400 });
  const { mesh } = parts;
  const wait = (i: number) => (i % 2 === 1 ? { [DEADLINE]: '150' } : {});
  const outcomes = await httpLoad({
    connections: 9,
    count: 9,
    request: (i) => requestOf(mesh.url, inferMessage(i), wait(i)),
  });
  for (const outcome of outcomes) {
    const { index, answer } = outcome;
    // The first went alone: only held requests have a deadline.
    if (index % 2 === 0 || answer?.status === 200) {
      assert.deepEqual(replyOf(outcome), serve(inferMessage(index)));
      continue;
    }
    assert.equal(answer?.status, 504);
    assert.deepEqual(JSON.parse(answer.body.toString()), { error: 'no answer within 150 ms' });
    assert.ok(answer.latencyMs < 400, `${answer.latencyMs} ms`);
  }
  assert.equal(await mesh.count('requests_total', 'timed_out'), 4);
});

test('who cannot make it is refused at once while the backend is known to be slow', async (t) => {
  const { mesh } = await start(t, {}, { delayMs: () => 300 });
  const first = httpLoad({
    connections: 3,
    count: 6,
    request: (i) => requestOf(mesh.url, inferMessage(i)),
  });
  while ((await mesh.count('batches_total', 'answered')) === 0) await new Promise(setImmediate);
  const started = httpLoad({
    connections: 4,
    count: 4,
    request: (i) => requestOf(mesh.url, inferMessage(i), { 'grpc-timeout': '100m' }),
  });
  const statuses = statusCounts(await started);
  assert.ok((statuses[504] ?? 0) >= 3, JSON.stringify(statuses));
  assert.ok((await mesh.count('requests_total', 'too_late')) >= 3);
  await first;
  const idle = requestOf(mesh.url, inferMessage(1), { 'grpc-timeout': '1000m' });
  assert.equal((await exchange(idle)).status, 200, 'an idle lane refuses nobody');
});

test('clients that leave before and after dispatch take nothing from the others', async (t) => {
  const parts = await start(t);
  const { mesh, backend } = parts;
  const request = (i: number) => requestOf(mesh.url, inferMessage(i));
  const others = burst(parts, 6, inferMessage);
  const before = [20, 21].map((i) => hangUp(request(i), { afterMs: CALL_MS / 2, share: 1 }));
  const afterwards = [30, 31].map((i) => hangUp(request(i), { afterMs: 1.5 * CALL_MS, share: 1 }));
  await Promise.all([...before, ...afterwards]);
  for (const outcome of await others) {
    assert.deepEqual(replyOf(outcome), serve(inferMessage(outcome.index)));
  }
  assert.equal(mesh.envoy.hasExited, false);
  const bodies = backend.served.map(({ message }) => message.bytes.toString()).join();
  assert.ok(!bodies.includes('20000') && !bodies.includes('21000'), 'who left early was called');
});
