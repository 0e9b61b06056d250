/** A request that goes its own way ends with its caller's time, as one that is held does. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { httpLoad } from '../../harness/http-load.ts';
import { type BatchingMesh, DEADLINE, startMesh } from './batching-mesh.ts';
import { type ComputeBackend, inferCall, startComputeBackend } from './compute-backend.ts';
import { assertOwnAnswer, batchSize, inferRequest } from './infer-client.ts';

/** Far beyond what the impatient wait, and far below the route's timeout. */
const CALL_MS = 1_000;
const WAITS_MS = 100;

let backend: ComputeBackend;
let mesh: BatchingMesh;

before(async () => {
  backend = await startComputeBackend(CALL_MS);
  mesh = await startMesh({ backendPort: backend.port });
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

for (const [name, headers] of [
  ['the route’s header', { [DEADLINE]: String(WAITS_MS) }],
  ['grpc-timeout', { 'grpc-timeout': `${WAITS_MS}m` }],
] as const) {
  test(`a lone request gets 504 when the time in ${name} is over`, async () => {
    const request = inferRequest(mesh.url, inferCall(1), headers);
    const [outcome] = await httpLoad({ request, connections: 1, count: 1 });
    assert.equal(outcome?.answer?.status, 504);
    assert.equal(await mesh.count('requests_total', 'timed_out'), 0);
  });
}

test('one that has the time gets its answer', async () => {
  const headers = { [DEADLINE]: String(CALL_MS * 4) };
  const request = inferRequest(mesh.url, inferCall(2), headers);
  const [outcome] = await httpLoad({ request, connections: 1, count: 1 });
  assert.ok(outcome);
  assertOwnAnswer(outcome.answer, inferCall(2));
  assert.equal(batchSize(outcome), 1);
});
