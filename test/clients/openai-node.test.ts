/** The `openai` package of Node, through a mesh. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import OpenAI, { NotFoundError, toFile } from 'openai';
import type { Stream } from 'openai/streaming';
import { exchange } from '../../control-plane/cli/quickstart/exchange.ts';
import { type OpenAiMesh, startOpenAiMesh } from './openai-mesh.ts';

type Chunk = OpenAI.Chat.Completions.ChatCompletionChunk;

const TEXT = `${Array.from({ length: 50 }, (_, index) => `word${index}`).join(' ')} Grüße 😀`;

describe('the openai Node client', () => {
  let served: OpenAiMesh;
  let client: OpenAI;

  const ask = (content: string, model = 'talker') => ({
    model,
    messages: [{ role: 'user' as const, content }],
  });
  const transcribe = async (content: Uint8Array, model = 'ear') => {
    const file = await toFile(content, 'speech.wav');
    // As its documentation has it: the file first, the model after it.
    const answer = await client.audio.transcriptions.create({ file, model });
    return JSON.parse(answer.text);
  };

  before(async () => {
    served = await startOpenAiMesh();
    client = new OpenAI({
      baseURL: served.baseUrl,
      apiKey: 'unused',
      maxRetries: 0,
      timeout: 30_000,
    });
  });
  after(async () => await served?.stop());

  test('models.list() has the public names, sorted, and no served one', async () => {
    const names: string[] = [];
    for await (const model of client.models.list()) names.push(model.id);
    assert.deepEqual(names, ['acme/embedder', 'ear', 'talker']);
  });

  for (const name of ['talker', 'acme/embedder']) {
    test(`models.retrieve() knows ${name}`, async () => {
      assert.equal((await client.models.retrieve(name)).id, name);
    });
  }

  test('a chat is answered in full, with its usage', async () => {
    const answer = await client.chat.completions.create(ask(TEXT));
    assert.equal(answer.choices[0]?.message.content, TEXT);
    assert.equal(answer.usage?.total_tokens, 104);
  });

  test('a streamed chat comes chunk by chunk, in order, with its usage', async () => {
    const stream = await client.chat.completions.create({
      ...ask(TEXT),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await all(stream);
    const words = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content));
    assert.deepEqual(words, [...TEXT.split(/(?= )/), undefined]);
    assert.equal(chunks.at(-1)?.usage?.completion_tokens, 52);
  });

  test('the first chunk of a streamed chat is there before the second one is written', async () => {
    const stream = await client.chat.completions.create(
      { ...ask('first then last'), stream: true },
      { headers: { 'x-gate': 'node' } },
    );
    const words: (string | null | undefined)[] = [];
    for await (const chunk of stream) {
      if (words.length === 0) {
        await exchange({ url: `${served.backend.url}/gates/node`, method: 'POST' });
      }
      words.push(chunk.choices[0]?.delta.content);
    }
    assert.deepEqual(words, ['first', ' then', ' last', undefined]);
  });

  test('embeddings come as floats, in the order of their texts', async () => {
    const answer = await client.embeddings.create({
      model: 'acme/embedder',
      input: ['a', 'bc'],
      encoding_format: 'float',
    });
    assert.deepEqual(
      answer.data.map(({ embedding }) => embedding),
      [
        [1, 97, -0.5, 0.25],
        [2, 197, -0.5, 0.25],
      ],
    );
  });

  test("embeddings come in the client's own default encoding", async () => {
    const answer = await client.embeddings.create({ model: 'acme/embedder', input: 'a' });
    assert.deepEqual([...(answer.data[0]?.embedding ?? [])], [1, 97, -0.5, 0.25]);
  });

  test('the Responses API is answered', async () => {
    const answer = await client.responses.create({ model: 'talker', input: TEXT });
    assert.equal(answer.output_text, TEXT);
  });

  test('an upload for transcription arrives with all its bytes, the model after them', async () => {
    const content = Buffer.alloc(300_000, 'sound');
    const got = await transcribe(content);
    assert.equal(got.model, 'ear-large-v3');
    assert.equal(got.file.name, 'speech.wav');
    assert.equal(got.file.sha256, createHash('sha256').update(content).digest('hex'));
  });

  test('an upload whose model comes after more than the router holds is told what to do', async () => {
    await assert.rejects(transcribe(Buffer.alloc(2_621_440, 'sound')), (error: Error) => {
      assert.ok(error instanceof OpenAI.APIError, String(error));
      assert.equal(error.status, 413);
      assert.equal(error.code, 'body_too_large');
      assert.match(error.message, /put "model" before the long fields/);
      return true;
    });
  });

  test('an unknown model is a NotFoundError with code and param, in every kind of call', async () => {
    const isNotFound = (error: Error): true => {
      assert.ok(error instanceof NotFoundError, String(error));
      assert.equal(error.code, 'model_not_found');
      assert.equal(error.param, 'model');
      return true;
    };
    const chat = ask('x', 'nobody');
    await assert.rejects(client.chat.completions.create(chat), isNotFound);
    await assert.rejects(client.chat.completions.create({ ...chat, stream: true }), isNotFound);
    await assert.rejects(transcribe(Buffer.from('x'), 'nobody'), isNotFound);
    await assert.rejects(client.models.retrieve('nobody'), isNotFound);
  });

  test('32 concurrent requests each get their own answer', async () => {
    const texts = Array.from({ length: 32 }, (_, index) => `request ${index}`);
    const answers = await Promise.all(
      texts.map(async (text, index) => {
        if (index % 2 === 0) {
          const answer = await client.chat.completions.create(ask(text));
          return answer.choices[0]?.message.content;
        }
        const stream = await client.chat.completions.create({ ...ask(text), stream: true });
        return (await all(stream)).map(({ choices }) => choices[0]?.delta.content ?? '').join('');
      }),
    );
    assert.deepEqual(answers, texts);
  });
});

async function all(stream: Stream<Chunk>): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
