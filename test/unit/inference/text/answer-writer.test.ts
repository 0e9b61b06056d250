/** The real model in its thread, with what waits in front of it. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { afterEach, describe, test } from 'node:test';
import type { RequestError } from '../../../../inference/protocol/errors.ts';
import { AnswerWriter } from '../../../../inference/text/generation/answer-writer.ts';
import type { GenerationHost } from '../../../../inference/text/generation/generation-host.ts';
import { generationConfig } from '../../../../inference/text/text-config.ts';
import { EXAMPLES } from '../../../e2e/inference/pod-process.ts';
import { readReference } from './text-references.ts';

const FOLDER = path.join(EXAMPLES, 'tiny-chat', '1');
/** Likely nothing, so it goes on until it has all its tokens. */
const ENDLESS = { eosTokenIds: [0] };

const DYING = new URL('./dying-generation-worker.ts', import.meta.url);

interface Written {
  readonly pieces: string[];
  readonly end: Promise<{ reason: string; completionTokens: number }>;
  readonly firstText: Promise<void>;
  giveUp(): void;
}

describe('the writer of answers', () => {
  let host: GenerationHost | undefined;
  afterEach(async () => await host?.close());

  const start = async (writer: AnswerWriter, file?: URL): Promise<void> => {
    const settings = { path: path.join(FOLDER, 'model.onnx'), session: { threadsPerRun: 1 } };
    host = writer.startHost(settings, file);
    await host.loaded;
  };

  const open = async (config: object, file?: URL): Promise<AnswerWriter> => {
    const writer = new AnswerWriter(generationConfig.parse(config), FOLDER);
    await start(writer, file);
    return writer;
  };

  const write = (writer: AnswerWriter, question: string, more: object = {}): Written => {
    const pieces: string[] = [];
    const end = Promise.withResolvers<{ reason: string; completionTokens: number }>();
    const firstText = Promise.withResolvers<void>();
    const giveUp = writer.write(
      {
        prompt: `<|user|>${question}<|end|><|assistant|>`,
        addSpecialTokens: false,
        maxTokens: undefined,
        defaultMaxTokens: 400,
        stop: [],
        sampling: {
          temperature: 0,
          topP: 1,
          topK: 0,
          presencePenalty: 0,
          frequencyPenalty: 0,
          seed: 1,
        },
        ...more,
      },
      {
        begun: () => undefined,
        text: (text) => {
          pieces.push(text);
          firstText.resolve();
        },
        finished: (reason, completionTokens) => end.resolve({ reason, completionTokens }),
        failed: (error: RequestError) => end.reject(error),
      },
    );
    // Tests that expect a failure look at it later.
    end.promise.catch(() => undefined);
    return { pieces, end: end.promise, firstText: firstText.promise, giveUp };
  };

  test('many at a time each get their own answer, more than may be written at once', async () => {
    const writer = await open({ maxConcurrent: 3 });
    const answers = Object.entries<string>(readReference('tiny-chat').answers);
    const written = [...answers, ...answers].map(([question]) => write(writer, question));
    assert.equal(writer.active, 3);
    assert.equal(writer.queuedRows, written.length - 3);
    for (const { end } of written) assert.equal((await end).reason, 'stop');
    assert.deepEqual(
      written.map(({ pieces }) => pieces.join('')),
      [...answers, ...answers].map(([, answer]) => answer),
    );
    assert.equal(writer.active, 0);
  });

  test('an answer ends at a stop text, which is no part of it', async () => {
    const written = write(await open({}), 'tell me a story', { stop: ['but two'] });
    assert.deepEqual(await written.end, { reason: 'stop', completionTokens: 60 });
    assert.equal(written.pieces.join(''), 'Once a request came to a mesh. It asked for a model, ');
  });

  test('an answer ends after its tokens, be it in the middle of a character', async () => {
    const written = write(await open({}), 'how do you say hello in german?', { maxTokens: 3 });
    assert.deepEqual(await written.end, { reason: 'length', completionTokens: 3 });
    assert.equal(written.pieces.join(''), 'Gr\uFFFD');
  });

  test('a prompt that leaves no room for an answer is refused', async () => {
    const writer = await open({ contextTokens: 64 });
    const long = write(writer, 'x'.repeat(100));
    await assert.rejects(long.end, { code: 'invalid-argument', message: /103 tokens.*takes 64/ });
    const greedy = write(writer, 'hello', { maxTokens: 60 });
    await assert.rejects(greedy.end, { code: 'invalid-argument', message: /8 tokens.*60.*64/ });
  });

  test('without a limit of its own, an answer may fill the context', async () => {
    const written = write(await open({ ...ENDLESS, contextTokens: 64 }), 'hello');
    assert.deepEqual(await written.end, { reason: 'length', completionTokens: 56 });
  });

  test('when too many wait, the next is refused at once', async () => {
    const writer = await open({ maxConcurrent: 1, maxQueue: 1 });
    const written = [write(writer, 'hello'), write(writer, 'hello')];
    assert.throws(() => write(writer, 'hello'), { code: 'exhausted' });
    for (const { end } of written) await end;
  });

  test('an answer that is given up stops, and its place is free', async () => {
    const config = { ...ENDLESS, contextTokens: 100_000, maxConcurrent: 1, maxQueue: 1 };
    const writer = await open(config);
    const first = write(writer, 'hello', { defaultMaxTokens: 90_000 });
    await first.firstText;
    const second = write(writer, 'hello', { maxTokens: 5 });
    first.giveUp();
    assert.equal((await second.end).completionTokens, 5);
    const heard = first.pieces.length;
    await write(writer, 'hello', { maxTokens: 5 }).end;
    assert.equal(first.pieces.length, heard);
    assert.equal(writer.active, 0);
  });

  test('one that is given up while it waits is never begun', async () => {
    const writer = await open({ maxConcurrent: 1 });
    const first = write(writer, 'hello');
    const second = write(writer, 'hello');
    second.giveUp();
    await first.end;
    assert.deepEqual([writer.queuedRows, writer.active, second.pieces], [0, 0, []]);
  });

  test('what takes too long fails, also while it waits', async () => {
    const config = { ...ENDLESS, contextTokens: 1_000_000, maxConcurrent: 1, timeoutMs: 200 };
    const writer = await open(config);
    const more = { defaultMaxTokens: 900_000 };
    const written = [write(writer, 'hello', more), write(writer, 'hello', more)];
    for (const { end } of written) {
      await assert.rejects(end, { code: 'deadline-exceeded', message: /generation\.timeoutMs/ });
    }
  });

  test('closing waits for the answers in hand and for those that wait', async () => {
    const writer = await open({ maxConcurrent: 1 });
    const written = [write(writer, 'hello'), write(writer, 'thanks!')];
    await host?.close();
    assert.deepEqual(await Promise.all(written.map(async ({ end }) => (await end).reason)), [
      'stop',
      'stop',
    ]);
  });

  test('when its thread dies, answers in hand fail, and those that wait go to the next', async () => {
    const writer = await open({ maxConcurrent: 1 }, DYING);
    const written = [write(writer, 'hello'), write(writer, 'thanks!')];
    await assert.rejects((written[0] as Written).end, { code: 'internal', message: /ended/ });
    await host?.ended;
    await start(writer);
    assert.equal((await (written[1] as Written).end).reason, 'stop');
  });

  test('tensors can be run on it meanwhile', async () => {
    const writer = await open({});
    const written = write(writer, 'tell me a story');
    const inputs = (await host?.loaded)?.metadata.inputs ?? [];
    const tensors = inputs.map(({ datatype }) =>
      datatype === 'INT64'
        ? { data: BigInt64Array.of(1n), shape: [1, 1] }
        : { data: new Float32Array(0), shape: [1, 4, 0, 16] },
    );
    const result = await new Promise<{ kind: string }>((resolve) => host?.run(tensors, resolve));
    assert.equal(result.kind, 'done');
    assert.equal((await written.end).completionTokens, 188);
  });
});
