/** Answers of language models, compared by the text in them. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPARE_TEXT } from '../../../filters/contract/rewriter-config.ts';
import type { CapturedAnswer } from '../../../filters/rewriter/comparison/captured-answer.ts';
import { compareAnswers } from '../../../filters/rewriter/comparison/compare.ts';
import { randomSource } from '../../harness/random.ts';
import {
  answerOf,
  chat,
  eventStream,
  inference,
  type Outcome,
  outcomeOf,
} from './comparison-answers.ts';

const SEED = 20_260_503;

interface Case {
  readonly name: string;
  readonly a: CapturedAnswer;
  readonly b: CapturedAnswer;
  readonly expected: Outcome;
}

const document = (value: unknown): CapturedAnswer => answerOf(JSON.stringify(value));

/** A chat as events: `[choice, text]` each. */
function chatStream(...deltas: (readonly [number, string | null])[]): CapturedAnswer {
  const events = deltas.map(([index, content]) => ({
    object: 'chat.completion.chunk',
    choices: [{ delta: { content }, index, finish_reason: null }],
  }));
  const usage = { choices: [], usage: { total_tokens: 2 } };
  return eventStream([{ choices: [{ delta: { role: 'assistant' } }] }, ...events, usage, '[DONE]']);
}

/** The Responses API: its whole answer, with items that are no text. */
function response(...texts: string[]): unknown {
  return {
    object: 'response',
    error: null,
    output: [
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }] },
      ...texts.map((text) => ({
        type: 'message',
        content: [
          { type: 'output_text', annotations: [], text },
          { type: 'refusal', refusal: 'no', text: 'no' },
        ],
      })),
    ],
  };
}

const CASES: readonly Case[] = [
  { name: 'the same text agrees', a: chat('hi'), b: chat('hi'), expected: 'agree' },
  { name: 'another text disagrees', a: chat('hi'), b: chat('hi!'), expected: 'disagree' },
  {
    name: 'what is not text does not count',
    a: document({ model: 'a', choices: [{ message: { content: 'x' }, logprobs: [1] }], usage: {} }),
    b: document({ choices: [{ index: 0, message: { role: 'r', content: 'x' } }] }),
    expected: 'agree',
  },
  {
    name: 'escapes and the letters that they stand for are one text',
    a: answerOf('{"choices":[{"text":"\\u00fc\\ud83d\\ude00\\/\\n"}]}'),
    b: document({ choices: [{ text: 'ü😀/\n' }] }),
    expected: 'agree',
  },
  {
    name: 'each choice counts',
    a: chat('a', 'b'),
    b: chat('a', 'c'),
    expected: 'disagree',
  },
  {
    name: 'choices are told by their index',
    a: document({
      choices: [
        { index: 1, text: 'b' },
        { text: 'a', index: 0 },
      ],
    }),
    b: document({ choices: [{ text: 'a' }, { text: 'b' }] }),
    expected: 'agree',
  },
  {
    name: 'events are joined however they are cut',
    a: chatStream([0, 'Hel'], [0, 'lo ']),
    b: chatStream([0, ''], [0, 'H'], [0, 'ello'], [0, ' '], [0, null]),
    expected: 'agree',
  },
  {
    name: 'events of several choices are kept apart',
    a: chatStream([0, 'a'], [1, 'x'], [0, 'b']),
    b: chatStream([1, 'x'], [0, 'ab']),
    expected: 'agree',
  },
  {
    name: 'text that goes to another choice disagrees',
    a: chatStream([0, 'a'], [1, 'x']),
    b: chatStream([0, 'ax']),
    expected: 'disagree',
  },
  {
    name: 'a stream has the text of the whole answer',
    a: chatStream([0, 'a'], [0, 'b']),
    b: chat('ab'),
    expected: 'agree',
  },
  {
    name: 'line ends of any kind end an event',
    a: eventStream([{ choices: [{ text: 'a' }] }, { choices: [{ text: 'b' }] }], '\r\n'),
    b: eventStream([{ choices: [{ text: 'ab' }] }], '\r'),
    expected: 'agree',
  },
  {
    name: 'what stands after the announced end does not count',
    a: eventStream([{ choices: [{ text: 'a' }] }, '[DONE]', 'x']),
    b: document({ choices: [{ text: 'a' }] }),
    expected: 'agree',
  },
  {
    name: 'the Responses API has its text in parts of its output',
    a: document(response('a', 'b')),
    b: document(response('ab')),
    expected: 'agree',
  },
  {
    name: 'events of the Responses API have the text of its answer',
    a: eventStream([
      { type: 'response.created', response: response() },
      { type: 'response.reasoning_text.delta', delta: 'hm' },
      { delta: 'a', type: 'response.output_text.delta', output_index: 1 },
      { type: 'response.output_text.delta', delta: 'b' },
      { type: 'response.output_text.done', text: 'ab' },
      { type: 'response.completed', response: response('ab') },
    ]),
    b: document(response('ab')),
    expected: 'agree',
  },
  {
    name: 'an empty text agrees with an empty text',
    a: chat(''),
    b: chatStream([0, '']),
    expected: 'agree',
  },
  {
    name: 'two answers without text cannot be compared',
    a: chat(null),
    b: chat(null),
    expected: 'incomparable',
  },
  {
    name: 'text and a tool call disagree',
    a: chat('hi'),
    b: document({ choices: [{ message: { content: null, tool_calls: [{ id: 'a' }] } }] }),
    expected: 'disagree',
  },
  {
    name: 'an error in a stream cannot be compared',
    a: eventStream([{ choices: [{ delta: { content: 'a' } }] }, { error: { message: 'x' } }]),
    b: chat('a'),
    expected: 'incomparable',
  },
  {
    name: 'a stream that says it failed cannot be compared',
    a: eventStream([
      { type: 'response.output_text.delta', delta: 'a' },
      { type: 'response.failed' },
    ]),
    b: document(response('a')),
    expected: 'incomparable',
  },
  {
    name: 'an event that is no JSON cannot be compared',
    a: eventStream(['hello']),
    b: chat('hello'),
    expected: 'incomparable',
  },
  {
    name: 'a body that is no JSON cannot be compared',
    a: answerOf('hello'),
    b: chat('hello'),
    expected: 'incomparable',
  },
  {
    name: 'a bad escape cannot be compared',
    a: answerOf('{"choices":[{"text":"\\u12"}]}'),
    b: chat('hello'),
    expected: 'incomparable',
  },
  {
    name: 'a choice beyond all that can be asked for cannot be compared',
    a: document({ choices: [{ index: 2147483647, text: 'a' }] }),
    b: chat('a'),
    expected: 'incomparable',
  },
  {
    name: 'tensors have no text',
    a: inference([]),
    b: inference([]),
    expected: 'incomparable',
  },
];

