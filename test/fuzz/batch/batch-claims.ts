/** What has to hold of joined requests and of their cut answers. */
import assert from 'node:assert/strict';
import { BATCH_EMBEDDINGS, type BatchRequest } from '../../../filters/wire/batch/batch-request.ts';
import { shareOf } from '../../../filters/wire/batch/batch-share.ts';
import { joinBatch } from '../../../filters/wire/batch/join.ts';
import { readBatchAnswer } from '../../../filters/wire/batch/read-answer.ts';
import { readBatchRequest } from '../../../filters/wire/batch/read-request.ts';
import type { Random } from '../../harness/random-json.ts';
import { type BatchKind, jsonPart, type Message } from './batch-kind.ts';
import { type Json, type JsonObject, object, parseExact, text } from './exact-json.ts';
import { blank, listText, objectText } from './layout.ts';

export function read(kind: BatchKind, { body, jsonBytes }: Message): BatchRequest | null {
  return readBatchRequest(kind.kind, body, jsonBytes);
}

export function join(requests: BatchRequest[]): Message {
  const joined = joinBatch(requests);
  assert.ok(joined, 'not joined');
  return { body: Buffer.from(joined.bytes), jsonBytes: joined.jsonBytes };
}

/** Each member's answer, or null where the answer cannot be cut. */
export function cut(requests: BatchRequest[], { body, jsonBytes }: Message): Message[] | null {
  const answer = readBatchAnswer(shareOf(requests), body, jsonBytes);
  if (answer === null) return null;
  return requests.map((_, index) => {
    const part = answer.slice(index);
    return { body: Buffer.from(part.bytes), jsonBytes: part.jsonBytes };
  });
}

/** The requests, joined, served and cut, bring each what it gets alone. */
export function assertAsAlone(kind: BatchKind, messages: readonly Message[], random: Random): void {
  const requests = messages.map((message) => read(kind, message));
  const taken = requests.filter((request) => request !== null);
  assert.equal(taken.length, messages.length, 'one is not taken');
  const answer = relaid(kind.serve(join(taken)), random);
  const parts = cut(taken, answer);
  assert.ok(parts, `the answer is not cut: ${answer.body.toString('latin1')}`);
  parts.forEach((part, index) => {
    const alone = kind.serve(messages[index] as Message);
    const used = kind.kind === BATCH_EMBEDDINGS;
    assert.equal(meaning(part, used), meaning(alone, used), `member ${index}`);
  });
  assertUsage(kind, answer, parts);
}

/** An answer that is cut has the rows that a JSON library finds in it. */
export function assertCut(kind: BatchKind, requests: BatchRequest[], answer: Message): void {
  const parts = cut(requests, answer);
  if (parts === null) return;
  let from = 0;
  parts.forEach((part, index) => {
    const request = requests[index] as BatchRequest;
    const id = idOf(request);
    const own = kind.slice(answer, from, from + request.rows, id);
    const used = kind.kind === BATCH_EMBEDDINGS;
    assert.equal(meaning(part, used), meaning(own, used), `member ${index}`);
    from += request.rows;
  });
  assertUsage(kind, answer, parts);
}

function idOf({ bytes, id }: BatchRequest): string | undefined {
  return id.missing ? undefined : text(parseExact(bytes.subarray(id.start, id.end)));
}

/** The members' numbers add up to the whole ones. */
function assertUsage(kind: BatchKind, answer: Message, parts: readonly Message[]): void {
  if (kind.kind !== BATCH_EMBEDDINGS) return;
  const sums = new Map<string, number>();
  for (const part of parts) {
    for (const [key, count] of countsOf(part)) sums.set(key, (sums.get(key) ?? 0) + count);
  }
  assert.deepEqual(sums, countsOf(answer), 'usage');
}

function countsOf(answer: Message): Map<string, number> {
  const counts = new Map<string, number>();
  const { usage } = object(parseExact(answer.body));
  if (usage === undefined || usage === null) return counts;
  const add = (path: string, fields: JsonObject): void => {
    for (const [key, value] of Object.entries(fields)) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
      if ('rawJSON' in value) counts.set(`${path}.${key}`, Number(value['rawJSON']));
      else add(`${path}.${key}`, value);
    }
  };
  add('usage', object(usage));
  return counts;
}

/** The same for the same JSON with the same spelling of numbers, and the same bytes behind it. */
function meaning(message: Message, withoutUsage: boolean): string {
  const value = sorted(parseExact(jsonPart(message)));
  if (withoutUsage) delete object(value)['usage'];
  const tail = message.jsonBytes < 0 ? '' : message.body.toString('hex', message.jsonBytes);
  return `${JSON.stringify(value)} ${message.jsonBytes < 0} ${tail}`;
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null || isSpelled(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, field]) => [key, sorted(field as Json)]));
}

/** The message with other blanks and another order of keys. */
export function relaid(message: Message, random: Random): Message {
  const { body, jsonBytes } = message;
  const json = Buffer.from(textOf(parseExact(jsonPart(message)), random) + blank(random));
  if (jsonBytes < 0) return { body: json, jsonBytes };
  return { body: Buffer.concat([json, body.subarray(jsonBytes)]), jsonBytes: json.length };
}

function textOf(value: Json, random: Random): string {
  if (Array.isArray(value)) {
    return listText(
      random,
      value.map((item) => textOf(item, random)),
    );
  }
  if (typeof value !== 'object' || value === null || isSpelled(value)) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, field]) => [key, textOf(field as Json, random)]);
  return objectText(random, Object.fromEntries(fields));
}

function isSpelled(value: object): boolean {
  return Object.getPrototypeOf(value) === null && 'rawJSON' in value;
}
