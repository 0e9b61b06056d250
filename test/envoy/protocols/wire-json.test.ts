/** JSON bodies on the wire to an HTTP/1.1 backend: every byte, and what follows on the same connection. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RawBackend, type RawRequest, startRawBackend } from '../router/raw-backend.ts';
import { Connection } from './connection.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';
import { FRAMINGS, type Framing, pieces, send } from './upload.ts';

const PATH = '/v1/chat/completions';

/** Public name to the backend's. */
const SERVED: Readonly<Record<string, string>> = {
  'public-name': 'organisation/a-served-name-that-is-longer:2026-05',
  'public-long': 's',
  'public-same': 'served-same',
};

let backend: RawBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startRawBackend();
  const names = Object.entries(SERVED);
  const spec = { protocol: 'OpenAI', maxConnections: 1 };
  // A backend each, and all of them are one server with one connection at a time.
  mesh = await serve(
    names.flatMap(([model, served], i) => [
      modelBackend(`b${i}`, backend.port, { ...spec, model: { name: served } }),
      modelRoute(`r${i}`, [model], [`b${i}`]),
    ]),
  );
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

/** A body of `size` bytes or a few more. */
function bodyOf(model: string, size: number, nameFirst: boolean): string {
  const input = `"input":"${'é😀x'.repeat(size / 7)}"`;
  const name = `"model" : ${JSON.stringify(model)}`;
  return `{${nameFirst ? `${name},${input}` : `${input},${name}`}}`;
}

/** The body framed as it must leave; the chunks of a chunked body are Envoy's own affair. */
function checkRequest(request: RawRequest | undefined, expected: string, framing: Framing): void {
  assert.ok(request, 'nothing reached the backend');
  assert.ok(request.body === expected, `the body differs: ${request.body.slice(0, 200)}`);
  assert.equal(request.line, `POST ${PATH} HTTP/1.1`);
  const chunked = framing !== 'content-length';
  const length = chunked ? undefined : String(Buffer.byteLength(expected));
  assert.equal(request.headers.get('content-length'), length);
  assert.equal(request.headers.get('transfer-encoding'), chunked ? 'chunked' : undefined);
  if (!chunked) assert.equal(request.raw.length, Buffer.byteLength(expected));
  assert.equal(backend.leftover(), '');
}

/** Sends a second request after the one that just came: it must be whole, and on the same connection. */
async function checkNext(model: string): Promise<void> {
  const before = backend.requests.at(-1);
  const parts = [`{"model":${JSON.stringify(model)},"input":"next"}`];
  const answer = await send('content-length', { port: mesh.port, path: PATH, parts });
  assert.equal(answer.status, 200, answer.body);
  const expected = `{"model":${JSON.stringify(SERVED[model])},"input":"next"}`;
  checkRequest(backend.requests.at(-1), expected, 'content-length');
  assert.equal(backend.requests.at(-1)?.connection, before?.connection);
}

function served(body: string, model: string): string {
  return body.replace(`: ${JSON.stringify(model)}`, `: ${JSON.stringify(SERVED[model])}`);
}

for (const framing of FRAMINGS) {
  for (const size of [1_000, 64_000, 900_000]) {
    for (const nameFirst of [true, false]) {
      const place = nameFirst ? 'first' : 'last';
      test(`${framing}, ${size} bytes, the name ${place}: each served name leaves exact, and so does the next request`, async () => {
        for (const model of Object.keys(SERVED)) {
          const body = bodyOf(model, size, nameFirst);
          // Pieces end where no character is cut: the client writes texts.
          const parts = pieces(body);
          const answer = await send(framing, { port: mesh.port, path: PATH, parts });
          assert.equal(answer.status, 200, answer.body);
          checkRequest(backend.requests.at(-1), served(body, model), framing);
          await checkNext(model);
        }
      });
    }
  }

  test(`${framing}, a byte at a time, the name last: the body leaves exact`, async () => {
    const body = `{"input":"${'x'.repeat(500)}","model" : "public-name"}`;
    const answer = await send(framing, { port: mesh.port, path: PATH, parts: [...body] });
    assert.equal(answer.status, 200, answer.body);
    checkRequest(backend.requests.at(-1), served(body, 'public-name'), framing);
    await checkNext('public-name');
  });

  test(`${framing}, a byte at a time, the name first: the body leaves exact`, async () => {
    const body = `{"model" : "public-name","input":"${'x'.repeat(500)}"}`;
    const answer = await send(framing, { port: mesh.port, path: PATH, parts: [...body] });
    assert.equal(answer.status, 200, answer.body);
    checkRequest(backend.requests.at(-1), served(body, 'public-name'), framing);
    await checkNext('public-name');
  });
}

test('HTTP/2 with a content-length leaves with the content-length of the edited body', async () => {
  for (const nameFirst of [true, false]) {
    const body = bodyOf('public-name', 64_000, nameFirst);
    const headers = { 'content-length': String(Buffer.byteLength(body)) };
    const answer = await send('HTTP/2', { port: mesh.port, path: PATH, parts: [body], headers });
    assert.equal(answer.status, 200, answer.body);
    checkRequest(backend.requests.at(-1), served(body, 'public-name'), 'content-length');
    await checkNext('public-name');
  }
});

test('requests that come in one write of one client connection leave one by one, each exact', async () => {
  const bodies = Object.keys(SERVED).flatMap((model) => [
    [model, bodyOf(model, 70, true)],
    [model, bodyOf(model, 7_000, false)],
  ]) as [string, string][];
  const count = backend.requests.length;
  const connection = new Connection(mesh.port);
  const requests = bodies.map(
    ([, body]) =>
      `POST ${PATH} HTTP/1.1\r\nhost: mesh\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  connection.write(requests.join(''));
  for (const _ of bodies) assert.equal((await connection.answer()).status, 200);
  connection.destroy();
  const came = backend.requests.slice(count);
  assert.equal(came.length, bodies.length);
  for (const [i, [model, body]] of bodies.entries()) {
    checkRequest(came[i], served(body, model), 'content-length');
  }
});

test('a chunk with an extension, and trailers behind the last, change nothing of the body', async () => {
  const body = served('{"input":"x","model" : "public-name"}', 'public-name');
  const connection = new Connection(mesh.port);
  connection.write(
    `POST ${PATH} HTTP/1.1\r\nhost: mesh\r\ntransfer-encoding: chunked\r\n\r\n` +
      'd;ext=1\r\n{"input":"x",\r\n18\r\n"model" : "public-name"}\r\n0\r\nx-trailer: y\r\n\r\n',
  );
  assert.equal((await connection.answer()).status, 200);
  connection.destroy();
  checkRequest(backend.requests.at(-1), body, 'chunked');
  await checkNext('public-name');
});
