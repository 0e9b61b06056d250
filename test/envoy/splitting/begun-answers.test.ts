/** Once a byte of an answer has gone to the client, nobody else is asked: the client sees what happened. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { upload } from '../protocols/upload.ts';
import { type Act, type ActingBackend, answer, startActingBackend } from './acting-backend.ts';
import { CHAT_PATH } from './asking.ts';
import { weighted } from './weighted.ts';

const EVENT = 'data: {"model":"served","choices":[]}\n\n';

let canary: ActingBackend;
let stable: ActingBackend;
let mesh: ServedMesh;

before(async () => {
  canary = await startActingBackend();
  stable = await startActingBackend(answer(200, 'stable'));
  const spec = {
    variants: weighted({ canary: 1, stable: 0 }),
    retry: { attempts: 3, firstByteTimeoutMs: 1000 },
    fallback: { variants: ['stable'] },
  };
  mesh = await serve([
    modelBackend('canary', canary.port, { protocol: 'OpenAI', model: { name: 'served' } }),
    modelBackend('stable', stable.port, { protocol: 'OpenAI' }),
    modelRoute('m', ['m'], [], spec),
    modelRoute('edited', ['edited'], [], { ...spec, responses: { publicModel: true } }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await canary?.stop();
  await stable?.stop();
});

/** Begins an answer, and cuts the connection once the client has read it. */
function breakAfter(read: Promise<void>, type: string): Act {
  return (response) => {
    response.writeHead(200, { 'content-type': type }).write(EVENT);
    read.then(() => response.socket?.resetAndDestroy());
  };
}

for (const model of ['m', 'edited']) {
  for (const framing of ['content-length', 'HTTP/2'] as const) {
    test(`${framing}, ${model}: a backend killed in mid-stream breaks the stream, and nobody else is asked`, async () => {
      let onRead = () => {};
      const read = new Promise<void>((resolve) => {
        onRead = resolve;
      });
      canary.act = breakAfter(read, 'text/event-stream');
      const before = canary.attempts.length;
      const body = JSON.stringify({ model, stream: true });
      const sending = upload(framing, { port: mesh.port, path: CHAT_PATH, size: body.length });
      await sending.write(body);
      sending.end();
      await sending.begun();
      onRead();
      await sending.reset();
      sending.destroy();
      assert.equal(canary.attempts.length, before + 1);
      assert.equal(stable.attempts.length, 0);
    });
  }
}

test('an answer that began in time may take longer than the time for its first byte', async () => {
  canary.act = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(EVENT);
    setTimeout(() => response.end(EVENT), 1500);
  };
  const before = canary.attempts.length;
  const body = '{"model":"m","stream":true}';
  const sending = upload('HTTP/2', { port: mesh.port, path: CHAT_PATH, size: body.length });
  await sending.write(body);
  sending.end();
  const got = await sending.answer();
  sending.destroy();
  assert.deepEqual(got, { status: 200, body: EVENT + EVENT });
  assert.equal(canary.attempts.length, before + 1);
});

test('a client that leaves ends its attempt, and is not tried for again', async () => {
  let closed = false;
  canary.act = (response) => {
    response.on('close', () => {
      closed = true;
    });
  };
  const before = canary.attempts.length;
  const body = '{"model":"m"}';
  const sending = upload('HTTP/2', { port: mesh.port, path: CHAT_PATH, size: body.length });
  await sending.write(body);
  sending.end();
  await until('the backend is asked', () => canary.attempts.length > before);
  sending.destroy();
  await until('the backend sees it', () => closed);
  assert.equal(canary.attempts.length, before + 1);
  assert.equal(stable.attempts.length, 0);
});
