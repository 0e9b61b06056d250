/** The bytes that leave Envoy, however the request came in. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';
import { type RawBackend, type RawRequest, startRawBackend } from './raw-backend.ts';
import { type Framing, post } from './raw-client.ts';
import { staticBootstrap } from './static-mesh.ts';

const SERVED = 'the-served-name';
const FRAMINGS: readonly Framing[] = ['content-length', 'chunked', 'HTTP/2'];

let backend: RawBackend;
let envoy: TestEnvoy;
let port: number;

before(async () => {
  backend = await startRawBackend();
  const models = ['public', 'größe 7'];
  const mesh = { backendPort: backend.port, models, servedModel: SERVED, servedVersion: '7' };
  envoy = await startEnvoy({ bootstrap: staticBootstrap(mesh) });
  port = await listenerPort(envoy);
});

after(async () => {
  await envoy?.stop();
  await backend?.stop();
});

async function listenerPort(of: TestEnvoy): Promise<number> {
  const address = (await of.listeners()).get('test') ?? '';
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

function last(): RawRequest {
  const request = backend.requests.at(-1);
  assert.ok(request, 'nothing reached the backend');
  return request;
}

/** Nothing is left over, no reserved header left, and all came on one connection. */
function checkWire(request: RawRequest): void {
  assert.equal(backend.leftover(), '');
  assert.equal(request.connection, 0, 'the first connection is used again and again');
  const reserved = [...request.headers.keys()].filter((name) => name.startsWith('x-modelweir-'));
  assert.deepEqual(reserved, []);
}

const LONG = 'x'.repeat(100_000);
const BODIES: readonly { name: string; parts: readonly string[] }[] = [
  { name: 'the name first, in one piece', parts: ['{"model":"public","input":"x"}'] },
  { name: 'the name last, in one piece', parts: ['{"input":"héllo 😀","model":"public"}'] },
  { name: 'the name cut in two', parts: ['{"model":"pub', 'lic","input":"x"}'] },
  { name: 'the key cut in an escape', parts: ['{"mod\\u0', '065l":"public","input":"x"}'] },
  { name: 'the name first, much after it', parts: ['{"model":"public","input":"', LONG, '"}'] },
  { name: 'the name last, much before it', parts: ['{"input":"', LONG, '","model":"public"}'] },
  { name: 'the name in the middle', parts: [`{"a":"${LONG}","model":"public","b":"`, LONG, '"}'] },
  { name: 'a name with escapes and UTF-8', parts: ['{"model":"gr\\u00f6', 'ße 7","input":"x"}'] },
  { name: 'every byte by itself', parts: [...'{"input":[1,2],"model":"public"}'] },
];

for (const framing of FRAMINGS) {
  for (const { name, parts } of BODIES) {
    test(`${framing}, ${name}: the body leaves with the served name and the right length`, async () => {
      const answer = await post(framing, { port, path: '/v1/embeddings', parts });
      assert.deepEqual(answer.status, 200, answer.body);
      const request = last();
      const text = parts.join('');
      const expected = text.replace(/"(public|gr\\u00f6ße 7)"/, JSON.stringify(SERVED));
      assert.equal(request.body, expected);
      if (framing === 'content-length') {
        assert.equal(request.headers.get('content-length'), String(Buffer.byteLength(expected)));
        assert.equal(request.raw.length, Buffer.byteLength(expected));
      } else {
        assert.equal(request.headers.get('transfer-encoding'), 'chunked');
        assert.equal(request.headers.has('content-length'), false);
      }
      checkWire(request);
    });
  }
}

const PATHS: readonly [path: string, expected: string][] = [
  ['/v2/models/public/infer', `/v2/models/${SERVED}/versions/7/infer`],
  ['/v2/models/public/versions/3/infer?x=1', `/v2/models/${SERVED}/versions/3/infer?x=1`],
  ['/v2/models/gr%C3%B6%C3%9Fe%207/infer', `/v2/models/${SERVED}/versions/7/infer`],
];

for (const [path, expected] of PATHS) {
  test(`${path} leaves as ${expected}, its body as it came`, async () => {
    const body = '{"inputs":[],"model":"public"}';
    const answer = await post('content-length', { port, path, parts: [body] });
    assert.equal(answer.status, 200, answer.body);
    assert.equal(last().line, `POST ${expected} HTTP/1.1`);
    assert.equal(last().body, body);
    checkWire(last());
  });
}

test('a retry sends the served name again, and its length is right again', async (t) => {
  const failing = await startRawBackend([503, 503]);
  t.after(() => failing.stop());
  const mesh = { backendPort: failing.port, servedModel: SERVED, retries: 2 };
  const retrying = await startEnvoy({ bootstrap: staticBootstrap(mesh) });
  t.after(() => retrying.stop());
  const parts = ['{"input":"', 'x'.repeat(50_000), '","model":"pub', 'lic"}'];
  for (const framing of FRAMINGS) {
    const at = await listenerPort(retrying);
    const answer = await post(framing, { port: at, path: '/v1/embeddings', parts });
    assert.equal(answer.status, 200, answer.body);
  }
  assert.equal(failing.requests.length, 5);
  const expected = parts.join('').replace('"public"', JSON.stringify(SERVED));
  for (const request of failing.requests) assert.equal(request.body, expected);
  assert.equal(failing.leftover(), '');
});

test('a retry does not write the served name and version into the path twice', async (t) => {
  const failing = await startRawBackend([503, 503]);
  t.after(() => failing.stop());
  const mesh = { backendPort: failing.port, servedModel: SERVED, servedVersion: '7', retries: 2 };
  const retrying = await startEnvoy({ bootstrap: staticBootstrap(mesh) });
  t.after(() => retrying.stop());
  const at = await listenerPort(retrying);
  const path = '/v2/models/public/infer?x=1';
  const answer = await post('content-length', { port: at, path, parts: ['{}'] });
  assert.equal(answer.status, 200, answer.body);
  const line = `POST /v2/models/${SERVED}/versions/7/infer?x=1 HTTP/1.1`;
  assert.deepEqual(
    failing.requests.map((request) => request.line),
    [line, line, line],
  );
});
