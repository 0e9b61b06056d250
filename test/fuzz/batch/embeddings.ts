/** Random requests for embeddings, and a server of them with a library's JSON. */
import { createHash } from 'node:crypto';
import { BATCH_EMBEDDINGS } from '../../../filters/wire/batch/batch-request.ts';
import type { Random } from '../../harness/random-json.ts';
import { pick } from '../mutated.ts';
import { type BatchKind, jsonMessage, type Message } from './batch-kind.ts';
import { type Json, list, object, parseExact, spelled, text, whole } from './exact-json.ts';
import { listText, objectText, stringText, times } from './layout.ts';

export const embeddings: BatchKind = {
  kind: BATCH_EMBEDDINGS,
  name: 'embeddings',
  members(random) {
    const withTokens = random(2) === 0;
    const fields = {
      model: '"m"',
      encoding_format: pick([undefined, '"float"', '"base64"'], random),
      dimensions: pick([undefined, '8'], random),
      user: random(3) === 0 ? stringText(random) : undefined,
    };
    return times(1 + random(6), () => {
      const body = objectText(random, { ...fields, input: inputText(random, withTokens) });
      return { body: Buffer.from(body), jsonBytes: -1 };
    });
  },
  serve(request) {
    const { encoding_format, model } = object(parseExact(request.body));
    const inputs = inputsOf(request);
    const data = inputs.map((input, index) => {
      const embedding = embeddingOf(input, encoding_format === 'base64');
      return { object: 'embedding', index: spelled(index), embedding };
    });
    const tokens = spelled(inputs.reduce((sum, input) => sum + tokensOf(input), 0));
    const details = { cached_tokens: spelled(0), audio: null };
    const usage = { prompt_tokens: tokens, total_tokens: tokens, prompt_tokens_details: details };
    return jsonMessage({ object: 'list', data, model: model ?? null, usage });
  },
  /** The usage is the whole one. */
  slice({ body }, from, to) {
    const answer = object(parseExact(body));
    const data = list(answer['data']).slice(from, to);
    const renumbered = data.map((item, index) => ({ ...object(item), index: spelled(index) }));
    return jsonMessage({ ...answer, data: renumbered });
  },
  rows: (request) => inputsOf(request).length,
};

function inputText(random: Random, withTokens: boolean): string {
  const item = (): string => (withTokens ? tokensText(random) : stringText(random));
  if (random(2) === 0) return item();
  return listText(random, times(1 + random(pick([2, 14], random)), item));
}

function tokensText(random: Random): string {
  return listText(
    random,
    times(1 + random(5), () => String(random(100_000))),
  );
}

function inputsOf({ body }: Message): Json[] {
  const { input } = object(parseExact(body));
  if (typeof input === 'string') return [input];
  const items = list(input);
  if (items.length === 0) throw new Error('no input');
  const isOne = items.every((item) => typeof item === 'object' && !Array.isArray(item));
  if (isOne) return [items.map((item) => spelled(whole(item)))];
  for (const item of items) {
    if (Array.isArray(item)) item.forEach(whole);
    else text(item);
  }
  return items;
}

/** Of a text, a quarter of its bytes, as they are written. */
export function tokensOf(input: Json): number {
  if (Array.isArray(input)) return input.length;
  return Math.ceil(JSON.stringify(input).length / 4);
}

function embeddingOf(input: Json, base64: boolean): Json {
  const digest = createHash('sha1').update(JSON.stringify(input)).digest().subarray(0, 8);
  if (base64) return digest.toString('base64');
  return [...digest].map((byte) => spelled(`-0.${byte}0e-2`));
}
