/**
 * A filter that traps takes its VM with it, and all requests that this held. They must end, soon, and
 * everybody else must be served. The batcher here is a build of the tests that traps when it is told to.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { type BatchingMesh, startMesh } from './batching-mesh.ts';
import { inferCall, startComputeBackend } from './compute-backend.ts';
import { assertOwnAnswer, batchSize, inferRequest } from './infer-client.ts';

const TRAFFIC_MS = 4_000;
const POISON_EVERY_MS = 150;
/** Ends what a dead VM holds. */
const IDLE_TIMEOUT_MS = 1_000;
/** What a request may wait that a dying VM held. */
const MAX_WAIT_MS = 2_000;

/** Sends poison until the signal; returns the statuses that it got. */
async function poison(mesh: BatchingMesh, signal: AbortSignal): Promise<number[]> {
  const statuses: number[] = [];
  while (!signal.aborted) {
    const request = inferRequest(mesh.url, inferCall(0), { 'x-test-poison': 'trap' });
    statuses.push((await exchange(request)).status);
    await delay(POISON_EVERY_MS);
  }
  return statuses;
}

/** One clean client after the other until the signal. Returns the longest time without a 200, in ms. */
async function longestGap(mesh: BatchingMesh, signal: AbortSignal): Promise<number> {
  let last = performance.now();
  let longest = 0;
  while (!signal.aborted) {
    const request = inferRequest(mesh.url, inferCall(7), { authorization: 'Bearer clean' });
    const answer = await exchange(request);
    if (answer.status !== 200) continue;
    assertOwnAnswer(answer, inferCall(7));
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }
  return Math.max(longest, performance.now() - last);
}

test('poison that traps the filter again and again hangs nobody and stops nobody', async () => {
  const backend = await startComputeBackend(20);
  const mesh = await startMesh({
    backendPort: backend.port,
    batching: { maxDelayMs: 100 },
    module: 'test-modules/poison-batcher',
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  try {
    const end = new AbortController();
    const poisoning = poison(mesh, end.signal);
    const serving = longestGap(mesh, end.signal);
    const outcomes = await httpLoad({
      connections: 16,
      count: Number.MAX_SAFE_INTEGER,
      maxMs: TRAFFIC_MS,
      request: (i) => inferRequest(mesh.url, inferCall(i)),
    });
    end.abort();
    const poisoned = await poisoning;
    const gap = await serving;
    assert.equal(mesh.envoy.hasExited, false, mesh.envoy.logs());
    assert.ok(gap < MAX_WAIT_MS, `no clean request was served for ${gap} ms`);
    assert.ok(poisoned.length > 10, `${poisoned.length} poison requests`);
    assert.deepEqual([...new Set(poisoned)], [503]);
    const counts = statusCounts(outcomes);
    assert.deepEqual(
      Object.keys(counts).filter((status) => !['200', '503', '504'].includes(status)),
      [],
    );
    for (const { index, answer } of outcomes) {
      assert.ok(
        answer && answer.latencyMs < MAX_WAIT_MS,
        `${index} waited ${answer?.latencyMs} ms`,
      );
      if (answer.status === 200) assertOwnAnswer(answer, inferCall(index));
    }
    const ended = outcomes.filter(({ answer }) => answer?.status !== 200);
    const held = ended.filter(({ answer }) => (answer?.latencyMs ?? 0) > IDLE_TIMEOUT_MS / 2);
    assert.ok(held.length > 0, 'no request was held by a VM that died');
    assert.ok(
      outcomes.some((outcome) => batchSize(outcome) > 1),
      'nothing was held for a batch',
    );
    const clean = await exchange(inferRequest(mesh.url, inferCall(1)));
    assertOwnAnswer(clean, inferCall(1));
  } finally {
    await mesh.stop();
    await backend.stop();
  }
});
