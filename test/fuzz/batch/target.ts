/** The joining of requests and the cutting of answers against JSON.parse, on whole and on broken bodies. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { randomSource } from '../../harness/random.ts';
import type { Random } from '../../harness/random-json.ts';
import { JSON_PIECES } from '../json/random-json-bytes.ts';
import { mutated, pick } from '../mutated.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';
import { assertAsAlone, assertCut, join, read, relaid } from './batch-claims.ts';
import { type BatchKind, jsonPart, type Message } from './batch-kind.ts';
import { embeddings } from './embeddings.ts';
import { parseExact } from './exact-json.ts';
import { kserveV1 } from './kserve-v1.ts';
import { openInference } from './open-inference.ts';

interface BatchSetting {
  readonly kind: string;
  /** What the body is: the first request of a batch, or the answer to it. */
  readonly body: 'request' | 'answer';
  readonly jsonBytes: number;
  /** For the other members. */
  readonly seed: number;
}

export const KINDS: readonly BatchKind[] = [openInference, kserveV1, embeddings];

/** Not NaN: it passes in answers, as Python writes it, and JSON.parse refuses it. */
const PIECES = JSON_PIECES.filter((piece) => piece !== 'NaN').concat(
  ['"data":[1]', ',"shape":[1]', '"binary_data_size":4', '"parameters":{}', '"index":0,', '[[1]]'],
  ['"id":"x",', '"inputs"', '"input"', '"instances"', '"predictions"', '"usage":{}', '[]', '{}'],
);

const DIGITS = Buffer.from('0123456789');

export const batchTarget: FuzzTarget<BatchSetting> = {
  name: 'batch',
  claim: 'what is joined and cut is what each member would have got alone',
  generate,
  check,
};

function generate(random: Random): FuzzCase<BatchSetting> {
  const kind = pick(KINDS, random);
  const what = pick<BatchSetting['body']>(['request', 'answer'], random);
  const seed = random(2 ** 31);
  const members = kind.members(randomSource(seed));
  const whole = what === 'request' ? (members[0] as Message) : answerTo(kind, members, random);
  const { body, jsonBytes } = random(4) === 0 ? whole : broken(whole, random);
  return { body, setting: { kind: kind.name, body: what, jsonBytes, seed } };
}

function answerTo(kind: BatchKind, members: readonly Message[], random: Random): Message {
  const requests = members.map((member) => read(kind, member)).filter((one) => one !== null);
  return relaid(kind.serve(join(requests)), random);
}

/** Most of those with a header have it adjusted to what was done to the JSON. */
function broken(message: Message, random: Random): Message {
  const whole = jsonPart(message);
  const json = random(3) === 0 ? lying(whole, random) : mutated(whole, PIECES, random);
  if (message.jsonBytes < 0) return { body: json, jsonBytes: -1 };
  const tail = message.body.subarray(message.jsonBytes);
  const body = Buffer.concat([json, random(4) === 0 ? mutated(tail, PIECES, random) : tail]);
  return { body, jsonBytes: random(8) === 0 ? message.jsonBytes : json.length };
}

/** With one digit changed: a row, a size, an index, or a number that nobody looks at. */
function lying(json: Buffer, random: Random): Buffer {
  const digits = [...json.keys()].filter((at) => DIGITS.includes(json[at] as number));
  const lie = Buffer.from(json);
  if (digits.length > 0) lie[pick(digits, random)] = pick([...DIGITS], random);
  return lie;
}

function check({ body, setting }: FuzzCase<BatchSetting>): number {
  const kind = KINDS.find(({ name }) => name === setting.kind);
  assert.ok(kind, 'no such kind');
  const message = { body, jsonBytes: setting.jsonBytes };
  const members = kind.members(randomSource(setting.seed));
  if (setting.body === 'request') checkRequest(kind, message, members, setting.seed);
  else {
    const requests = members.map((member) => read(kind, member)).filter((one) => one !== null);
    assert.equal(requests.length, members.length, 'one is not taken');
    assertCut(kind, requests, message);
  }
  return members.length;
}

function checkRequest(
  kind: BatchKind,
  message: Message,
  members: readonly Message[],
  seed: number,
): void {
  const request = read(kind, message);
  if (request === null) return;
  parseExact(jsonPart(message));
  try {
    assert.equal(request.rows, kind.rows(message), 'rows');
    kind.serve(message);
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    // The server refuses it, in a batch as well as alone: the batch is split then.
    return;
  }
  const companions = members.filter((member) => read(kind, member)?.joinsWith(request) === true);
  assertAsAlone(kind, [message, ...companions, message], randomSource(seed));
}
