/** The real model: with its cache it says what it says without one. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { ModelSession } from '../../../../inference/runtime/model-session.ts';
import { CachedDecoder } from '../../../../inference/text/generation/cached-decoder.ts';
import { decoderLayout } from '../../../../inference/text/generation/decoder-layout.ts';
import { TextTokenizer } from '../../../../inference/text/text-tokenizer.ts';
import { EXAMPLES } from '../../../e2e/inference/pod-process.ts';
import { readReference } from './text-references.ts';

const FOLDER = path.join(EXAMPLES, 'tiny-chat', '1');
const END = 258;
/** Different runs add the same numbers in different orders. */
const TOLERANCE = 1e-3;

describe('a decoder with its cache', () => {
  let session: ModelSession;
  let decoder: CachedDecoder;
  let tokenizer: TextTokenizer;

  before(async () => {
    session = await ModelSession.load(path.join(FOLDER, 'model.onnx'), { threadsPerRun: 1 });
    decoder = new CachedDecoder(session);
    tokenizer = await TextTokenizer.load(FOLDER);
  });

  const promptOf = (question: string): number[] =>
    tokenizer.encode(`<|user|>${question}<|end|><|assistant|>`, false);

  /** The likeliest tokens, each from a run over the whole text. */
  const withoutCache = async (prompt: readonly number[]): Promise<number[]> => {
    const tokens = [...prompt];
    for (;;) {
      const { logits } = await decoder.run(tokens, decoder.empty);
      const token = logits.indexOf(Math.max(...logits));
      if (token === END) return tokens.slice(prompt.length);
      tokens.push(token);
    }
  };

  const withCache = async (prompt: readonly number[], promptStep: number): Promise<number[]> => {
    let cache = decoder.empty;
    let logits: Float32Array = new Float32Array(0);
    for (let at = 0; at < prompt.length; at += promptStep) {
      ({ logits, cache } = await decoder.run(prompt.slice(at, at + promptStep), cache));
    }
    const said: number[] = [];
    for (;;) {
      const token = logits.indexOf(Math.max(...logits));
      if (token === END) return said;
      said.push(token);
      ({ logits, cache } = await decoder.run([token], cache));
    }
  };

  for (const [question, answer] of Object.entries<string>(readReference('tiny-chat').answers)) {
    test(`the answer to ${JSON.stringify(question)} is that of the training library`, async () => {
      const prompt = promptOf(question);
      const said = await withoutCache(prompt);
      assert.equal(tokenizer.decode(said), answer);
      assert.deepEqual(await withCache(prompt, prompt.length), said);
    });
  }

  test('a prompt in parts gives what it gives at once', async () => {
    const prompt = promptOf('What is 3 plus 4?');
    const whole = await withCache(prompt, prompt.length);
    for (const step of [1, 5]) assert.deepEqual(await withCache(prompt, step), whole);
  });

  test('the scores with a cache are those without, but for rounding', async () => {
    const tokens = promptOf('tell me a story');
    const { logits } = await decoder.run(tokens, decoder.empty);
    const first = await decoder.run(tokens.slice(0, 7), decoder.empty);
    const second = await decoder.run(tokens.slice(7), first.cache);
    const differences = second.logits.map((score, i) => Math.abs(score - (logits[i] as number)));
    assert.ok(Math.max(...differences) < TOLERANCE);
  });

  test('a cache can be used again', async () => {
    const { cache } = await decoder.run(promptOf('hello'), decoder.empty);
    const once = await decoder.run([72], cache);
    await decoder.run([73], cache);
    const again = await decoder.run([72], cache);
    assert.deepEqual(again.logits, once.logits);
  });
});

describe('the layout of a decoder', () => {
  const input = (name: string, shape: number[], datatype = 'FP32') => ({ name, shape, datatype });
  const IDS = input('input_ids', [-1, -1], 'INT64');
  const KEY = input('past_key_values.0.key', [-1, 2, -1, 4]);
  const OUTPUTS = [input('logits', [-1, -1, 9]), input('present.0.key', [-1, 2, -1, 4])];
  const layoutOf = (inputs: object[], outputs: object[] = OUTPUTS) =>
    decoderLayout({ inputs, outputs } as never);

  test('keys and values follow from the names, whatever their order', () => {
    const { inputs, logits } = layoutOf([KEY, IDS], OUTPUTS.toReversed());
    assert.equal(logits, 1);
    assert.deepEqual(inputs[0], {
      kind: 'past',
      output: 0,
      empty: { data: new Float32Array(0), shape: [1, 2, 0, 4] },
    });
  });

  const refused: readonly [string, object[], object[], RegExp][] = [
    ['an input of another kind', [IDS, KEY, input('pixels', [1])], OUTPUTS, /"pixels"/],
    ['no cache', [IDS], OUTPUTS, /export it with a cache/],
    ['no tokens', [KEY], OUTPUTS, /"input_ids"/],
    ['no logits', [IDS, KEY], OUTPUTS.slice(1), /"logits"/],
    ['a past that never comes out', [IDS, KEY], OUTPUTS.slice(0, 1), /"present\.0\.key"/],
    ['heads that are not said', [IDS, input(KEY.name, [-1, -1, -1, 4])], OUTPUTS, /heads/],
    ['tokens that are no integers', [input('input_ids', [-1, -1]), KEY], OUTPUTS, /integer/],
  ];
  for (const [what, inputs, outputs, message] of refused) {
    test(`${what} is refused by name`, () => {
      assert.throws(() => layoutOf(inputs, outputs), message);
    });
  }
});
