/** Bodies that are let go as soon as their model is known, and answers that nobody holds. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { type RawBackend, startRawBackend } from '../router/raw-backend.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';
import { FRAMINGS, upload } from './upload.ts';

const PATH = '/v1/chat/completions';
const LARGE_BYTES = 64 * 1024 * 1024;
const MAX_GROWTH_BYTES = 24 * 1024 * 1024;

let raw: RawBackend;
/** Takes a request and leaves its body for the test to read. */
const large = createServer((request, response) => onLarge(request, response));
let onLarge: (request: IncomingMessage, response: ServerResponse) => void;
let mesh: ServedMesh;

before(async () => {
  raw = await startRawBackend();
  large.listen(0, '127.0.0.1');
  await once(large, 'listening');
  const protocol = 'OpenAI';
  const { port } = large.address() as AddressInfo;
  mesh = await serve([
    modelBackend('raw', raw.port, { protocol, model: { name: 'served' } }),
    modelBackend('large', port, { protocol, model: { name: 'a-longer-name' } }),
    modelRoute('raw', ['raw'], ['raw']),
    modelRoute('large', ['large'], ['large']),
    modelRoute('fast', ['fast'], ['large'], { modelScan: 'Fast' }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await raw?.stop();
  large.close();
  large.closeAllConnections();
});

async function heldBytes(): Promise<number> {
  const stats = await mesh.envoy.stats(/modelweir_router_held_bytes$/);
  return [...stats.values()][0] ?? 0;
}

/** Resident: the filter's own memory is in no statistic of Envoy's allocator. */
async function residentBytes(): Promise<number> {
  const text = await readFile(`/proc/${mesh.envoy.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) * 1024;
}

for (const framing of FRAMINGS) {
  test(`${framing}, the name first: the backend reads the beginning while the client still sends`, async () => {
    const [begin, end] = ['{"model":"raw","input":"', 'later"}'];
    const size = begin.length + end.length;
    const sending = upload(framing, { port: mesh.port, path: PATH, size });
    await sending.write(begin);
    await until('the beginning is there', () =>
      raw.leftover().includes('{"model":"served","input":"'),
    );
    assert.equal(await heldBytes(), 0);
    await sending.write(end);
    sending.end();
    assert.equal((await sending.answer()).status, 200);
    sending.destroy();
    assert.equal(raw.requests.at(-1)?.body, '{"model":"served","input":"later"}');
  });

  test(`${framing}, the name last: all is held and counted, and nothing is once it has left`, async () => {
    const [begin, end] = [`{"input":"${'x'.repeat(100_000)}"`, ',"model":"raw"}'];
    const size = begin.length + end.length;
    const sending = upload(framing, { port: mesh.port, path: PATH, size });
    await sending.write(begin);
    await until('the beginning is held', async () => (await heldBytes()) === begin.length);
    assert.equal(raw.leftover(), '');
    await sending.write(end);
    sending.end();
    assert.equal((await sending.answer()).status, 200);
    sending.destroy();
    assert.equal(await heldBytes(), 0);
  });

  for (const model of ['large', 'fast']) {
    test(`${framing}, ${model}: 64 MB with the name first pass in a few MB, however slow the backend reads`, async () => {
      const began = new Promise<[IncomingMessage, ServerResponse]>((resolve) => {
        onLarge = (...both) => resolve(both);
      });
      const before = await residentBytes();
      const head = `{"model":"${model}","input":"`;
      const piece = Buffer.alloc(1024 * 1024, 'x');
      const size = head.length + LARGE_BYTES + 2;
      const sending = upload(framing, { port: mesh.port, path: PATH, size });
      let sent = 0;
      const finished = (async () => {
        await sending.write(head);
        for (; sent < LARGE_BYTES; sent += piece.length) await sending.write(piece);
        await sending.write('"}');
        sending.end();
      })();
      const [request, response] = await began;
      let last = -1;
      // Nobody reads: the client comes to a stop because Envoy does not take more.
      await until('the client stands still', async () => {
        const standing = sent === last;
        last = sent;
        if (standing) return true;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return false;
      });
      assert.ok(sent < LARGE_BYTES, 'Envoy took all of it');
      const growth = (await residentBytes()) - before;
      assert.ok(growth < MAX_GROWTH_BYTES, `Envoy grew by ${growth} bytes`);
      let read = 0;
      let beginning = '';
      for await (const data of request as AsyncIterable<Buffer>) {
        if (read === 0) beginning = data.subarray(0, 50).toString();
        read += data.length;
      }
      response.end('ok');
      await finished;
      assert.equal((await sending.answer()).status, 200);
      sending.destroy();
      assert.match(beginning, /^{"model":"a-longer-name","input":"x/);
      assert.equal(read, size + 'a-longer-name'.length - model.length);
    });
  }
}
