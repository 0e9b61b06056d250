/**
 * Everything at once: requests of all kinds, clients that hang up, members that are refused, a backend that is
 * slow and fails, deadlines, and configuration updates. Every client that stays gets its own right answer.
 * `MODELWEIR_LONG=1` makes it 100,000 requests.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpLoad, type Outcome } from '../../harness/http-load.ts';
import { randomSource } from '../../harness/random.ts';
import {
  binaryMessage,
  embeddingsMessage,
  inferMessage,
  instancesMessage,
  type Message,
  serve,
} from '../../unit/batcher/model-server.ts';
import { type BatchingMesh, DEADLINE, startMesh } from './batching-mesh.ts';
import { batchSize, hangUp } from './infer-client.ts';
import {
  type ModelBackend,
  replyOf,
  requestOf,
  type Served,
  startModelBackend,
  UNAVAILABLE,
} from './model-backend.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const REQUESTS = process.env['MODELWEIR_LONG'] === '1' ? 100_000 : 10_000;
const CONNECTIONS = 32;
const LEAVING = 8;
/** Of one request at most: only calls of more fail, so that no request would alone. */
const MAX_ROWS = 3;
const SHORT_MS = 40;

/** `served`: as the backend knows the model, which some answers name. */
function messageOf(i: number, served = false): Message {
  const asking = {
    rows: 1 + (i % MAX_ROWS),
    withId: i % 5 > 0,
    poisoned: i % 23 === 4,
    model: served ? 'served' : 'digits',
  };
  const kind = (i >> 2) % 4;
  if (kind === 0) return inferMessage(i, asking);
  if (kind === 1) return binaryMessage(i, asking, i % 3 > 0);
  return kind === 2 ? instancesMessage(i, asking) : embeddingsMessage(i, asking);
}

function rowsOf({ bytes, jsonBytes }: Message): number {
  const head = jsonBytes < 0 ? bytes : bytes.subarray(0, jsonBytes);
  const { inputs, instances, input } = JSON.parse(head.toString());
  return inputs?.[0].shape[0] ?? instances?.length ?? (Array.isArray(input) ? input.length : 1);
}

function isShort(i: number): boolean {
  return i % 11 === 3;
}

function requestFor(mesh: BatchingMesh, i: number) {
  return requestOf(mesh.url, messageOf(i), {
    authorization: `Bearer ${i % 2}`,
    ...(isShort(i) && { [DEADLINE]: String(SHORT_MS) }),
  });
}

async function leave(mesh: BatchingMesh, signal: AbortSignal, seed: number): Promise<number> {
  const random = randomSource(seed);
  let gone = 0;
  while (!signal.aborted) {
    const request = requestFor(mesh, random(10_000));
    const share = random(4) === 0 ? random(100) / 100 : 1;
    await hangUp(request, { afterMs: random(40), share });
    gone++;
  }
  return gone;
}

async function update(mesh: BatchingMesh, signal: AbortSignal): Promise<number> {
  let updates = 0;
  while (!signal.aborted) {
    updates++;
    await mesh.update({
      maxDelayMs: 2 + (updates % 30),
      maxRows: 8 + (updates % 40),
      maxInFlight: 1 + (updates % 3),
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return updates;
}

function assertRight(outcome: Outcome): void {
  const { index, answer, error } = outcome;
  assert.ok(answer, `request ${index}: ${error}`);
  if (isShort(index) && answer.status === 504) return;
  assert.deepEqual(replyOf(outcome), serve(messageOf(index, true)), `request ${index}`);
}

test(`${REQUESTS} requests in a storm get their own right answers (FUZZ_SEED=${SEED})`, async () => {
  const random = randomSource(SEED);
  const backend: ModelBackend = await startModelBackend({
    delayMs: () => (random(10) === 0 ? 30 + random(60) : random(8)),
    instead: ({ message }: Served) =>
      rowsOf(message) > MAX_ROWS && random(10) === 0 ? UNAVAILABLE : null,
  });
  const mesh = await startMesh({ backendPort: backend.port });
  try {
    const end = new AbortController();
    const leaving = Array.from({ length: LEAVING }, (_, i) => leave(mesh, end.signal, SEED + i));
    const updating = update(mesh, end.signal);
    const outcomes = await httpLoad({
      connections: CONNECTIONS,
      count: REQUESTS,
      maxMs: 240_000,
      request: (i) => requestFor(mesh, i),
    });
    end.abort();
    const gone = (await Promise.all(leaving)).reduce((sum, count) => sum + count, 0);
    const updates = await updating;
    assert.equal(mesh.envoy.hasExited, false, mesh.envoy.logs());
    assert.equal(outcomes.length, REQUESTS);
    for (const outcome of outcomes) assertRight(outcome);
    const joined = outcomes.filter((outcome) => batchSize(outcome) > 1).length;
    assert.ok(joined > REQUESTS / 10, `${joined} were joined`);
    assert.ok(gone > REQUESTS / 20, `${gone} hung up`);
    assert.ok(updates > 3, `${updates} updates`);
    for (const outcome of ['answered', 'refused', 'failed']) {
      assert.ok((await mesh.count('batches_total', outcome)) > 0, `no call was ${outcome}`);
    }
    assert.equal(await mesh.count('batches_total', 'not_called'), 0);
  } finally {
    await mesh.stop();
    await backend.stop();
  }
});
