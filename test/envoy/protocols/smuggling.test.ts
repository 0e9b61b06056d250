/** Requests whose length can be read in two ways: no backend sees more, less or other requests than the mesh. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { type RawBackend, startRawBackend } from '../router/raw-backend.ts';
import { Connection } from './connection.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

const PATH = '/v1/embeddings';
const HEAD = `POST ${PATH} HTTP/1.1\r\nhost: mesh\r\n`;
const BODY = '{"model":"public"}';
const SMUGGLED = 'POST /smuggled HTTP/1.1\r\nhost: mesh\r\ncontent-length: 0\r\n\r\n';

let backend: RawBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startRawBackend();
  const spec = { protocol: 'OpenAI', model: { name: 'a-longer-served-name' }, maxConnections: 1 };
  mesh = await serve([
    modelBackend('only', backend.port, spec),
    modelRoute('only', ['public'], ['only']),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

/** Each test begins behind a request that went well. */
beforeEach(async () => {
  assert.equal(await statusOf(`${HEAD}content-length: ${BODY.length}\r\n\r\n${BODY}`), 200);
});

async function statusOf(request: string): Promise<number> {
  const connection = new Connection(mesh.port);
  connection.write(Buffer.from(request, 'latin1'));
  const { status } = await connection.answer();
  connection.destroy();
  return status;
}

/** What reached the backend so far is whole requests for the one path, all renamed. */
function checkBackend(): void {
  for (const { line, body } of backend.requests) {
    assert.equal(line, `POST ${PATH} HTTP/1.1`);
    assert.equal(body, '{"model":"a-longer-served-name"}');
  }
}

const AMBIGUOUS: readonly (readonly [what: string, request: string])[] = [
  [
    'content-length beside transfer-encoding',
    `${HEAD}content-length: ${BODY.length}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    'two lengths',
    `${HEAD}content-length: ${BODY.length}\r\ncontent-length: 5\r\n\r\n${BODY}${SMUGGLED}`,
  ],
  ['a length with a sign', `${HEAD}content-length: +${BODY.length}\r\n\r\n${BODY}`],
  ['a length in hexadecimal', `${HEAD}content-length: 0x12\r\n\r\n${BODY}`],
  [
    'an encoding that is not quite chunked',
    `${HEAD}transfer-encoding: xchunked\r\n\r\n12\r\n${BODY}\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  ['a chunk with a sign', `${HEAD}transfer-encoding: chunked\r\n\r\n+12\r\n${BODY}\r\n0\r\n\r\n`],
  [
    'a chunk longer than 64 bits',
    `${HEAD}transfer-encoding: chunked\r\n\r\n10000000000000012\r\n${BODY}\r\n0\r\n\r\n`,
  ],
];

for (const [what, request] of AMBIGUOUS) {
  test(`${what} is refused, and nothing of it is a request to the backend`, async () => {
    const count = backend.requests.length;
    const status = await statusOf(request);
    assert.ok(status >= 400, `answered by ${status}`);
    assert.equal(await statusOf(`${HEAD}content-length: ${BODY.length}\r\n\r\n${BODY}`), 200);
    assert.equal(backend.requests.length, count + 1);
    checkBackend();
  });
}

test('a body shorter than its length never becomes a whole request', async () => {
  const count = backend.requests.length;
  const connection = new Connection(mesh.port);
  connection.write(`${HEAD}content-length: ${BODY.length + 10}\r\n\r\n${BODY}`);
  await until('the beginning has left', () => backend.leftover().includes('a-longer-served-name'));
  connection.destroy();
  assert.equal(await statusOf(`${HEAD}content-length: ${BODY.length}\r\n\r\n${BODY}`), 200);
  assert.equal(backend.requests.length, count + 1);
  checkBackend();
});

test('a body longer than its length is the next request, and read as such', async () => {
  const count = backend.requests.length;
  const connection = new Connection(mesh.port);
  connection.write(`${HEAD}content-length: ${BODY.length}\r\n\r\n${BODY}${SMUGGLED}`);
  assert.equal((await connection.answer()).status, 200);
  // No route takes its path.
  assert.equal((await connection.answer()).status, 404);
  connection.destroy();
  assert.equal(backend.requests.length, count + 1);
  checkBackend();
});

test('a length that cannot be counted with is refused, and not sent on as another', async () => {
  const count = backend.requests.length;
  for (const length of ['9007199254740993', '18446744073709551615', '18446744073709551616']) {
    const status = await statusOf(`${HEAD}content-length: ${length}\r\n\r\n${BODY}`);
    assert.ok(status >= 400, `answered by ${status}`);
  }
  assert.equal(backend.requests.length, count);
});

test('a length beyond 32 bits grows by what the name does', async () => {
  const connection = new Connection(mesh.port);
  connection.write(`${HEAD}content-length: 5000000000\r\n\r\n{"model":"public","input":"`);
  await until('the beginning has left', () => backend.leftover().includes('5000000014'));
  connection.destroy();
});