for (const { name, a, b, expected } of CASES) {
  test(name, () => {
    assert.equal(outcomeOf(compareAnswers(COMPARE_TEXT, 0, a, b)), expected);
    assert.equal(outcomeOf(compareAnswers(COMPARE_TEXT, 0, b, a)), expected);
  });
}

test('random texts agree however they are cut, and disagree once a letter is another', () => {
  const random = randomSource(SEED);
  const letters = ['a', '"', '\\', '\n', '\u0001', 'ü', '€', '😀'];
  const cut = (text: readonly string[]): (readonly [number, string])[] => {
    const pieces: (readonly [number, string])[] = [];
    for (let at = 0; at < text.length; ) {
      const end = at + random(4);
      pieces.push([0, text.slice(at, end).join('')]);
      at = end;
    }
    return pieces;
  };
  for (let round = 0; round < 1000; round++) {
    const text = Array.from({ length: 1 + random(30) }, () => letters[random(8)] ?? '');
    const other = text.with(random(text.length), 'z');
    const a = chatStream(...cut(text));
    const compare = (b: CapturedAnswer): Outcome | undefined =>
      outcomeOf(compareAnswers(COMPARE_TEXT, 0, a, b));
    assert.equal(
      compare(random(2) === 0 ? chatStream(...cut(text)) : chat(text.join(''))),
      'agree',
    );
    assert.equal(compare(chatStream(...cut(other))), 'disagree');
  }
});

test('no broken answer traps', () => {
  const random = randomSource(SEED);
  for (let round = 0; round < 3000; round++) {
    const whole = random(2) === 0 ? chatStream([0, 'aü'], [1, 'b']) : document(response('a\n'));
    const broken = chatStream([0, 'aü"\\'], [1, '😀']);
    for (let i = 0; i < 1 + random(4); i++) broken.bytes[random(broken.size)] = random(256);
    if (random(3) === 0) broken.size = random(broken.size);
    assert.ok(outcomeOf(compareAnswers(COMPARE_TEXT, 0, whole, broken)));
  }
});
