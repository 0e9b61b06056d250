/** The `openai` package of Node, with a real inference pod: straight, and through a mesh. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI, { BadRequestError, NotFoundError, RateLimitError } from 'openai';
import { type PodProcess, startPod } from '../e2e/inference/pod-process.ts';
import { CHAT, makeTextRepository, type TextRepository } from '../e2e/inference/text-repository.ts';
import { backend, route } from '../e2e/mesh/resources.ts';
import type { TestMesh } from '../harness/mesh.ts';
import { readReference } from '../unit/inference/text/text-references.ts';
import { startClientMesh } from './client-mesh.ts';

const generation = (more: object) => ({
  from: 'tiny-chat' as const,
  config: { task: 'generation', generation: { contextTokens: 512, chat: CHAT, ...more } },
});

const MODELS = {
  talker: generation({}),
  /** Goes on for long, and one at a time. */
  endless: generation({
    eosTokenIds: [0],
    contextTokens: 1_000_000,
    maxTokens: 1_000_000,
    maxConcurrent: 1,
    maxQueue: 0,
  }),
  embedder: {
    from: 'tiny-embed' as const,
    config: { task: 'embeddings', embeddings: { maxTokens: 256 } },
  },
};

const CHATS = readReference('tiny-chat').answers as Record<string, string>;
const EMBEDDINGS = readReference('tiny-embed');
const TOLERANCE = 1e-6;

let repository: TextRepository;
let pod: PodProcess;
let mesh: TestMesh;

before(async () => {
  repository = makeTextRepository(MODELS);
  pod = await startPod(['--repository', repository.path]);
  const yaml = Object.keys(MODELS).map(
    (model) =>
      backend(model, pod.port, model, 'OpenAI') +
      route({ name: model, model, weights: { [model]: 1 } }),
  );
  mesh = await startClientMesh(yaml.join(''));
});
after(async () => {
  await mesh?.stop();
  await pod?.stop();
  repository?.remove();
});

for (const through of ['straight', 'through a mesh'] as const) {
  describe(`the openai Node client and a pod, ${through}`, () => {
    let client: OpenAI;
    before(() => {
      const base = through === 'straight' ? `http://127.0.0.1:${pod.port}` : mesh.url;
      client = new OpenAI({
        baseURL: `${base}/v1`,
        apiKey: 'unused',
        maxRetries: 0,
        timeout: 30_000,
      });
    });

    const ask = (content: string, model = 'talker') => ({
      model,
      messages: [{ role: 'user' as const, content }],
      temperature: 0,
    });

    test('models.list() has the models', async () => {
      const names: string[] = [];
      for await (const { id } of client.models.list()) names.push(id);
      assert.deepEqual(names, Object.keys(MODELS).sort());
    });

    test('chats are answered in full', async () => {
      for (const [question, answer] of Object.entries(CHATS)) {
        const { choices, usage } = await client.chat.completions.create(ask(question));
        assert.equal(choices[0]?.message.content, answer);
        assert.equal(usage?.completion_tokens, Buffer.byteLength(answer));
      }
    });

    test('a streamed chat comes character by character, with its usage', async () => {
      const stream = await client.chat.completions.create({
        ...ask('how do you say hello in german?'),
        stream: true,
        stream_options: { include_usage: true },
      });
      const pieces: string[] = [];
      let tokens: number | undefined;
      for await (const { choices, usage } of stream) {
        pieces.push(choices[0]?.delta.content ?? '');
        tokens = usage?.completion_tokens ?? tokens;
      }
      assert.equal(pieces.join(''), 'Grüß dich! 👋');
      assert.ok(pieces.every((piece) => [...piece].length <= 1));
      assert.equal(tokens, 17);
    });

    test("the client's own helper collects a stream", async () => {
      const stream = client.chat.completions.stream(ask('hello'));
      assert.equal(
        (await stream.finalChatCompletion()).choices[0]?.message.content,
        CHATS['hello'],
      );
    });

    test('a completion is answered, streamed too', async () => {
      const request = {
        model: 'talker',
        prompt: '<|user|>thanks!<|end|><|assistant|>',
        temperature: 0,
      };
      const { choices } = await client.completions.create(request);
      assert.equal(choices[0]?.text, CHATS['thanks!']);
      let text = '';
      for await (const chunk of await client.completions.create({ ...request, stream: true })) {
        text += chunk.choices[0]?.text;
      }
      assert.equal(text, CHATS['thanks!']);
    });

    test("embeddings come in the client's own default encoding, and as floats", async () => {
      for (const more of [{}, { encoding_format: 'float' as const }]) {
        const input = EMBEDDINGS.texts;
        const answer = await client.embeddings.create({ model: 'embedder', input, ...more });
        for (const [i, { embedding }] of answer.data.entries()) {
          const expected: number[] = EMBEDDINGS.embeddings.mean[i];
          assert.equal(embedding.length, expected.length);
          const far = expected.findIndex(
            (value, j) => Math.abs(value - (embedding[j] ?? Number.NaN)) > TOLERANCE,
          );
          assert.equal(far, -1);
        }
        assert.equal(answer.usage.total_tokens, EMBEDDINGS.tokens.flat().length);
      }
    });

    test('a stream that the client leaves ends in the pod', async () => {
      const long = { ...ask('hello', 'endless'), max_tokens: 900_000 };
      const stream = await client.chat.completions.create({ ...long, stream: true });
      await stream[Symbol.asyncIterator]().next();
      await assert.rejects(client.chat.completions.create(long), RateLimitError);
      stream.controller.abort();
      const short = { ...long, max_tokens: 1 };
      for (;;) {
        const error = await client.chat.completions.create(short).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (error === undefined) break;
        assert.ok(error instanceof RateLimitError, String(error));
      }
    });

    test('what is wrong is a BadRequestError with its field', async () => {
      const bad = client.chat.completions.create({ ...ask('hello'), n: 2 });
      await assert.rejects(bad, (error: Error) => {
        assert.ok(error instanceof BadRequestError, String(error));
        assert.equal(error.param, 'n');
        return true;
      });
    });

    test('an unknown model is a NotFoundError with code and param', async () => {
      await assert.rejects(client.chat.completions.create(ask('x', 'nobody')), (error: Error) => {
        assert.ok(error instanceof NotFoundError, String(error));
        assert.deepEqual([error.code, error.param], ['model_not_found', 'model']);
        return true;
      });
    });

    test('32 concurrent requests each get their own answer', async () => {
      const questions = Object.keys(CHATS);
      const answers = await Promise.all(
        Array.from({ length: 32 }, async (_, i) => {
          const question = questions[i % questions.length] as string;
          if (i % 2 === 0) {
            const { choices } = await client.chat.completions.create(ask(question));
            return choices[0]?.message.content;
          }
          const stream = client.chat.completions.stream(ask(question));
          return (await stream.finalChatCompletion()).choices[0]?.message.content;
        }),
      );
      assert.deepEqual(
        answers,
        Array.from({ length: 32 }, (_, i) => CHATS[questions[i % questions.length] as string]),
      );
    });
  });
}
