/** An Envoy that is drained, or gets another configuration, while requests are held and calls are under way. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { httpLoad, type Outcome, statusCounts } from '../../harness/http-load.ts';
import { type Batching, type BatchingMesh, startMesh } from './batching-mesh.ts';
import { type ComputeBackend, inferCall, startComputeBackend } from './compute-backend.ts';
import { assertOwnAnswer, batchSize, inferRequest } from './infer-client.ts';

const CALL_MS = 300;
/** One on its own way, the others held for its end. */
const CLIENTS = 9;

interface Parts {
  readonly backend: ComputeBackend;
  readonly mesh: BatchingMesh;
}

async function start(t: TestContext, batching: Batching = {}): Promise<Parts> {
  const backend = await startComputeBackend(CALL_MS);
  t.after(() => backend.stop());
  const mesh = await startMesh({
    backendPort: backend.port,
    batching: { maxDelayMs: 1_000, ...batching },
  });
  t.after(() => mesh.stop());
  return { backend, mesh };
}

/** Of `rounds` requests a client; `event` comes while the first is on its way and the others are held. */
async function loadAround(
  { backend, mesh }: Parts,
  event: () => Promise<unknown>,
  rounds = 1,
): Promise<readonly Outcome[]> {
  const seen = backend.rows.length;
  const load = httpLoad({
    connections: CLIENTS,
    count: CLIENTS * rounds,
    request: (i) => inferRequest(mesh.url, inferCall(i)),
  });
  while (backend.rows.length === seen) await delay(5);
  await delay(CALL_MS / 3);
  await event();
  return await load;
}

async function tell(mesh: BatchingMesh, path: string): Promise<void> {
  const { status, body } = await exchange({ url: mesh.envoy.url + path, method: 'POST' });
  assert.equal(status, 200, body.toString());
}

async function assertAllServed({ mesh }: Parts, outcomes: readonly Outcome[]): Promise<void> {
  for (const outcome of outcomes) assertOwnAnswer(outcome.answer, inferCall(outcome.index));
  assert.ok(
    outcomes.some((outcome) => batchSize(outcome) > 1),
    'nothing was joined',
  );
  assert.equal(mesh.envoy.hasExited, false, mesh.envoy.logs());
  assert.equal((await mesh.envoy.stats()).get('server.envoy_bug_failures') ?? 0, 0);
}

for (const path of ['/drain_listeners?graceful', '/drain_listeners?graceful&skip_exit']) {
  test(`all are answered while Envoy drains gracefully: ${path}`, async (t) => {
    const parts = await start(t);
    const outcomes = await loadAround(parts, () => tell(parts.mesh, path), 4);
    await assertAllServed(parts, outcomes);
  });
}

test('all are answered, and told to come back elsewhere, while Envoy fails its health check', async (t) => {
  const parts = await start(t);
  const outcomes = await loadAround(parts, () => tell(parts.mesh, '/healthcheck/fail'), 4);
  await assertAllServed(parts, outcomes);
  const joined = outcomes.filter((outcome) => batchSize(outcome) > 1);
  const closed = joined.filter(({ answer }) => answer?.headers.connection === 'close');
  assert.equal(closed.length, joined.length, 'whoever shared a call closes its connection, too');
});

test('what is held is answered though the listener is gone', async (t) => {
  const parts = await start(t);
  const { mesh } = parts;
  const outcomes = await loadAround(parts, () => tell(mesh, '/drain_listeners'));
  await assertAllServed(parts, outcomes);
  assert.equal(statusCounts(outcomes)[200], CLIENTS);
  await assert.rejects(exchange(inferRequest(mesh.url, inferCall(1))), 'it takes no one any more');
});

test('a configuration of other limits hurts nobody who is held, and holds for those who come after it', async (t) => {
  const parts = await start(t);
  const { backend, mesh } = parts;
  const outcomes = await loadAround(parts, () => mesh.update({ maxDelayMs: 1_000, maxRows: 2 }));
  await assertAllServed(parts, outcomes);
  assert.deepEqual(backend.rows, [1, CLIENTS - 1], 'they were held by the configuration before');
  backend.rows.length = 0;
  await assertAllServed(parts, await loadAround(parts, async () => {}));
  assert.equal(Math.max(...backend.rows), 2);
});

test('configurations that come one after the other leave nobody behind', async (t) => {
  const parts = await start(t);
  const outcomes = await loadAround(
    parts,
    async () => {
      for (let i = 0; i < 12; i++) {
        await parts.mesh.update({ maxDelayMs: 900 + i, maxInFlight: 1 + (i % 2) });
        await delay(CALL_MS / 4);
      }
    },
    6,
  );
  await assertAllServed(parts, outcomes);
});
