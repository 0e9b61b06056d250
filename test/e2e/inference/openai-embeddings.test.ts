/** /v1/embeddings of a real pod, compared with what numpy and Hugging Face's own tokenizer gave. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readReference } from '../../unit/inference/text/text-references.ts';
import { type PodProcess, startPod } from './pod-process.ts';
import { makeTextRepository, type TextRepository } from './text-repository.ts';

const TOLERANCE = 1e-6;

const embeddings = (more: object) => ({
  from: 'tiny-embed' as const,
  config: { task: 'embeddings', embeddings: { maxTokens: 64, ...more } },
});

const MODELS = {
  mean: embeddings({ pooling: 'mean', maxTexts: 2000 }),
  cls: embeddings({ pooling: 'cls' }),
  last: embeddings({ pooling: 'last', padToMultipleOf: 1 }),
  cut: embeddings({ truncate: true, dimensions: [8] }),
  short: embeddings({ maxTokens: 6, maxTexts: 2, maxChars: 30 }),
  broken: embeddings({ output: 'nothing' }),
  chat: { from: 'tiny-chat' as const, config: { task: 'generation' } },
};

describe('embeddings of a pod', () => {
  const reference = readReference('tiny-embed');
  let repository: TextRepository;
  let pod: PodProcess;

  before(async () => {
    repository = makeTextRepository(MODELS);
    pod = await startPod(['--repository', repository.path]);
  });
  after(async () => {
    await pod?.stop();
    repository?.remove();
  });

  const embed = (model: string, input: unknown, more: object = {}) =>
    pod.post('/v1/embeddings', { model, input, ...more });

  const vectorsOf = async (model: string, input: unknown, more?: object): Promise<number[][]> => {
    const { status, json } = await embed(model, input, more);
    assert.equal(status, 200, JSON.stringify(json));
    return json.data.map(({ embedding }: { embedding: number[] }) => embedding);
  };

  for (const pooling of ['mean', 'cls', 'last'] as const) {
    test(`${pooling}: texts together give the vectors of the reference`, async () => {
      assertClose(await vectorsOf(pooling, reference.texts), reference.embeddings[pooling]);
    });

    test(`${pooling}: token ids give them too`, async () => {
      assertClose(await vectorsOf(pooling, reference.tokens), reference.embeddings[pooling]);
    });
  }

  test('texts one by one give them too, as do many requests at a time', async () => {
    const single = await Promise.all(
      reference.texts.map(async (text: string) => (await vectorsOf('mean', text))[0]),
    );
    assertClose(single, reference.embeddings.mean);
  });

  test('a list that needs many runs comes back in its order', async () => {
    const { texts } = reference;
    const many = Array.from({ length: 500 }, (_, i) => texts[i % texts.length]);
    const expected = many.map((_, i) => reference.embeddings.mean[i % texts.length]);
    assertClose(await vectorsOf('mean', many), expected);
  });

  test('the answer has its model, its indexes and the tokens that were used', async () => {
    const { json } = await embed('mean', reference.texts);
    const used = reference.tokens.flat().length;
    assert.deepEqual(json.usage, { prompt_tokens: used, total_tokens: used });
    assert.deepEqual([json.object, json.model], ['list', 'mean']);
    assert.deepEqual(
      json.data.map(({ index, object }: { index: number; object: string }) => [index, object]),
      reference.texts.map((_: string, index: number) => [index, 'embedding']),
    );
  });

  test('base64 is the same numbers as FP32', async () => {
    const { json } = await embed('mean', 'rain', { encoding_format: 'base64' });
    const bytes = Buffer.from(json.data[0].embedding, 'base64');
    const numbers = Array.from({ length: 32 }, (_, i) => bytes.readFloatLE(4 * i));
    assert.deepEqual([numbers], await vectorsOf('mean', 'rain'));
  });

  test('configured dimensions shorten the vector, which has length 1 again', async () => {
    const [short = []] = await vectorsOf('cut', 'the soup needs salt', { dimensions: 8 });
    const [whole = []] = await vectorsOf('cut', 'the soup needs salt');
    const length = Math.hypot(...whole.slice(0, 8));
    assertClose([short], [whole.slice(0, 8).map((value) => value / length)]);
  });

  test('a long text is cut where that is configured', async () => {
    const words = Array.from({ length: 100 }, () => 'rain');
    const { json } = await embed('cut', words.join(' '));
    assert.equal(json.usage.prompt_tokens, 64);
    const kept = await vectorsOf('cut', words.slice(0, 62).join(' '));
    assertClose([json.data[0].embedding], kept);
  });

  const refused: readonly [string, string, object, string | null, RegExp][] = [
    ['a text that is too long', 'short', { input: 'one two' }, 'input', /20 tokens|takes 6/],
    ['too many texts', 'short', { input: ['a', 'b', 'c'] }, 'input', /maxTexts/],
    ['too many characters', 'short', { input: 'x'.repeat(31) }, 'input', /maxChars/],
    ['no input', 'mean', {}, 'input', /must be a text/],
    ['an empty list', 'mean', { input: [] }, 'input', /not empty/],
    ['an empty text', 'mean', { input: ['a', ''] }, 'input[1]', /is empty/],
    ['a list of both kinds', 'mean', { input: ['a', [1]] }, 'input[1]', /must be a text/],
    ['a token that is none', 'mean', { input: [1, -1] }, 'input[1]', /token id/],
    ['a token beyond the vocabulary', 'mean', { input: [1, 99_999] }, 'input', /vocabulary/],
    [
      'dimensions that are not configured',
      'mean',
      { input: 'a', dimensions: 8 },
      'dimensions',
      /allows none/,
    ],
    [
      'an unknown encoding',
      'mean',
      { input: 'a', encoding_format: 'int8' },
      'encoding_format',
      /base64/,
    ],
    ['a model for something else', 'chat', { input: 'a' }, 'model', /gives no embeddings/],
    ['no model', '', { input: 'a' }, 'model', /name of a model/],
  ];
  for (const [what, model, body, param, message] of refused) {
    test(`${what} is a 400 that names the field`, async () => {
      const { status, json } = await pod.post('/v1/embeddings', { model, ...body });
      assert.equal(status, 400, JSON.stringify(json));
      assert.equal(json.error.param, param);
      assert.equal(json.error.type, 'invalid_request_error');
      assert.match(json.error.message, message);
    });
  }

  test('an unknown model is a 404 as OpenAI has it', async () => {
    const { status, json } = await embed('nobody', 'a');
    assert.equal(status, 404);
    assert.equal(json.error.code, 'model_not_found');
  });

  test('a model that has no such output says so, and the others go on', async () => {
    const { status, json } = await embed('broken', 'a');
    assert.equal(status, 503);
    assert.match(json.error.message, /"nothing".*last_hidden_state/);
  });

  test('a body that is no JSON is a 400', async () => {
    const { status, json } = await pod.post('/v1/embeddings', '{"model":');
    assert.equal(status, 400);
    assert.match(json.error.message, /not JSON/);
  });

  test('the models for text are listed, by name', async () => {
    const { json } = await pod.get('/v1/models');
    assert.deepEqual(
      json.data.map(({ id }: { id: string }) => id),
      Object.keys(MODELS).sort(),
    );
    assert.equal((await pod.get('/v1/models/mean')).json.id, 'mean');
    assert.equal((await pod.get('/v1/models/nobody')).status, 404);
  });

  test('another method, and another path, are refused in the same form', async () => {
    const get = await pod.get('/v1/embeddings');
    assert.deepEqual([get.status, get.headers.get('allow')], [405, 'POST']);
    assert.equal((await pod.post('/v1/nothing', {})).json.error.type, 'invalid_request_error');
  });
});

function assertClose(actual: readonly number[][], expected: readonly number[][]): void {
  assert.equal(actual.length, expected.length);
  for (const [row, vector] of actual.entries()) {
    const differences = vector.map((value, i) => Math.abs(value - (expected[row]?.[i] ?? NaN)));
    assert.ok(Math.max(...differences) < TOLERANCE, `row ${row}: ${Math.max(...differences)}`);
  }
}
