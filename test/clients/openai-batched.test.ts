/** Embeddings by the `openai` packages, many calls at once through a route with batching. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { backend as backendYaml, route } from '../e2e/mesh/resources.ts';
import type { Backend } from '../harness/backend.ts';
import type { TestMesh } from '../harness/mesh.ts';
import { startClientMesh } from './client-mesh.ts';
import { startOpenAiBackend } from './openai-backend.ts';
import { runPythonChecks } from './python-checks.ts';

const CONCURRENT = 16;
const CALLS = 160;

describe('embeddings that are joined', () => {
  let backend: Backend;
  let mesh: TestMesh;

  before(async () => {
    backend = await startOpenAiBackend(['emb']);
    mesh = await startClientMesh(
      backendYaml('embedder', backend.port, 'emb', 'OpenAI') +
        route({
          name: 'embedder',
          model: 'acme/embedder',
          weights: { embedder: 1 },
          more: '  batching: { maxRows: 64, maxDelayMs: 20 }',
        }),
    );
  });
  after(async () => {
    await mesh?.stop();
    await backend?.stop();
  });

  /** Texts of the calls that the backend got, since so many. */
  const textsOfCalls = (seen: number): string[][] =>
    backend.requests
      .slice(seen)
      .map(({ body }) => [JSON.parse(body.toString()).input].flat() as string[]);

  for (const encoding of ['float', undefined] as const) {
    test(`the Node client: 16 calls at once, ${encoding ?? 'its own default encoding'}`, async () => {
      const client = new OpenAI({ baseURL: `${mesh.url}/v1`, apiKey: 'unused', maxRetries: 0 });
      const seen = backend.requests.length;
      let tokens = 0;
      let next = 0;
      const loop = async (): Promise<void> => {
        while (next < CALLS) {
          const texts = textsOf(next++);
          const answer = await client.embeddings.create({
            model: 'acme/embedder',
            input: texts.length === 1 ? String(texts[0]) : texts,
            ...(encoding && { encoding_format: encoding }),
          });
          const got = answer.data.map(({ embedding }) => [...embedding]);
          assert.deepEqual(got, texts.map(vectorOf));
          assert.deepEqual(
            answer.data.map(({ index }) => index),
            texts.map((_, index) => index),
          );
          assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens);
          tokens += answer.usage.total_tokens;
        }
      };
      await Promise.all(Array.from({ length: CONCURRENT }, loop));
      const calls = textsOfCalls(seen);
      assert.equal(tokens, calls.flat().length, 'what all were told they used is what was used');
      assert.ok(calls.length < CALLS / 2, `${calls.length} calls for ${CALLS} requests`);
    });
  }

  test('the Python client', async (t) => {
    const seen = backend.requests.length;
    await runPythonChecks(t, 'openai_batched.py', { baseUrl: `${mesh.url}/v1` });
    await t.test('its requests were joined', () => {
      const sizes = textsOfCalls(seen).map((texts) => texts.length);
      assert.ok(Math.max(...sizes) > 3, `calls of ${sizes} texts`);
    });
  });
});

/** One to three, of different lengths, that no other call has. */
function textsOf(call: number): string[] {
  return Array.from({ length: 1 + (call % 3) }, (_, i) => `${call} ${'é'.repeat(call % 7)} ${i}`);
}

/** As the backend computes it. */
function vectorOf(text: string): number[] {
  const sum = [...text].reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0);
  return [text.length, sum, -0.5, 0.25];
}
