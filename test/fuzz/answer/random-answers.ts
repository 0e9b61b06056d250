/** Random answers of backends, a character a byte: mostly as they are, some as they should not be. */

import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { grpcFrame, randomMessage } from '../../harness/random-grpc.ts';
import type { Random } from '../../harness/random-json.ts';
import { randomJson } from '../json/random-json-bytes.ts';
import { pick } from '../mutated.ts';

export const PUBLIC_MODEL = 'the "public"/näme';
const binary = (text: string): string => Buffer.from(text).toString('latin1');

const NAMES = [
  'm',
  'gpt-4o-2024-08-06',
  'org/llama-3:8b',
  '',
  'model',
  'a\\"}',
  '\\u0041\\/\\\\',
].concat(
  [PUBLIC_MODEL, '日本語の😀'].map((name) => binary(JSON.stringify(name).slice(1, -1))),
  // Around the longest that is looked at, and the public name as it is written.
  [3071, 3072, 3073].map((size) => 'n'.repeat(size)),
  ['the \\"public\\"/n\\u00e4me'],
);
const NUMBERS = [
  '0',
  '7',
  '12',
  '1.5e1',
  '2E+2',
  '0.5',
  '-3',
  '1e400',
  '9007199254740993',
  '12e-1',
];
const KEYS = [
  'id',
  'object',
  'created',
  'choices',
  'models',
  'usages',
  'x',
  'res\\u0070onse',
  'mode',
];
const USAGE_KEYS = [
  'prompt_tokens',
  'completion_tokens',
  'input_tokens',
  'output_tokens',
  'total_tokens',
  'prompt_tokens_details',
  'prompt_token\\u0073',
];
const BLANKS = ['', '', '', ' ', '\t', '  '];

/** `lines`: with ends of lines between the tokens, as a body may have, and multi-line data. */
export function randomAnswer(random: Random, lines: boolean): string {
  if (random(8) === 0) return randomJson(random, false).replace(/[\r\n]/g, lines ? '$&' : ' ');
  return object(random, [...BLANKS, ...(lines ? ['\n', '\r\n'] : [])], 0);
}

function object(random: Random, blanks: readonly string[], depth: number): string {
  const blank = (): string => pick(blanks, random);
  const pair = (key: string, value: string): string =>
    `${blank()}"${key}"${blank()}:${blank()}${value}${blank()}`;
  const entries: string[] = [];
  for (let count = random(4); count > 0; count--) {
    entries.push(pair(pick(KEYS, random), scalar(random, blanks, depth)));
  }
  const add = (entry: string): unknown => entries.splice(random(entries.length + 1), 0, entry);
  const key = pick(['model', 'model', 'model_name', 'mod\\u0065l', 'Model'], random);
  if (random(8) > 0) add(pair(key, random(12) > 0 ? `"${pick(NAMES, random)}"` : 'null'));
  if (random(12) === 0) add(pair('model', '"another"'));
  if (random(2) === 0) add(pair('usage', usage(random, pair)));
  if (depth === 0 && random(3) === 0) add(pair('response', object(random, blanks, 1)));
  return `{${entries.join(',') || blank()}}`;
}

function usage(random: Random, pair: (key: string, value: string) => string): string {
  if (random(5) === 0) return pick(['null', '[]', '7', '"7"', '{}'], random);
  const entries = Array.from({ length: random(5) }, () => {
    const kind = random(8);
    const value =
      kind === 0 ? '{"prompt_tokens":1,"a":[2]}' : kind === 1 ? '"4"' : pick(NUMBERS, random);
    return pair(pick(USAGE_KEYS, random), value);
  });
  return `{${entries.join(',')}}`;
}

function scalar(random: Random, blanks: readonly string[], depth: number): string {
  const kind = random(8);
  if (kind < 2) return `"${pick(['', '{"model":"no"', '}]', '\\\\', '\\"', 'ä'], random)}"`;
  if (kind < 4) return pick([...NUMBERS, 'true', 'false', 'null'], random);
  if (kind < 6 || depth > 3) return '[0.25,-1,"]",{"model":"no"},[]]';
  return object(random, blanks, Math.max(depth, 1) + 1);
}

/** A stream of events, in all ways in which lines may end. */
export function randomEvents(random: Random): string {
  const end = pick(['\n', '\n', '\r\n', '\r'], random);
  const events = Array.from({ length: random(6) }, () => {
    const lines: string[] = [];
    if (random(4) === 0)
      lines.push(pick([': ping', ':', 'event: x', 'id', 'data', 'retry: 1'], random));
    const isMany = random(4) === 0;
    const text = random(12) === 0 ? '[DONE]' : randomAnswer(random, isMany);
    for (const line of text.split(/\r\n|\n|\r/)) {
      lines.push(`data:${pick(['', ' ', ' '], random)}${line}`);
      if (isMany && random(6) === 0)
        lines.push(pick([': {"model":"no"}', 'date: {', 'dat'], random));
    }
    return lines.map((line) => line + end).join('') + end;
  });
  const mark = random(20) === 0 ? '\xef\xbb\xbf' : '';
  const last = random(10) === 0 ? `data: ${randomAnswer(random, false)}` : '';
  return mark + events.join('') + last;
}

/** Frames of messages that name the model below `outerField`; 0: at their top. */
export function randomMessages(random: Random, outerField: number): Buffer {
  const frames = Array.from({ length: 1 + random(3) }, () => {
    const message = randomMessage(random, 1, 2);
    if (outerField === 0) return grpcFrame(message);
    const writer = new BinaryWriter();
    if (random(3) === 0) {
      writer
        .tag(outerField === 1 ? 3 : 1, WireType.LengthDelimited)
        .string('e'.repeat(random(150)));
    }
    if (random(6) > 0) writer.tag(outerField, WireType.LengthDelimited).bytes(message);
    if (random(3) === 0) writer.tag(9, WireType.Varint).uint32(random(1000));
    return grpcFrame(writer.finish());
  });
  return Buffer.concat(frames);
}
