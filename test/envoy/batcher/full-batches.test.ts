/**
 * A batch that is full goes while the body of its last member comes in, and its call may be over before that
 * callback is: a breaker refuses it at once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { inferMessage, serve as served } from '../../unit/batcher/model-server.ts';
import { modelBackend, modelRoute, serve } from '../protocols/resources.ts';
import { samples, sum } from '../splitting/prometheus.ts';
import { replyOf, requestOf, startModelBackend } from './model-backend.ts';

const CALL_MS = 200;
const CLIENTS = 9;

for (const retryFailed of [true, false]) {
  const how = retryFailed ? 'with' : 'without';
  test(`a full batch whose call is refused at once leaves nobody waiting, ${how} a second try`, async (t) => {
    const backend = await startModelBackend({ delayMs: () => CALL_MS });
    t.after(() => backend.stop());
    const mesh = await serve([
      modelBackend('digits', backend.port, { protocol: 'OpenInference', maxRequests: 1 }),
      modelRoute('digits', ['digits'], ['digits'], {
        batching: { maxDelayMs: 1_000, maxRows: 4, retryFailed },
        timeoutMs: 6_000,
      }),
    ]);
    t.after(() => mesh.stop());
    const outcomes = await httpLoad({
      connections: CLIENTS,
      count: CLIENTS,
      request: (i) => requestOf(mesh.url, inferMessage(i)),
    });
    // One takes all that the breaker allows, and the batches of four find nothing left.
    assert.deepEqual(statusCounts(outcomes), { 200: 1, 503: CLIENTS - 1 });
    for (const outcome of outcomes) {
      if (outcome.answer?.status !== 200) continue;
      assert.deepEqual(replyOf(outcome), served(inferMessage(outcome.index)));
    }
    const slowest = Math.max(...outcomes.map(({ answer }) => answer?.latencyMs ?? Infinity));
    assert.ok(slowest < 3_000, `one waited for ${slowest} ms`);
    assert.equal(mesh.envoy.hasExited, false, mesh.logs());
    const all = await samples(mesh.envoy);
    const [failed = 0, notCalled = 0] = ['failed', 'not_called'].map((outcome) =>
      sum(all, 'modelweir_batcher_batches_total', { outcome }),
    );
    assert.equal(failed + notCalled, 2);
    assert.ok(notCalled > 0, 'no call was refused at once');
  });
}
