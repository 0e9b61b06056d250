/** WebSockets through a route that a header names, and clients that ask before they send. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { type RawBackend, startRawBackend } from '../router/raw-backend.ts';
import { Connection } from './connection.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

const UPGRADE =
  'host: mesh\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n' +
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** Accepts upgrades and sends back what comes, in capitals. */
const heads: string[] = [];
const sockets = new Set<Socket>();
const server = createServer((socket) => {
  sockets.add(socket);
  socket.setEncoding('latin1');
  socket.on('error', () => {});
  let head = '';
  socket.on('data', (data: string) => {
    if (head.endsWith('\r\n\r\n')) {
      socket.write(data.toUpperCase(), 'latin1');
      return;
    }
    head += data;
    if (!head.endsWith('\r\n\r\n')) return;
    heads.push(head);
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\nhello',
    );
  });
});
let raw: RawBackend;
let mesh: ServedMesh;

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  raw = await startRawBackend();
  const { port } = server.address() as AddressInfo;
  const protocol = 'OpenAI';
  mesh = await serve(
    [
      modelBackend('realtime', port, { protocol, model: { name: 'served-realtime' } }),
      modelBackend('llm', raw.port, { protocol, model: { name: 'served' } }),
      modelRoute('realtime', ['realtime'], ['realtime']),
      modelRoute('llm', ['llm'], ['llm']),
    ],
    ['--model-header', 'x-model'],
  );
});

after(async () => {
  await mesh?.stop();
  await raw?.stop();
  for (const socket of sockets) socket.destroy();
  server.close();
});

for (const path of ['/v1/realtime?intent=transcription', '/v1/responses', '/v1/chat/completions']) {
  test(`a WebSocket at ${path} reaches the model of its header, and bytes pass both ways`, async () => {
    const connection = new Connection(mesh.port);
    connection.write(`GET ${path} HTTP/1.1\r\n${UPGRADE}x-model: realtime\r\n\r\n`);
    const head = await connection.take(/\r\n\r\n/);
    assert.match(head, /^HTTP\/1.1 101 /);
    assert.match(head, /upgrade: websocket/i);
    await connection.take(/^hello/);
    for (const text of ['a', '\x81\x05frame\x00', 'x'.repeat(200_000)]) {
      connection.write(Buffer.from(text, 'latin1'));
      await until('all comes back', () => connection.received.length >= text.length);
      assert.ok(connection.received === text.toUpperCase());
      connection.received = '';
    }
    connection.destroy();
    const seen = heads.at(-1) ?? '';
    assert.ok(seen.startsWith(`GET ${path} HTTP/1.1\r\n`), seen);
    assert.match(seen, /\r\nx-model: served-realtime\r\n/);
    assert.match(seen, /\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n/i);
    assert.doesNotMatch(seen, /x-modelweir/i);
  });
}

test('a WebSocket that names no model, or one that nobody has, is a 404 and reaches no backend', async () => {
  const count = heads.length;
  for (const header of ['', 'x-model: nobody\r\n']) {
    const connection = new Connection(mesh.port);
    connection.write(`GET /v1/realtime HTTP/1.1\r\n${UPGRADE}${header}\r\n`);
    assert.equal((await connection.answer()).status, 404);
    connection.destroy();
  }
  assert.equal(heads.length, count);
});

test('a client that expects 100-continue is told to go on, also where its body must be held', async () => {
  for (const [first, rest] of [
    ['{"model":"llm",', '"input":"x"}'],
    ['{"input":"x",', '"model":"llm"}'],
  ] as const) {
    const connection = new Connection(mesh.port);
    const length = first.length + rest.length;
    connection.write(
      `POST /v1/embeddings HTTP/1.1\r\nhost: mesh\r\nexpect: 100-continue\r\ncontent-length: ${length}\r\n\r\n`,
    );
    assert.match(await connection.take(/\r\n\r\n/), /^HTTP\/1.1 100 /);
    connection.write(first);
    connection.write(rest);
    assert.equal((await connection.answer()).status, 200);
    connection.destroy();
    const request = raw.requests.at(-1);
    assert.equal(request?.body, `${first}${rest}`.replace('llm', 'served'));
    assert.equal(request?.headers.get('content-length'), String(length + 3));
    assert.equal(request?.headers.has('expect'), false, 'the backend would be asked in vain');
    assert.equal(raw.leftover(), '');
  }
});

test('a client that expects 100-continue may be refused after it was told to go on', async () => {
  const connection = new Connection(mesh.port);
  const body = '{"model":"nobody"}';
  connection.write(
    `POST /v1/embeddings HTTP/1.1\r\nhost: mesh\r\nexpect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  await connection.take(/^HTTP\/1.1 100 [\s\S]*?\r\n\r\n/);
  connection.write(body);
  const answer = await connection.answer();
  connection.destroy();
  assert.equal(answer.status, 404);
  assert.equal(JSON.parse(answer.body).error.code, 'model_not_found');
});
