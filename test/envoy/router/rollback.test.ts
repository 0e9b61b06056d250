/**
 * Weights that are changed and at once changed back. Envoy does not configure a machine for a text that it
 * still has a configured filter for, so the machine must not hold the text between for the last one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { until } from '../../harness/until.ts';
import { INFER, trappingMesh } from './trapping-mesh.ts';

const WORKERS = 8;
/** Whether Envoy still has the old filter is a race: a small part of the rollbacks meet it. */
const ROLLBACKS = 300;

test('whoever takes a change of weights back at once has the old weights again', async (t) => {
  const mesh = await trappingMesh(t, { workers: WORKERS });
  const end = new AbortController();
  t.after(() => end.abort());
  const traffic = httpLoad({
    connections: WORKERS,
    count: Number.MAX_SAFE_INTEGER,
    signal: end.signal,
    request: { url: mesh.url + INFER, method: 'POST', body: '{}' },
  });
  for (let i = 0; i < ROLLBACKS; i++) {
    await Promise.all([mesh.moveTo('b'), mesh.moveTo('a')]);
    await until(`all workers choose a again, rollback ${i}`, async () =>
      (await mesh.recovered()).every((name) => name === 'a'),
    );
  }
  end.abort();
  const outcomes = await traffic;
  assert.deepEqual(statusCounts(outcomes), { 200: outcomes.length });
});
