/** Names that want to be something else: a header, a line, a path, or too much. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { type RawBackend, startRawBackend } from '../router/raw-backend.ts';
import { Connection } from './connection.ts';
import { grpcCall } from './grpc-call.ts';
import { frame, inferMessage } from './infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

/** The longest that a name may be. */
const LONGEST = `org/${'n'.repeat(508)}`;

let backend: RawBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startRawBackend();
  const protocol = 'OpenInference';
  mesh = await serve(
    [
      modelBackend('known', backend.port, { protocol, model: { name: 'served' } }),
      modelBackend('as-it-is', backend.port, { protocol }),
      modelRoute('known', ['known', LONGEST], ['known']),
      modelRoute('renaming', ['*'], ['known'], { hostnames: ['renaming'] }),
      modelRoute('keeping', ['*'], ['as-it-is'], { hostnames: ['keeping'] }),
    ],
    ['--model-header', 'x-model'],
  );
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

function sendJson(token: string, host = 'mesh') {
  const headers = { 'content-type': 'application/json', host };
  const body = `{"model":${token}}`;
  return exchange({ url: `${mesh.url}/v1/embeddings`, method: 'POST', headers, body });
}

/** As JSON writes them. */
const TOKENS: readonly (readonly [what: string, token: string])[] = [
  ['a header behind a line break', '"a\\r\\nx-injected: y"'],
  ['a request behind a line break', '"a\\r\\n\\r\\nGET /x HTTP/1.1\\r\\n\\r\\n"'],
  ['control characters in escapes', '"\\u0000\\u0001\\u001b[31m\\u007f"'],
  ['a known name with a NUL behind it', '"known\\u0000"'],
  ['a known name with a blank behind it', '"known "'],
  ['a known name with a zero-width space in it', '"kno\\u200bwn"'],
  ['half a surrogate pair', '"\\ud800"'],
  ['a name that would end a text of JSON', '"\\"}],\\"model\\":\\"known\\""'],
  ['an empty name', '""'],
  ['percent signs', '"%s%n%0d%0a"'],
  ['a path', '"../../known"'],
];

for (const [what, token] of TOKENS) {
  test(`JSON, ${what}: an unknown model like any other, and never a header`, async () => {
    const count = backend.requests.length;
    const answer = await sendJson(token);
    assert.equal(answer.status, 404, String(answer.body));
    const { error } = JSON.parse(String(answer.body));
    assert.equal(error.code, 'model_not_found');
    assert.equal(answer.headers['x-injected'], undefined);
    const name = JSON.parse(token);
    if (what !== 'half a surrogate pair')
      assert.ok(error.message.includes(`'${name}'`), error.message);
    assert.equal(backend.requests.length, count);
    assert.equal(backend.leftover(), '');
  });

  test(`JSON, ${what}: a default route gets it in the body alone, exact`, async () => {
    for (const [host, expected] of [
      ['renaming', '{"model":"served"}'],
      ['keeping', `{"model":${token}}`],
    ] as const) {
      const answer = await sendJson(token, host);
      assert.equal(answer.status, 200, String(answer.body));
      const request = backend.requests.at(-1);
      assert.equal(request?.body, expected);
      assert.equal(request?.headers.has('x-injected'), false);
      assert.equal(request?.line, 'POST /v1/embeddings HTTP/1.1');
      assert.equal(backend.leftover(), '');
    }
  });
}

test('gRPC: a name with line breaks is an unknown model, and the message has them in escapes', async () => {
  const message = inferMessage({ model: 'a\r\nx-injected: y' });
  const answer = await grpcCall({ port: mesh.port, method: 'ModelInfer', parts: [frame(message)] });
  assert.equal(answer.status, 5);
  assert.match(answer.message, /'a\r\nx-injected: y' does not exist/);
  assert.equal(answer.headers['x-injected'] ?? answer.trailers['x-injected'], undefined);
});

test('a path whose name has line breaks is an unknown model, also where a default route takes it', async () => {
  const path = '/v2/models/a%0d%0ax-injected:%20y/infer';
  const refused = await exchange({ url: mesh.url + path, method: 'POST', body: '{}' });
  assert.equal(refused.status, 404);
  assert.match(JSON.parse(String(refused.body)).error, /'a\r\nx-injected: y'/);
  const headers = { host: 'keeping' };
  const passed = await exchange({ url: mesh.url + path, method: 'POST', headers, body: '{}' });
  assert.equal(passed.status, 200);
  assert.equal(backend.requests.at(-1)?.line, `POST ${path} HTTP/1.1`);
  assert.equal(backend.requests.at(-1)?.headers.has('x-injected'), false);
});

