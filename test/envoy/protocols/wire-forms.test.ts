/** Multipart forms on the wire: the served name in its part, every other byte as it came. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RawBackend, startRawBackend } from '../router/raw-backend.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';
import { FRAMINGS, type Framing, pieces, send } from './upload.ts';

const PATHS = ['/v1/audio/transcriptions', '/v1/audio/translations', '/v1/images/edits'];
const SERVED: Readonly<Record<string, string>> = {
  'whisper-1': 'organisation/whisper-large-v3',
  'whisper-2': 'w',
  'whisper-3': 'same-size',
};
const BOUNDARY = '----form-boundary-7';
const HEADERS = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };

let backend: RawBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startRawBackend();
  mesh = await serve(
    Object.entries(SERVED).flatMap(([model, served], i) => [
      modelBackend(`b${i}`, backend.port, { protocol: 'OpenAI', model: { name: served } }),
      modelRoute(`r${i}`, [model], [`b${i}`]),
    ]),
  );
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

function part(disposition: string, content: string): string {
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`;
}

/** A file that has line breaks, near-delimiters and the words of a form in it. */
function filePart(size: number): string {
  const tricky = `\r\n--${BOUNDARY.slice(0, -1)}\r\nname="model"\r\n\r\nother\r\n`;
  return part('name="file"; filename="a.wav"', tricky.repeat(Math.ceil(size / tricky.length)));
}

function form(model: string, size: number, nameFirst: boolean): string {
  const name = part('name="model"', model);
  const language = part('name="language"', 'en');
  const parts = nameFirst ? [name, language, filePart(size)] : [filePart(size), language, name];
  return `${parts.join('')}--${BOUNDARY}--\r\n`;
}

async function sendForm(framing: Framing, path: string, body: string, size = 16_000) {
  const parts = pieces(body, size);
  const answer = await send(framing, { port: mesh.port, path, parts, headers: HEADERS });
  assert.equal(answer.status, 200, answer.body);
}

function checkLast(path: string, expected: string, framing: Framing): void {
  const request = backend.requests.at(-1);
  assert.equal(request?.line, `POST ${path} HTTP/1.1`);
  assert.ok(request?.body === expected, `the body differs: ${request?.body.slice(0, 300)}`);
  const length = framing === 'content-length' ? String(expected.length) : undefined;
  assert.equal(request?.headers.get('content-length'), length);
  assert.equal(request?.headers.get('content-type'), HEADERS['content-type']);
  assert.equal(backend.leftover(), '');
}

for (const framing of FRAMINGS) {
  for (const size of [1_000, 64_000, 900_000]) {
    for (const nameFirst of [true, false]) {
      const place = nameFirst ? 'before' : 'after';
      test(`${framing}, the model ${place} a file of ${size} bytes: the form leaves exact, and so does the next`, async () => {
        for (const [model, served] of Object.entries(SERVED)) {
          for (const bytes of [size, 70]) {
            const path = PATHS[bytes % PATHS.length] ?? '';
            const body = form(model, bytes, nameFirst);
            await sendForm(framing, path, body);
            const at = body.lastIndexOf(`\r\n\r\n${model}\r\n`) + 4;
            const expected = body.slice(0, at) + served + body.slice(at + model.length);
            checkLast(path, expected, framing);
          }
          const [before, last] = backend.requests.slice(-2);
          assert.equal(last?.connection, before?.connection);
        }
      });
    }
  }

  test(`${framing}, a form a byte at a time leaves exact`, async () => {
    const body = form('whisper-1', 300, false);
    await sendForm(framing, '/v1/audio/transcriptions', body, 1);
    const expected = body.replace('\r\n\r\nwhisper-1', `\r\n\r\n${SERVED['whisper-1']}`);
    checkLast('/v1/audio/transcriptions', expected, framing);
  });
}

const REFUSED: readonly (readonly [what: string, body: string, code: string])[] = [
  ['a second model', part('name="model"', 'whisper-2'), 'duplicate_model'],
  ['a model in other case', part('name="Model"', 'whisper-2'), 'duplicate_model'],
];

for (const [what, second, code] of REFUSED) {
  test(`${what} in a form is refused as ${code}, before a backend sees the form's end`, async () => {
    for (const framing of FRAMINGS) {
      const count = backend.requests.length;
      const body = `${part('name="model"', 'whisper-1')}${filePart(200_000)}${second}--${BOUNDARY}--\r\n`;
      const parts = pieces(body);
      const path = '/v1/audio/transcriptions';
      const answer = await send(framing, { port: mesh.port, path, parts, headers: HEADERS });
      assert.equal(answer.status, 400, answer.body);
      assert.equal(JSON.parse(answer.body).error.code, code);
      assert.equal(backend.requests.length, count, 'the backend got a whole request');
    }
  });
}

test('a form without a model is told so, and reaches no backend', async () => {
  const count = backend.requests.length;
  const parts = [`${filePart(100)}--${BOUNDARY}--\r\n`];
  const path = '/v1/images/variations';
  const answer = await send('chunked', { port: mesh.port, path, parts, headers: HEADERS });
  assert.equal(answer.status, 400);
  assert.equal(JSON.parse(answer.body).error.code, 'missing_model');
  assert.equal(backend.requests.length, count);
});
