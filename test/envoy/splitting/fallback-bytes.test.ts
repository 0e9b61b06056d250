/**
 * The bytes of each attempt: every backend gets its own model's name and else what the client sent, with the
 * right length, whatever an attempt before it was sent.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { FRAMINGS, pieces, send } from '../protocols/upload.ts';
import { type ActingBackend, answer, startActingBackend } from './acting-backend.ts';

/** Names of the canary's and of the stable backend's model: one longer and one shorter than `public`. */
const NAMES = {
  grow: { canary: 'c', stable: 'a/much-longer/name-of-the-model' },
  shrink: { canary: 'a/much-longer/name-of-the-model', stable: 's' },
  first: { canary: 'renamed', stable: null },
  second: { canary: null, stable: 'renamed' },
} as const;
const LARGE_BYTES = 10_000_000;
const MAX_BODY_BYTES = 16 << 20;

type Name = keyof typeof NAMES;

let canary: ActingBackend;
let stable: ActingBackend;
let mesh: ServedMesh;

before(async () => {
  canary = await startActingBackend(answer(500));
  stable = await startActingBackend(answer(200, 'stable'));
  const backend = (name: string, port: number, protocol: string, model: string | null) =>
    modelBackend(name, port, { protocol, ...(model === null ? {} : { model: { name: model } }) });
  const route = (name: string, kind: string) =>
    modelRoute(`${name}-${kind}`, [`public-${name}-${kind}`], [], {
      variants: [
        { name: 'canary', backendRef: { name: `${name}-${kind}-canary` }, weight: 1 },
        { name: 'stable', backendRef: { name: `${name}-${kind}-stable` }, weight: 0 },
      ],
      fallback: { variants: ['stable'] },
      retry: { attempts: 1, maxBodyBytes: MAX_BODY_BYTES },
    });
  mesh = await serve(
    Object.entries(NAMES).flatMap(([name, models]) =>
      (['OpenAI', 'OpenInference'] as const).flatMap((protocol) => {
        const kind = protocol.toLowerCase();
        return [
          backend(`${name}-${kind}-canary`, canary.port, protocol, models.canary),
          backend(`${name}-${kind}-stable`, stable.port, protocol, models.stable),
          route(name, kind),
        ];
      }),
    ),
  );
});

after(async () => {
  await mesh?.stop();
  await canary?.stop();
  await stable?.stop();
});

/** Sends it, and checks what came to both backends. `of` makes path and body with a model's name. */
async function check(
  name: Name,
  kind: 'openai' | 'openinference',
  framing: (typeof FRAMINGS)[number],
  headers: Readonly<Record<string, string>>,
  of: (model: string) => { path: string; body: string | Uint8Array },
): Promise<void> {
  const model = `public-${name}-${kind}`;
  const { path, body } = of(model);
  const parts = pieces(body, 60_000);
  const got = await send(framing, { port: mesh.port, path, headers, parts });
  assert.equal(`${got.status} ${got.body}`, '200 stable');
  for (const [who, backend] of [
    ['canary', canary],
    ['stable', stable],
  ] as const) {
    const attempt = backend.attempts.at(-1);
    const expected = of(NAMES[name][who] ?? model);
    assert.equal(attempt?.path, expected.path, who);
    const sent = attempt?.body ?? Buffer.alloc(0);
    assert.equal(sent.length, Buffer.byteLength(expected.body), who);
    assert.equal(digest(sent), digest(expected.body), who);
    if (framing === 'content-length') {
      assert.equal(attempt?.headers['content-length'], String(sent.length), who);
    }
    assert.equal(backend.malformed, 0);
  }
}

function digest(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function jsonBody(model: string, bytes: number, place: 'first' | 'last'): string {
  const input = `"input":"${'é"\\n'.replaceAll('"', '\\"').repeat(Math.ceil(bytes / 6))}"`;
  const field = `"model":${JSON.stringify(model)}`;
  return place === 'first' ? `{${field}, ${input}}` : `{${input}, ${field}}`;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const BOUNDARY = 'b0und4ry';

for (const name of Object.keys(NAMES) as Name[]) {
  for (const framing of FRAMINGS) {
    test(`${framing}, ${name}: JSON with the name first and last`, async () => {
      for (const place of ['first', 'last'] as const) {
        await check(name, 'openai', framing, JSON_TYPE, (model) => ({
          path: '/v1/embeddings?a=b%20c',
          body: jsonBody(model, 5000, place),
        }));
      }
    });

    test(`${framing}, ${name}: a name in the path`, async () => {
      await check(name, 'openinference', framing, JSON_TYPE, (model) => ({
        path: `/v2/models/${encodeURIComponent(model)}/infer?x=%2F`,
        body: '{"inputs":[]}',
      }));
    });

    test(`${framing}, ${name}: a form`, async () => {
      const headers = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
      await check(name, 'openai', framing, headers, (model) => ({
        path: '/v1/audio/transcriptions',
        body: form(model),
      }));
    });
  }
}

function form(model: string): string {
  const part = (name: string, value: string, more = '') =>
    `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const file = part('file', 'x'.repeat(2000), '; filename="a.wav"');
  return `${part('language', 'en')}${part('model', model)}${file}--${BOUNDARY}--\r\n`;
}

for (const framing of FRAMINGS) {
  test(`${framing}: 10 MB are sent again where the route allows so many`, async () => {
    for (const name of ['grow', 'shrink'] as const) {
      await check(name, 'openai', framing, JSON_TYPE, (model) => ({
        path: '/v1/embeddings',
        body: jsonBody(model, LARGE_BYTES, 'first'),
      }));
    }
  });
}