test('a form whose name has a line break is refused', async () => {
  for (const name of ['known\r\nx: y', 'known\n', '\u0000known']) {
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    const body = `--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n${name}\r\n--b--\r\n`;
    const url = `${mesh.url}/v1/audio/transcriptions`;
    const answer = await exchange({ url, method: 'POST', headers, body });
    assert.equal(answer.status, 400, String(answer.body));
    assert.equal(JSON.parse(String(answer.body)).error.code, 'invalid_body');
  }
});

test('the longest name works wherever a name may stand', async () => {
  const escaped = `"${[...LONGEST].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('')}"`;
  for (const token of [JSON.stringify(LONGEST), escaped]) {
    assert.equal((await sendJson(token)).status, 200);
    assert.equal(backend.requests.at(-1)?.body, '{"model":"served"}');
  }
  const path = `/v2/models/${encodeURIComponent(LONGEST)}/infer`;
  const byPath = await exchange({ url: mesh.url + path, method: 'POST', body: '{}' });
  assert.equal(byPath.status, 200);
  assert.equal(backend.requests.at(-1)?.line, 'POST /v2/models/served/infer HTTP/1.1');
  const byHeader = await exchange({ url: `${mesh.url}/x`, headers: { 'x-model': LONGEST } });
  assert.equal(byHeader.status, 200);
  assert.equal(backend.requests.at(-1)?.headers.get('x-model'), 'served');
});

test('a longer name is a 404 without an echo of all of it, in whatever protocol', async () => {
  for (const size of [513, 100_000]) {
    const name = 'n'.repeat(size);
    const json = await sendJson(JSON.stringify(name));
    assert.equal(json.status, 404);
    assert.equal(JSON.parse(String(json.body)).error.code, 'model_not_found');
    assert.ok(json.body.length < 1_000, `${json.body.length} bytes`);
    assert.equal((await sendJson(JSON.stringify(name), 'keeping')).status, 404);
    const message = frame(inferMessage({ model: name }));
    const grpc = await grpcCall({ port: mesh.port, method: 'ModelInfer', parts: [message] });
    assert.equal(grpc.status, 5, grpc.message);
    assert.ok(grpc.message.length < 1_000);
  }
  const name = 'n'.repeat(5_000);
  for (const request of [
    { url: `${mesh.url}/v2/models/${name}/infer`, method: 'POST', body: '{}' },
    { url: `${mesh.url}/x`, headers: { 'x-model': name } },
  ]) {
    const answer = await exchange(request);
    assert.equal(answer.status, 404);
    assert.ok(answer.body.length < 1_000, `${answer.body.length} bytes`);
  }
});

test('a path longer than Envoy takes is refused by Envoy, and it serves on', async () => {
  const url = `${mesh.url}/v2/models/${'n'.repeat(100_000)}/infer`;
  const answer = await exchange({ url, method: 'POST', body: '{}' }).catch(() => null);
  assert.ok(answer === null || answer.status >= 400);
  assert.equal((await sendJson('"known"')).status, 200);
});

/** Bytes that are no UTF-8, a character a byte. */
const RAW = ['\xff\xfe', '\xc3', '\xe2\x82', '\xff'];
const PLACES = {
  header: (name: string) => `GET /x HTTP/1.1\r\nhost: mesh\r\nx-model: ${name}`,
  path: (name: string) => `GET /v2/models/${name}/config HTTP/1.1\r\nhost: mesh`,
};

for (const [place, headOf] of Object.entries(PLACES)) {
  test(`${place}: a known name with bytes behind it that are no UTF-8 is not that name`, async () => {
    const count = backend.requests.length;
    for (const tail of RAW) {
      const connection = new Connection(mesh.port);
      connection.write(Buffer.from(`${headOf(`known${tail}`)}\r\n\r\n`, 'latin1'));
      const answer = await connection.take(/\r\n\r\n/);
      connection.destroy();
      assert.match(answer, /^HTTP\/1.1 40[04] /, JSON.stringify(tail));
    }
    assert.equal(backend.requests.length, count);
  });
}

test('a query with bytes that are no UTF-8 reaches the backend as it came, or is refused', async () => {
  for (const tail of RAW) {
    const connection = new Connection(mesh.port);
    const head = `GET /v2/models/known/config?x=${tail}&y=1 HTTP/1.1\r\nhost: mesh\r\n\r\n`;
    connection.write(Buffer.from(head, 'latin1'));
    const answer = await connection.take(/\r\n\r\n/);
    connection.destroy();
    if (/^HTTP\/1.1 400 /.test(answer)) continue;
    const line = `GET /v2/models/served/config?x=${tail}&y=1 HTTP/1.1`;
    assert.equal(backend.requests.at(-1)?.line, line);
  }
});
