/**
 * A request that makes a batch go may find companions in it whose time is up. They are told so, and that must
 * do nothing to the request whose body is coming in: for Envoy, whoever answers anybody in a callback stops the
 * request of that callback, and keeps nothing of its body.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import type { Answer } from '../../harness/http-load.ts';
import { inferMessage, type Message, serve } from '../../unit/batcher/model-server.ts';
import { type BatchingMesh, DEADLINE, INFER, startMesh } from './batching-mesh.ts';
import { type ModelBackend, requestOf, startModelBackend } from './model-backend.ts';

const CALL_MS = 500;
const WAITS_MS = 60;
/** A quarter of it is between two ticks: none comes before the batch is full. */
const MAX_DELAY_MS = 4_000;
const MANY_ROWS = 4;

type Send = (message: Message, headers?: Record<string, string>) => Promise<Answer>;

/** One on its way, one held that waits only a little and, once its time is up, what fills the batch. */
async function fillBehindLate(t: TestContext, isHttp2: boolean, last: readonly Message[]) {
  const backend: ModelBackend = await startModelBackend({ delayMs: () => CALL_MS });
  t.after(() => backend.stop());
  const mesh = await startMesh({
    backendPort: backend.port,
    batching: { maxDelayMs: MAX_DELAY_MS, maxRows: MANY_ROWS + 1 },
  });
  t.after(() => mesh.stop());
  const send = isHttp2 ? http2Sender(t, mesh) : http1Sender(mesh);
  const first = send(inferMessage(1));
  while (backend.served.length === 0) await delay(1);
  const late = send(inferMessage(2), { [DEADLINE]: String(WAITS_MS) });
  await delay(2 * WAITS_MS);
  const others: Promise<Answer>[] = [];
  for (const message of last) {
    others.push(send(message));
    await delay(20);
  }
  const answers = await Promise.all(others);
  assert.equal((await first).status, 200);
  assert.equal((await late).status, 504);
  for (const [i, answer] of answers.entries()) {
    const alone = serve(last[i] as Message);
    assert.equal(answer.status, alone.status, `${answer.status} after ${answer.latencyMs} ms`);
    assert.deepEqual(answer.body, alone.bytes);
  }
  assert.equal(mesh.envoy.hasExited, false, mesh.envoy.logs());
}

function http1Sender(mesh: BatchingMesh): Send {
  return async (message, headers = {}) => await exchange(requestOf(mesh.url, message, headers));
}

/** Bodies whose only frame ends the stream. */
function http2Sender(t: TestContext, mesh: BatchingMesh): Send {
  const session = connect(mesh.url);
  t.after(() => session.destroy());
  return (message, headers = {}) =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      const type = { 'content-type': 'application/json' };
      const stream = session.request({ ':method': 'POST', ':path': INFER, ...type, ...headers });
      const chunks: Buffer[] = [];
      let status = 0;
      stream.on('response', (got) => {
        status = Number(got[':status']);
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('close', () => {
        const latencyMs = performance.now() - started;
        resolve({ status, headers: {}, body: Buffer.concat(chunks), latencyMs });
      });
      stream.end(message.bytes);
    });
}

for (const isHttp2 of [false, true]) {
  const version = isHttp2 ? 'HTTP/2' : 'HTTP/1.1';

  test(`over ${version}, one that is left alone by late companions goes on at once`, async (t) => {
    await fillBehindLate(t, isHttp2, [inferMessage(3, { rows: MANY_ROWS })]);
  });

  test(`over ${version}, the body of one that joins behind late companions can be read again`, async (t) => {
    // Four in a call, so that its halves are calls, too.
    for (const bad of [0, 3]) {
      const last = [3, 4, 5, 6].map((owner, i) => inferMessage(owner, { poisoned: i === bad }));
      await fillBehindLate(t, isHttp2, last);
    }
  });
}
