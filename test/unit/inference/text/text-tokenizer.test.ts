/** Tokens as Hugging Face's own library has them: the references were made with it. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { TextTokenizer } from '../../../../inference/text/text-tokenizer.ts';
import { TokenizerHost } from '../../../../inference/text/tokenizer-host.ts';
import { EXAMPLES } from '../../../e2e/inference/pod-process.ts';
import { readReference } from './text-references.ts';

const WORDS = path.join(EXAMPLES, 'tiny-embed', '1');
const BYTES = path.join(EXAMPLES, 'tiny-chat', '1');

test('words become the tokens of the reference', async () => {
  const tokenizer = await TextTokenizer.load(WORDS);
  const { texts, tokens } = readReference('tiny-embed');
  assert.deepEqual(
    texts.map((text: string) => tokenizer.encode(text, true)),
    tokens,
  );
});

test('a text is cut so that what the tokenizer adds around it stays', async () => {
  const tokenizer = await TextTokenizer.load(WORDS);
  const whole = tokenizer.encode('the soup needs salt', true);
  assert.deepEqual(tokenizer.encodeCut('the soup needs salt', 6), whole);
  assert.deepEqual(tokenizer.encodeCut('the soup needs salt', 4), [
    ...whole.slice(0, 3),
    whole.at(-1),
  ]);
});

test('bytes are their own tokens, special ones are found in the text', async () => {
  const tokenizer = await TextTokenizer.load(BYTES);
  assert.deepEqual(tokenizer.encode('<|user|>aß<|end|>', false), [256, 97, 0xc3, 0x9f, 258]);
  assert.equal(tokenizer.endTokenId, 258);
  assert.equal(tokenizer.vocabularySize, 259);
  assert.equal(tokenizer.decode([256, 97, 0xc3, 0x9f, 258]), 'aß');
});

test('a folder without the files is refused by the name of the file', async () => {
  await assert.rejects(TextTokenizer.load(EXAMPLES), /tokenizer\.json/);
  await assert.rejects(TokenizerHost.open(EXAMPLES, 1000), /tokenizer\.json/);
});

test('a thread encodes many requests, each with its own answer', async (t) => {
  const host = await TokenizerHost.open(WORDS, 10_000);
  t.after(() => host.close());
  const { texts, tokens } = readReference('tiny-embed');
  const answers = await Promise.all(
    texts.map((text: string) => host.encode({ texts: [text, 'rain'], cutTo: undefined })),
  );
  const rain = tokens[texts.indexOf('rain')];
  assert.deepEqual(
    answers.map((answer) => answer.map((ids: Int32Array) => [...ids])),
    tokens.map((ids: number[]) => [ids, rain]),
  );
});

test('a request that takes too long fails, and those behind it are answered by another thread', async (t) => {
  const host = await TokenizerHost.open(BYTES, 400);
  t.after(() => host.close());
  const long = host.encode({ texts: ['all work and no play '.repeat(400_000)], cutTo: undefined });
  await assert.rejects(long, /tokenizeTimeoutMs/);
  const [ids] = await host.encode({ texts: ['a'], cutTo: undefined });
  assert.deepEqual([...(ids ?? [])], [97]);
});

test('after it is closed, requests are refused', async () => {
  const host = await TokenizerHost.open(BYTES, 1000);
  await host.close();
  await assert.rejects(host.encode({ texts: ['a'], cutTo: undefined }), /unloaded/);
});
