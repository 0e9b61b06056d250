/** Bodies that wait for their model have one budget, whoever they belong to, and give back what they took. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';
import { until } from '../../harness/until.ts';
import { startRawBackend } from './raw-backend.ts';
import { beginRequest, post } from './raw-client.ts';
import { staticBootstrap } from './static-mesh.ts';

const PATH = '/v1/embeddings';
const MAX_HELD_BYTES = 100_000;
/** Two of them are over the budget, one alone is not. */
const LONG = 'x'.repeat(60_000);
const MODEL = '","model":"public"}';
const BODY = `{"input":"${LONG}${MODEL}`;

interface BudgetMesh {
  readonly envoy: TestEnvoy;
  readonly port: number;
  /** Settles when so many bytes are held. */
  holds(bytes: number): Promise<void>;
}

async function budgetMesh(t: TestContext, concurrency: number): Promise<BudgetMesh> {
  const backend = await startRawBackend();
  t.after(() => backend.stop());
  const mesh = { backendPort: backend.port, maxHeldBytes: MAX_HELD_BYTES };
  const envoy = await startEnvoy({ bootstrap: staticBootstrap(mesh), concurrency });
  t.after(() => envoy.stop());
  const address = (await envoy.listeners()).get('test') ?? '';
  const holds = (bytes: number): Promise<void> =>
    until(`${bytes} bytes are held`, async () => {
      const stats = await envoy.stats(/modelweir_router_held_bytes$/);
      return ([...stats.values()][0] ?? 0) === bytes;
    });
  return { envoy, port: Number(address.slice(address.lastIndexOf(':') + 1)), holds };
}

function head(length: number): string {
  return `POST ${PATH} HTTP/1.1\r\nhost: mesh\r\ncontent-length: ${length}\r\n\r\n`;
}

for (const concurrency of [1, 2]) {
  const who = concurrency === 1 ? 'what one worker holds' : 'what two workers hold together';
  test(`${who} has a bound, and whoever is held already is served`, async (t) => {
    const { port, holds } = await budgetMesh(t, concurrency);
    const begun = BODY.slice(0, -MODEL.length);
    const first = beginRequest(port, head(BODY.length) + begun);
    await holds(begun.length);
    for (let i = 0; i < 8; i++) {
      const second = await beginRequest(port, head(BODY.length) + begun).answer;
      assert.equal(second.status, 429, second.body);
      assert.equal(JSON.parse(second.body).error.code, 'too_many_held_bytes');
    }
    await holds(begun.length);
    first.write(MODEL);
    assert.equal((await first.answer).status, 200);
    await holds(0);
    const third = await post('chunked', { port, path: PATH, parts: [begun, MODEL] });
    assert.equal(third.status, 200, third.body);
  });
}

test('who hangs up, who is refused and who is served holds nothing any more', async (t) => {
  const { port, holds } = await budgetMesh(t, 1);
  const gone = beginRequest(port, head(1_000) + BODY.slice(0, 500));
  await holds(500);
  gone.hangUp();
  await holds(0);
  const refused = beginRequest(port, head(500) + BODY.slice(0, 400));
  await holds(400);
  refused.write(`${'x'.repeat(98)}"}`);
  assert.equal((await refused.answer).status, 400);
  await holds(0);
  for (const framing of ['content-length', 'chunked', 'HTTP/2'] as const) {
    const parts = [...BODY.slice(-30 - MODEL.length).replace(/^x+/, '{"input":"')];
    assert.equal((await post(framing, { port, path: PATH, parts })).status, 200);
    await holds(0);
  }
});
