/** The limit on what one request may hold: the mesh says it, never Envoy's bare "Payload Too Large". */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../harness/until.ts';
import { type RawBackend, startRawBackend } from '../router/raw-backend.ts';
import { grpcCall } from './grpc-call.ts';
import { frame, inferMessage } from './infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';
import { FRAMINGS, pieces, send, upload } from './upload.ts';

const PATH = '/v1/embeddings';
const MAX_HOLD_BYTES = 65_536;
const SAYS_LIMIT = /65536 bytes .*\(maxHoldBytes\).* --max-hold-bytes/;

let backend: RawBackend;
/** What is over the limit is refused. */
let refusing: ServedMesh;
/** It goes to the default route. */
let passing: ServedMesh;

before(async () => {
  backend = await startRawBackend();
  const protocol = 'OpenAI';
  const resources = [
    modelBackend('known', backend.port, { protocol, model: { name: 'served' } }),
    modelBackend('other', backend.port, { protocol }),
    modelRoute('known', ['known'], ['known'], { hostnames: ['mesh', 'no-default'] }),
    modelRoute('default', ['*'], ['other'], { hostnames: ['mesh'] }),
  ];
  const args = ['--max-hold-bytes', String(MAX_HOLD_BYTES)];
  refusing = await serve(resources, args);
  passing = await serve(resources, [...args, '--over-hold-limit', 'default-route']);
});

after(async () => {
  await refusing?.stop();
  await passing?.stop();
  await backend?.stop();
});

async function heldBytes(mesh: ServedMesh): Promise<number> {
  const stats = await mesh.envoy.stats(/modelweir_router_held_bytes$/);
  return [...stats.values()][0] ?? 0;
}

/** A body whose name ends, its quote included, with byte number `end`. */
function nameEndingAt(end: number): string {
  const [before, name] = ['{"input":"', '","model":"known"'];
  return `${before}${'x'.repeat(end - before.length - name.length)}${name}}`;
}

for (const framing of FRAMINGS) {
  test(`${framing}: a name that ends at the limit is found, and one byte later it is not`, async () => {
    for (const size of [1_000, 16_384, 70_000]) {
      const at = { port: refusing.port, path: PATH, headers: { host: 'mesh' } };
      const found = pieces(nameEndingAt(MAX_HOLD_BYTES), size);
      assert.equal((await send(framing, { ...at, parts: found })).status, 200);
      assert.match(backend.requests.at(-1)?.body ?? '', /"model":"served"}$/);
      const late = pieces(nameEndingAt(MAX_HOLD_BYTES + 1), size);
      assert.equal((await send(framing, { ...at, parts: late })).status, 413);
    }
  });

  for (const size of [66_000, 300_000, 600_000, 5_000_000]) {
    test(`${framing}: ${size} bytes before the name get 413 that says limit and flag`, async () => {
      const count = backend.requests.length;
      for (const piece of [16_384, size]) {
        const parts = pieces(nameEndingAt(size), piece);
        const answer = await send(framing, { port: refusing.port, path: PATH, parts });
        assert.equal(answer.status, 413, answer.body);
        const { error } = JSON.parse(answer.body);
        assert.equal(error.code, 'body_too_large');
        assert.match(error.message, SAYS_LIMIT);
      }
      assert.equal(backend.requests.length, count);
      assert.equal(backend.leftover(), '');
    });
  }

  test(`${framing}: over the limit a body goes whole and unchanged to the default route, where there is one`, async () => {
    const body = nameEndingAt(600_000);
    const at = { port: passing.port, path: PATH, parts: pieces(body) };
    const answer = await send(framing, { ...at, headers: { host: 'mesh' } });
    assert.equal(answer.status, 200, answer.body);
    assert.ok(backend.requests.at(-1)?.body === body, 'the body differs');
    const refused = await send(framing, { ...at, headers: { host: 'no-default' } });
    assert.equal(refused.status, 413, refused.body);
    assert.match(JSON.parse(refused.body).error.message, SAYS_LIMIT);
    const below = nameEndingAt(MAX_HOLD_BYTES);
    const known = { ...at, parts: pieces(below), headers: { host: 'mesh' } };
    assert.equal((await send(framing, known)).status, 200);
    assert.match(backend.requests.at(-1)?.body ?? '', /"model":"served"}$/);
  });
}

for (const framing of FRAMINGS) {
  test(`${framing}: what comes in one go while Envoy is busy is refused in our words, too`, async () => {
    const [begin, end] = [`{"input":"${'x'.repeat(50_000)}`, `${'x'.repeat(3_000_000)}"}`];
    for (const { mesh, status } of [
      { mesh: refusing, status: 413 },
      { mesh: passing, status: 200 },
    ]) {
      const size = begin.length + end.length;
      const sending = upload(framing, { port: mesh.port, path: PATH, size });
      await sending.write(begin);
      await until('the beginning is held', async () => (await heldBytes(mesh)) === begin.length);
      process.kill(mesh.envoy.pid, 'SIGSTOP');
      const sent = sending.write(end);
      sending.end();
      // Time for the system to take what it can.
      await sleep(50);
      process.kill(mesh.envoy.pid, 'SIGCONT');
      const answer = await sending.answer();
      sending.destroy();
      await sent;
      assert.equal(answer.status, status, answer.body);
      if (status === 413) assert.match(JSON.parse(answer.body).error.message, SAYS_LIMIT);
    }
  });
}

test('a form over the limit is told so in the shape of OpenAI', async () => {
  const file = `--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n${'x'.repeat(100_000)}\r\n`;
  const name = '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nknown\r\n';
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  const path = '/v1/audio/transcriptions';
  for (const framing of FRAMINGS) {
    const at = { port: refusing.port, path, headers };
    const answer = await send(framing, { ...at, parts: pieces(`${file}${name}--b--\r\n`) });
    assert.equal(answer.status, 413, answer.body);
    assert.match(JSON.parse(answer.body).error.message, SAYS_LIMIT);
    const early = await send(framing, { ...at, parts: pieces(`${name}${file}--b--\r\n`) });
    assert.equal(early.status, 200, early.body);
  }
});

test('a gRPC message over the limit is told RESOURCE_EXHAUSTED, limit and flag', async () => {
  const raw = Buffer.alloc(600_000, 7);
  const body = frame(inferMessage({ model: 'known', raw, nameLast: true }));
  for (const size of [16_384, body.length]) {
    const parts: Buffer[] = [];
    for (let at = 0; at < body.length; at += size) parts.push(body.subarray(at, at + size));
    const answer = await grpcCall({
      port: refusing.port,
      method: 'ModelInfer',
      parts,
      headers: { host: 'mesh' },
    });
    assert.equal(answer.status, 8, answer.message);
    assert.match(answer.message, SAYS_LIMIT);
  }
});

test('a large body whose name comes in time passes, whatever the limit', async () => {
  const body = `{"model":"known","input":"${'x'.repeat(3_000_000)}"}`;
  for (const framing of FRAMINGS) {
    const parts = pieces(body);
    const answer = await send(framing, { port: refusing.port, path: PATH, parts });
    assert.equal(answer.status, 200, answer.body);
    assert.equal(
      backend.requests.at(-1)?.body.length,
      body.length + 'served'.length - 'known'.length,
    );
  }
});
