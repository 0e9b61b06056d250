/** Configurations change under traffic: no request is lost, and memory stays flat. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { httpLoad } from '../../harness/http-load.ts';
import { startMesh } from './batching-mesh.ts';
import { inferCall, startComputeBackend } from './compute-backend.ts';
import { assertOwnAnswer, batchSize, inferRequest } from './infer-client.ts';

const UPDATES = 240;
/** Updates before memory is first read: heaps and caches have found their size by then. */
const WARM_UP = 60;
/** A leak of one configuration's VM would be over 1 MB at each update. */
const MAX_GROWTH_KB = 24_000;
const PAGE_KB = 4;

/** Resident memory of a process; 0 where the system does not tell. */
function residentKb(pid: number): number {
  const file = `/proc/${pid}/statm`;
  if (!existsSync(file)) return 0;
  return Number(readFileSync(file, 'utf8').split(' ')[1]) * PAGE_KB;
}

test(`${UPDATES} configuration updates under traffic lose no request and keep memory flat`, async () => {
  const backend = await startComputeBackend(2);
  const mesh = await startMesh({ backendPort: backend.port });
  try {
    const end = new AbortController();
    const load = httpLoad({
      connections: 12,
      count: Number.MAX_SAFE_INTEGER,
      maxMs: 120_000,
      signal: end.signal,
      request: (i) => inferRequest(mesh.url, inferCall(i)),
    });
    let before = 0;
    for (let i = 0; i < UPDATES; i++) {
      if (i === WARM_UP) before = residentKb(mesh.envoy.pid);
      await mesh.update({ maxDelayMs: 5 + (i % 20), maxRows: 16 + (i % 4) });
    }
    const grown = residentKb(mesh.envoy.pid) - before;
    end.abort();
    const outcomes = await load;
    assert.equal(mesh.envoy.hasExited, false, mesh.envoy.logs());
    for (const outcome of outcomes) assertOwnAnswer(outcome.answer, inferCall(outcome.index));
    assert.ok(
      outcomes.some((outcome) => batchSize(outcome) > 1),
      'nothing was joined',
    );
    assert.ok(outcomes.length > UPDATES, `only ${outcomes.length} requests`);
    assert.ok(grown < MAX_GROWTH_KB, `grew by ${grown} kB in ${UPDATES - WARM_UP} updates`);
  } finally {
    await mesh.stop();
    await backend.stop();
  }
});
