/** Concurrent requests share calls, each gets its own answer, and whoever may not share does not. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { type BatchingMesh, INFER, SERVED_INFER, startMesh } from './batching-mesh.ts';
import { type ComputeBackend, inferCall, POISON, startComputeBackend } from './compute-backend.ts';
import { assertOwnAnswer, batchSize, inferRequest } from './infer-client.ts';

const CALL_MS = 10;

let backend: ComputeBackend;
let mesh: BatchingMesh;

before(async () => {
  backend = await startComputeBackend(CALL_MS);
  mesh = await startMesh({ backendPort: backend.port, batching: { maxDelayMs: 1_000 } });
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

beforeEach(() => {
  backend.rows.length = 0;
});

test('requests of 32 clients share calls, and each gets its own rows', async () => {
  const calls = (i: number) => inferCall(i, 1 + (i % 3));
  const outcomes = await httpLoad({
    connections: 32,
    count: 600,
    request: (i) => inferRequest(mesh.url, calls(i)),
  });
  for (const outcome of outcomes) assertOwnAnswer(outcome.answer, calls(outcome.index));
  assert.ok(backend.rows.length < 200, `${backend.rows.length} calls for 600 requests`);
  assert.ok(Math.max(...backend.rows) <= 32, `a call had ${Math.max(...backend.rows)} rows`);
  assert.ok(outcomes.some((outcome) => batchSize(outcome) > 4));
  const total = backend.rows.reduce((sum, rows) => sum + rows, 0);
  assert.equal(
    total,
    outcomes.reduce((sum, { index }) => sum + 1 + (index % 3), 0),
  );
});

test('a joined call looks to the backend like any other, and its cookie is shared with nobody', async () => {
  const outcomes = await httpLoad({
    connections: 8,
    count: 40,
    request: (i) => inferRequest(mesh.url, inferCall(i), { authorization: 'Bearer ann' }),
  });
  const joined = outcomes.find((outcome) => batchSize(outcome) > 1);
  assert.ok(joined?.answer);
  assert.equal(joined.answer.headers['x-served-path'], SERVED_INFER);
  assert.equal(joined.answer.headers['content-type'], 'application/json');
  assert.equal(joined.answer.headers['x-modelweir-variant'], 'stable');
  assert.equal(joined.answer.headers['set-cookie'], undefined);
  for (const { path, headers, method, body } of backend.requests) {
    assert.equal(method, 'POST');
    assert.equal(path, SERVED_INFER);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(Number(headers['content-length']), body.length);
    const reserved = Object.keys(headers).filter((name) => name.startsWith('x-modelweir-'));
    assert.deepEqual(reserved, []);
  }
  assert.equal(backend.requests.at(-1)?.headers.authorization, 'Bearer ann');
});

test('callers with different identities never share a call', async () => {
  const callers = ['Bearer ann', 'Bearer bob', 'Bearer eve'];
  const seen = backend.requests.length;
  const outcomes = await httpLoad({
    connections: 24,
    count: 240,
    request: (i) =>
      inferRequest(mesh.url, inferCall(i), { authorization: callers[i % callers.length] }),
  });
  for (const outcome of outcomes) assertOwnAnswer(outcome.answer, inferCall(outcome.index));
  assert.ok(outcomes.some((outcome) => batchSize(outcome) > 1));
  for (const { headers, body } of backend.requests.slice(seen)) {
    const caller = callers.indexOf(headers.authorization ?? '');
    const data: number[] = JSON.parse(body.toString()).inputs[0].data;
    for (const value of data) assert.equal(Math.floor(value / 1000) % callers.length, caller);
  }
});

test('a lone request goes its own way, at once', async () => {
  for (let i = 0; i < 3; i++) {
    const answer = await exchange(inferRequest(mesh.url, inferCall(i)));
    assertOwnAnswer(answer, inferCall(i));
    assert.equal(answer.headers['x-modelweir-batch-size'], undefined);
    assert.deepEqual(answer.headers['set-cookie'], ['session=1']);
  }
  assert.deepEqual(backend.rows, [1, 1, 1]);
});

test('a request that the backend refuses fails alone, with the backend’s own error', async () => {
  const isBad = (i: number) => i % 10 === 3;
  const call = (i: number) => {
    const good = inferCall(i);
    const [input] = good.inputs;
    if (!isBad(i) || !input) return good;
    return { ...good, inputs: [{ ...input, data: [1, POISON, 3, 4] }] };
  };
  const outcomes = await httpLoad({
    connections: 16,
    count: 200,
    request: (i) => inferRequest(mesh.url, call(i)),
  });
  for (const { index, answer } of outcomes) {
    if (!isBad(index)) assertOwnAnswer(answer, call(index));
    else {
      assert.equal(answer?.status, 400);
      assert.match(answer.body.toString(), /666 is not allowed/);
    }
  }
  assert.ok((await mesh.count('batches_total', 'refused')) > 0, 'no batch had a bad member');
  assert.ok((await mesh.count('requests_total', 'retried_alone')) > 0);
});

const UNTOUCHED: readonly { name: string; path?: string; type?: string; body: string }[] = [
  { name: 'broken JSON', body: '{"inputs":[' },
  { name: 'a field that nobody knows', body: JSON.stringify({ ...inferCall(1), extra: true }) },
  { name: 'another content type', type: 'text/plain', body: JSON.stringify(inferCall(1)) },
];

for (const { name, type, body } of UNTOUCHED) {
  test(`requests with ${name} reach the backend one by one, unchanged`, async () => {
    const seen = backend.requests.length;
    const outcomes = await httpLoad({
      connections: 8,
      count: 40,
      request: {
        url: mesh.url + INFER,
        method: 'POST',
        headers: { 'content-type': type ?? 'application/json' },
        body,
      },
    });
    assert.equal(outcomes.filter(({ answer }) => answer === null).length, 0);
    const bodies = backend.requests.slice(seen).map((request) => request.body.toString());
    assert.deepEqual(
      bodies,
      outcomes.map(() => body),
    );
  });
}

test('nothing is held beyond the memory that is allowed: the rest goes unbatched', async () => {
  await mesh.update({ maxDelayMs: 1_000 }, 8_192);
  const before = await mesh.count('requests_total', 'out_of_memory');
  let outcomes = await httpLoad({
    connections: 32,
    count: 400,
    request: (i) => inferRequest(mesh.url, inferCall(i)),
  });
  for (const outcome of outcomes) assertOwnAnswer(outcome.answer, inferCall(outcome.index));
  assert.ok((await mesh.count('requests_total', 'out_of_memory')) > before);
  await mesh.update({ maxDelayMs: 1_000, maxBytes: 500 });
  outcomes = await httpLoad({
    connections: 16,
    count: 200,
    request: (i) => inferRequest(mesh.url, inferCall(i, i % 2 === 0 ? 1 : 40)),
  });
  for (const { index, answer } of outcomes) {
    assertOwnAnswer(answer, inferCall(index, index % 2 === 0 ? 1 : 40));
  }
  assert.ok((await mesh.count('requests_total', 'too_large')) > 0);
});

test('a backend that dies in the middle of a batch fails its requests and no others', async () => {
  const own = await startComputeBackend(100);
  const broken = await startMesh({ backendPort: own.port, batching: { maxDelayMs: 1_000 } });
  try {
    const load = httpLoad({
      connections: 8,
      count: 8,
      request: (i) => inferRequest(broken.url, inferCall(i)),
    });
    while (own.rows.length < 1) await new Promise(setImmediate);
    await own.stop();
    const counts = statusCounts(await load);
    assert.deepEqual(counts, { 503: 8 }, 'each gets what Envoy answers for a dead backend');
    assert.equal(broken.envoy.hasExited, false);
  } finally {
    await broken.stop();
    await own.stop();
  }
});

test('a batch that gets no answer in time is answered with 504 in the protocol’s shape', async () => {
  const slow = await startComputeBackend(2_000);
  const timed = await startMesh({
    backendPort: slow.port,
    batching: { maxDelayMs: 100, timeoutMs: 200 },
  });
  try {
    const outcomes = await httpLoad({
      connections: 6,
      count: 6,
      request: (i) => inferRequest(timed.url, inferCall(i)),
    });
    const late = outcomes.filter(({ answer }) => answer?.status === 504);
    assert.equal(late.length, 5, JSON.stringify(statusCounts(outcomes)));
    for (const { answer } of late) {
      assert.equal(answer?.headers['content-type'], 'application/json');
      assert.deepEqual(JSON.parse(answer.body.toString()), { error: 'no answer within 200 ms' });
    }
  } finally {
    await timed.stop();
    await slow.stop();
  }
});
