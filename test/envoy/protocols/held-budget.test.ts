/** The budget that all held bodies share, and the gauge that says how much of it is taken. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { type RawBackend, startRawBackend } from '../router/raw-backend.ts';
import { grpcCall } from './grpc-call.ts';
import { frame, inferMessage } from './infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';
import { FRAMINGS, type Framing, send, type Upload, upload } from './upload.ts';

const PATH = '/v1/embeddings';
const MAX_HELD_BYTES = 100_000;
const BEGIN = `{"input":"${'x'.repeat(70_000)}"`;
const END = ',"model":"known"}';

let backend: RawBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startRawBackend();
  mesh = await serve(
    [
      modelBackend('known', backend.port, { protocol: 'OpenAI' }),
      modelRoute('known', ['known'], ['known']),
    ],
    ['--max-held-bytes', String(MAX_HELD_BYTES)],
  );
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

async function heldBytes(of = mesh): Promise<number> {
  const stats = await of.envoy.stats(/modelweir_router_held_bytes$/);
  return [...stats.values()][0] ?? 0;
}

/** A request whose model has not come yet. */
async function begin(t: TestContext, framing: Framing, at = mesh): Promise<Upload> {
  const size = BEGIN.length + END.length;
  const begun = upload(framing, { port: at.port, path: PATH, size });
  t.after(() => begun.destroy());
  await begun.write(BEGIN);
  return begun;
}

/** The same, once Envoy holds it: there is no room for another one. */
async function hold(t: TestContext, framing: Framing): Promise<Upload> {
  const held = await begin(t, framing);
  await until('the body is held', async () => (await heldBytes()) === BEGIN.length);
  return held;
}

function sendLate(framing: Framing): ReturnType<typeof send> {
  return send(framing, { port: mesh.port, path: PATH, parts: [BEGIN, END] });
}

for (const framing of FRAMINGS) {
  test(`${framing}: while the budget is taken, a body that would have to be held gets 429 that says limit and flag`, async (t) => {
    const held = await hold(t, framing);
    for (const other of FRAMINGS) {
      const answer = await (await begin(t, other)).answer();
      assert.equal(answer.status, 429, answer.body);
      const { error } = JSON.parse(answer.body);
      assert.equal(error.code, 'too_many_held_bytes');
      assert.match(error.message, /100000 bytes .*\(maxHeldBytes\).* --max-held-bytes/);
      assert.equal(await heldBytes(), BEGIN.length);
    }
    await held.write(END);
    held.end();
    assert.equal((await held.answer()).status, 200);
    assert.equal(await heldBytes(), 0);
    assert.equal((await sendLate(framing)).status, 200);
    assert.equal(await heldBytes(), 0);
  });

  test(`${framing}: bodies whose name comes first pass while the budget is taken`, async (t) => {
    const held = await hold(t, framing);
    const parts = ['{"model":"known","input":"', 'x'.repeat(500_000), '"}'];
    assert.equal((await send(framing, { port: mesh.port, path: PATH, parts })).status, 200);
    held.destroy();
    await until('the budget is free', async () => (await heldBytes()) === 0);
  });

  test(`${framing}: what a client held that leaves is free again`, async (t) => {
    const held = await hold(t, framing);
    held.destroy();
    await until('the budget is free', async () => (await heldBytes()) === 0);
    assert.equal((await sendLate(framing)).status, 200);
  });

  test(`${framing}: what a refused request held is free again`, async () => {
    for (const end of [',"model":"nobody"}', ',"model":5}', '!', '}']) {
      const parts = [BEGIN, end];
      const answer = await send(framing, { port: mesh.port, path: PATH, parts });
      assert.ok(answer.status === 404 || answer.status === 400, `answered by ${answer.status}`);
      assert.equal(await heldBytes(), 0);
    }
  });
}

test('a gRPC message that would have to be held is told RESOURCE_EXHAUSTED, limit and flag', async (t) => {
  const held = await hold(t, 'HTTP/2');
  const raw = Buffer.alloc(70_000, 7);
  const body = frame(inferMessage({ model: 'known', raw, nameLast: true }));
  const answer = await grpcCall({ port: mesh.port, method: 'ModelInfer', parts: [body] });
  assert.equal(answer.status, 8, answer.message);
  assert.match(answer.message, /100000 bytes .*\(maxHeldBytes\).* --max-held-bytes/);
  held.destroy();
  await until('the budget is free', async () => (await heldBytes()) === 0);
});

test('the budget is one for all workers', async (t) => {
  const resources = [
    modelBackend('known', backend.port, { protocol: 'OpenAI' }),
    modelRoute('known', ['known'], ['known']),
  ];
  const wide = await serve(resources, ['--max-held-bytes', String(MAX_HELD_BYTES)], 3);
  t.after(() => wide.stop());
  const held = await begin(t, 'chunked', wide);
  await until('the body is held', async () => (await heldBytes(wide)) === BEGIN.length);
  // More connections than workers: some are of another worker than the held one.
  for (let i = 0; i < 8; i++) {
    assert.equal((await (await begin(t, 'chunked', wide)).answer()).status, 429);
  }
  await held.write(END);
  held.end();
  assert.equal((await held.answer()).status, 200);
  assert.equal(await heldBytes(wide), 0);
});

test('a request that Envoy ends for its silence frees what it held', async (t) => {
  const impatient = await serve(
    [
      modelBackend('known', backend.port, { protocol: 'OpenAI' }),
      modelRoute('known', ['known'], ['known']),
    ],
    ['--unrouted-idle-timeout-ms', '200'],
  );
  t.after(() => impatient.stop());
  const held = upload('content-length', { port: impatient.port, path: PATH, size: 100_000 });
  await held.write(BEGIN);
  assert.ok((await held.answer()).status >= 400);
  held.destroy();
  assert.equal(await heldBytes(impatient), 0);
});
