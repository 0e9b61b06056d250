/** Names and fields that stand where a filter's reading begins again: at the edges of windows and pieces. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RawBackend, startRawBackend } from '../router/raw-backend.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';
import { FRAMINGS, type Framing, pieces, send } from './upload.ts';

const PATH = '/v1/chat/completions';
/** Bytes that the filter reads at a time. */
const WINDOW_BYTES = 65_536;
const MAX_HOLD_BYTES = 262_144;

let backend: RawBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startRawBackend();
  const model = { name: 'a-served-name' };
  const spec = { protocol: 'OpenAI', model, maxConnections: 1 };
  mesh = await serve(
    [
      modelBackend('llm', backend.port, spec),
      modelRoute('llm', ['public'], ['llm']),
      modelRoute('sticky', ['sticky'], ['llm'], { sticky: { bodyField: 'metadata.tenant' } }),
    ],
    ['--max-hold-bytes', String(MAX_HOLD_BYTES)],
  );
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

async function checkSent(framing: Framing, body: string, parts: Uint8Array[]): Promise<void> {
  const before = backend.requests.at(-1);
  const answer = await send(framing, { port: mesh.port, path: PATH, parts });
  assert.equal(answer.status, 200, answer.body);
  const expected = body.replace(/"model":"(public|sticky)"/, '"model":"a-served-name"');
  const request = backend.requests.at(-1);
  assert.notEqual(request, before);
  assert.ok(request?.body === expected, `the body differs: ${request?.body.slice(-200)}`);
  if (framing === 'content-length') {
    assert.equal(request?.headers.get('content-length'), String(Buffer.byteLength(expected)));
  }
  assert.equal(backend.leftover(), '');
  assert.equal(request?.connection, 0);
}

for (const framing of FRAMINGS) {
  test(`${framing}: a name across the edge of a window, at any of its bytes, leaves exact`, async () => {
    const [begin, name] = ['{"input":"', '","model":"public"'];
    for (let before = 0; before <= name.length + 1; before++) {
      const filler = 'x'.repeat(WINDOW_BYTES - begin.length - before);
      const body = `${begin}${filler}${name},"user":"${'y'.repeat(WINDOW_BYTES)}"}`;
      await checkSent(framing, body, pieces(body, 1_000_000));
    }
  });

  test(`${framing}: a name across the edge of two pieces, at any of its bytes, leaves exact`, async () => {
    const body = `{"input":"${'x'.repeat(500)}","model":"public","user":"y"}`;
    const at = body.indexOf('"model"');
    for (let cut = at; cut <= at + '"model":"public"'.length; cut++) {
      await checkSent(framing, body, [
        Buffer.from(body.slice(0, cut)),
        Buffer.from(body.slice(cut)),
      ]);
    }
  });

  for (const [what, body] of [
    ['is there', '{"model":"sticky","a":"FILLER","metadata":{"tenant":"t"},"b":"FILLER"}'],
    ['comes before the name', '{"metadata":{"tenant":"t"},"a":"FILLER","model":"sticky"}'],
    ['never comes', '{"model":"sticky","a":"FILLER","metadata":{"user":"t"}}'],
    ['is an object', '{"model":"sticky","a":"FILLER","metadata":{"tenant":{"model":"x"}}}'],
  ] as const) {
    test(`${framing}: a body held for its sticky field, which ${what}, leaves exact`, async () => {
      for (const size of [10, 100_000]) {
        const text = body.replaceAll('FILLER', 'x'.repeat(size));
        for (const piece of [7_001, 1_000_000]) await checkSent(framing, text, pieces(text, piece));
      }
    });
  }

  test(`${framing}: a sticky field beyond the limit is not waited for`, async () => {
    const filler = 'x'.repeat(MAX_HOLD_BYTES);
    const body = `{"model":"sticky","a":"${filler}","metadata":{"tenant":"t"}}`;
    for (const piece of [7_001, 1_000_000]) await checkSent(framing, body, pieces(body, piece));
  });
}
