/** The editors of answers against JSON.parse and a protobuf library, on whole and on broken answers. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { quote } from '../../../filters/contract/json-writer.ts';
import {
  eventEditor,
  grpcEditor,
  jsonEditor,
} from '../../../filters/rewriter/answer/answer-editor.ts';
import type { AnswerEditor } from '../../../filters/rewriter/answer/editor.ts';
import { StringRun } from '../../../filters/wire/string-run.ts';
import { randomSource } from '../../harness/random.ts';
import type { Random } from '../../harness/random-json.ts';
import { JSON_PIECES } from '../json/random-json-bytes.ts';
import { mutated, pick } from '../mutated.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';
import { answerSplits, type EditedAnswer, editSplits } from './edit-pieces.ts';
import {
  type ExpectedAnswer,
  expectedEvents,
  expectedJsonAnswer,
  expectedMessages,
  type JsonWish,
} from './oracle.ts';
import { PUBLIC_MODEL, randomAnswer, randomEvents, randomMessages } from './random-answers.ts';

type Format = 'json' | 'events' | 'messages';

interface AnswerSetting {
  readonly format: Format;
  readonly protocol: string;
  readonly restore: boolean;
  readonly countTokens: boolean;
  /** Of a binary body; -1: it is JSON to its end. */
  readonly jsonBytes: number;
  readonly method: string;
  /** Nothing was changed in what the library wrote. */
  readonly intact: boolean;
  /** For the splits. */
  readonly seed: number;
}

/** The fields that lead to the name in the answers of these methods. */
const METHODS: Readonly<Record<string, readonly number[]>> = {
  ModelInfer: [1],
  ModelMetadata: [1],
  ModelStreamInfer: [2, 1],
  ModelConfig: [1, 1],
};

const RUN = new StringRun();

export const answerTarget: FuzzTarget<AnswerSetting> = {
  name: 'answer',
  claim: 'answers get the public name, and are else as they were, however they are cut',
  mayShrink: ({ setting }) => setting.format !== 'messages' || !setting.intact,
  generate,
  check,
};

function generate(random: Random): FuzzCase<AnswerSetting> {
  const format = pick<Format>(['json', 'events', 'messages'], random);
  const method = pick(Object.keys(METHODS), random);
  const whole = bodyOf(format, method, random);
  const intact = random(3) > 0;
  const body = intact ? whole : mutated(whole, [...JSON_PIECES, '\n', '\r', 'data:'], random);
  const isBinary = format === 'json' && random(6) === 0;
  const setting = {
    ...{ format, method, intact },
    protocol: pick(['OpenAI', 'OpenInference'], random),
    restore: random(6) > 0,
    countTokens: random(2) === 0,
    jsonBytes: isBinary ? body.length : -1,
    seed: random(2 ** 31),
  };
  return { body: isBinary ? Buffer.concat([body, body]) : body, setting };
}

function bodyOf(format: Format, method: string, random: Random): Buffer {
  if (format === 'json') return Buffer.from(randomAnswer(random, true), 'latin1');
  if (format === 'events') return Buffer.from(randomEvents(random), 'latin1');
  const [first = 0, second] = METHODS[method] ?? [];
  return randomMessages(random, second === undefined ? 0 : first);
}

function check({ body, setting }: FuzzCase<AnswerSetting>): number {
  const cuts = answerSplits(body.length, randomSource(setting.seed));
  const { whole, reads } = editSplits(() => editorOf(setting), body, cuts);
  const expected = expectedAnswer(body, setting);
  if (expected === null) assertOnlyNames(body.toString('latin1'), whole, setting);
  else {
    const { growth: _, ...outcome } = whole;
    assert.deepEqual(outcome, expected);
  }
  return reads;
}

function editorOf(setting: AnswerSetting): AnswerEditor {
  const { format, protocol, restore, countTokens, jsonBytes, method } = setting;
  if (format === 'messages') return grpcEditor(PUBLIC_MODEL, restore, method);
  if (format === 'events') {
    return eventEditor(protocol, PUBLIC_MODEL, restore, countTokens, RUN);
  }
  return jsonEditor(protocol, PUBLIC_MODEL, restore, countTokens, jsonBytes, RUN);
}

function expectedAnswer(body: Buffer, setting: AnswerSetting): ExpectedAnswer | null {
  const { format, protocol, restore, countTokens, jsonBytes, method, intact } = setting;
  const text = body.toString('latin1');
  if (format === 'messages') {
    if (!restore) return { text, replaced: 0, tokensIn: -1, tokensOut: -1 };
    const path = METHODS[method] ?? [];
    const onlyFirst = method !== 'ModelStreamInfer';
    return intact ? expectedMessages(body, path, PUBLIC_MODEL, onlyFirst) : null;
  }
  const own = protocol === 'OpenInference' ? 'model_name' : 'model';
  const token = restore ? quote(PUBLIC_MODEL) : null;
  const wish: JsonWish = { names: [own], token, countTokens, below: [] };
  if (format === 'events') {
    return expectedEvents(text, { ...wish, names: ['model', own], below: ['response'] });
  }
  return expectedJsonAnswer(text, wish, jsonBytes < 0 ? body.length : jsonBytes);
}

/** In a broken answer as many public names stand as were put there, and between them only what was there. */
function assertOnlyNames(
  body: string,
  { text, replaced }: EditedAnswer,
  setting: AnswerSetting,
): void {
  if (!setting.restore) assert.equal(text, body);
  if (setting.format === 'messages' || !setting.restore) return;
  const token = quote(PUBLIC_MODEL);
  let at = 0;
  for (const part of text.split(token)) {
    const found = body.indexOf(part, at);
    assert.ok(found >= 0, `what comes before or behind a name is new: ${part}`);
    at = found + part.length;
  }
  const names = (all: string): number => all.split(token).length - 1;
  assert.equal(names(text) - names(body), replaced, 'names');
}
