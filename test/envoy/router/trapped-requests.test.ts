/** What becomes of the requests that a machine of the chain had when it trapped, and of those beside them. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { until } from '../../harness/until.ts';
import { beginRequest, type OpenRequest } from './raw-client.ts';
import { INFER, type TrappingMesh, trappingMesh } from './trapping-mesh.ts';

/** Ends what a dead machine holds, as no other timeout runs there. */
const IDLE_TIMEOUT_MS = 1_000;
const BACKEND_MS = 300;
/** No answer at all would be longer than any timeout of the mesh. */
const ANSWER = { timeout: 15_000 };

const POST = 'POST /v1/embeddings HTTP/1.1\r\nhost: mesh\r\ncontent-length: 25\r\n\r\n';
const BODY = '{"input":"x","model":"m"}';
const METADATA = 'GET /v2/models/m HTTP/1.1\r\nhost: mesh\r\n\r\n';

function slowMesh(t: TestContext, workers: number): Promise<TrappingMesh> {
  return trappingMesh(t, {
    workers,
    limits: { unroutedIdleTimeoutMs: IDLE_TIMEOUT_MS },
    servedModel: 'served',
    backendDelayMs: BACKEND_MS,
  });
}

function begin(t: TestContext, mesh: TrappingMesh, text: string): OpenRequest {
  const request = beginRequest(Number(new URL(mesh.url).port), text);
  t.after(() => request.hangUp());
  return request;
}

async function statistic({ envoy }: TrappingMesh, name: string): Promise<number> {
  return (await envoy.stats()).get(`wasmcustom.modelweir_router_${name}`) ?? 0;
}

function held(mesh: TrappingMesh): Promise<number> {
  return statistic(mesh, 'held_bytes');
}

for (const workers of [1, 2]) {
  const where = workers === 1 ? 'one worker' : `${workers} workers`;

  test(
    `${where}: a request that was held for its model ends by the idle timeout`,
    ANSWER,
    async (t) => {
      const mesh = await slowMesh(t, workers);
      const request = begin(t, mesh, POST + BODY.slice(0, 10));
      await until('its body is held', async () => (await held(mesh)) === 10);
      await mesh.trap();
      assert.equal((await request.answer).status, 503);
    },
  );

  test(
    `${where}: a request that was held for its model ends when its body goes on`,
    ANSWER,
    async (t) => {
      const mesh = await slowMesh(t, workers);
      const request = begin(t, mesh, POST + BODY.slice(0, 10));
      await until('its body is held', async () => (await held(mesh)) === 10);
      await mesh.trap();
      await mesh.recovered();
      request.write(BODY.slice(10));
      assert.equal((await request.answer).status, 503, 'the fresh machine knows nothing of it');
    },
  );

  test(
    `${where}: a request for which a backend was asked ends by the idle timeout`,
    ANSWER,
    async (t) => {
      const mesh = await slowMesh(t, workers);
      const request = begin(t, mesh, METADATA);
      const answered = 'requests_total;route=default/m;outcome=answered';
      await until('its backend is asked', async () => (await statistic(mesh, answered)) === 1);
      await mesh.trap();
      assert.equal((await request.answer).status, 503);
    },
  );

  test(
    `${where}: a request that is at its backend ends with the answer, which is lost`,
    ANSWER,
    async (t) => {
      const mesh = await slowMesh(t, workers);
      const routed = 'requests_total;outcome=routed;route=default/m;variant=a';
      const before = await statistic(mesh, routed);
      const request = begin(t, mesh, POST + BODY);
      await until('it is at its backend', async () => (await statistic(mesh, routed)) > before);
      await mesh.trap();
      assert.equal((await request.answer).status, 503);
    },
  );

  // No callback tells of the end of its requests, and no other machine knows what it held.
  test(`${where}: what a dead machine held goes on counting as held`, async (t) => {
    const mesh = await slowMesh(t, workers);
    const request = begin(t, mesh, POST + BODY.slice(0, 10));
    await until('its body is held', async () => (await held(mesh)) === 10);
    await mesh.trap();
    await request.answer;
    await mesh.recovered();
    assert.equal(await held(mesh), 10);
  });
}

const TRAPS = 20;

test('traps of two workers under traffic hang nobody, and each is got over', async (t) => {
  const mesh = await trappingMesh(t, { workers: 2 });
  const end = new AbortController();
  t.after(() => end.abort());
  const traffic = httpLoad({
    connections: 16,
    count: Number.MAX_SAFE_INTEGER,
    signal: end.signal,
    request: { url: mesh.url + INFER, method: 'POST', body: '{}' },
  });
  for (let i = 0; i < TRAPS; i++) {
    await mesh.trap();
    assert.deepEqual(await mesh.recovered(), ['a', 'a']);
  }
  end.abort();
  const counts = statusCounts(await traffic);
  assert.deepEqual(Object.keys(counts), ['200', '503'], JSON.stringify(counts));
  assert.equal(mesh.envoy.hasExited, false, mesh.envoy.logs());
});
