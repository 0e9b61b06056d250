/** What both kinds of generation requests say alike. */
import { randomInt } from 'node:crypto';
import { z } from 'zod';
import type { Fields } from '../../protocol/request-fields.ts';
import type { GenerationRequest } from '../../text/generation/generation-request.ts';
import type { GenerationConfig } from '../../text/text-config.ts';
import { FieldError } from './openai-error.ts';
import { parseFields } from './request-body.ts';

const MAX_SEED = 2 ** 48 - 1;

export interface GenerationFields extends Omit<GenerationRequest, 'prompt' | 'addSpecialTokens'> {
  readonly stream: boolean;
  /** Whether a stream ends with the usage. */
  readonly includeUsage: boolean;
}

const penalty = z.number().min(-2).max(2).nullish();

const fields = z.looseObject({
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  /** Not OpenAI's, but other servers have it; -1 and 0 mean all. */
  top_k: z.int().min(-1).nullish(),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  seed: z.int().nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
});

/** Fields that would change the answer, and are not there: whether a value asks for nothing. */
const MISSING: Readonly<Record<string, (value: unknown) => boolean>> = {
  n: (value) => value === 1,
  best_of: (value) => value === 1,
  echo: (value) => value === false,
  suffix: (value) => value === '',
  logprobs: (value) => value === false,
  top_logprobs: (value) => value === 0,
  logit_bias: (value) => typeof value === 'object' && Object.keys(value ?? {}).length === 0,
  tools: (value) => Array.isArray(value) && value.length === 0,
  functions: (value) => Array.isArray(value) && value.length === 0,
  response_format: (value) => (value as { type?: unknown }).type === 'text',
  audio: () => false,
};

/** @throws FieldError for what is wrong, and for what this server does not have. */
export function parseGenerationFields(
  body: Fields,
  config: GenerationConfig,
  defaultMaxTokens: number,
): GenerationFields {
  for (const [name, asksForNothing] of Object.entries(MISSING)) {
    const value = body[name];
    if (value === undefined || value === null || asksForNothing(value)) continue;
    throw new FieldError(name, `is ${JSON.stringify(value).slice(0, 50)}, which is not supported`);
  }
  const given = parseFields(fields, body);
  const maxTokens = given.max_completion_tokens ?? given.max_tokens ?? undefined;
  if (maxTokens !== undefined && maxTokens > config.maxTokens) {
    const name = given.max_completion_tokens ? 'max_completion_tokens' : 'max_tokens';
    throw new FieldError(
      name,
      `is ${maxTokens}; an answer of this model has at most ${config.maxTokens} (generation.maxTokens)`,
    );
  }
  return {
    maxTokens,
    defaultMaxTokens,
    sampling: {
      temperature: given.temperature ?? 1,
      topP: given.top_p ?? 1,
      topK: Math.max(0, given.top_k ?? 0),
      presencePenalty: given.presence_penalty ?? 0,
      frequencyPenalty: given.frequency_penalty ?? 0,
      seed: given.seed ?? randomInt(MAX_SEED),
    },
    stop: typeof given.stop === 'string' ? [given.stop] : (given.stop ?? []),
    stream: given.stream ?? false,
    includeUsage: given.stream_options?.include_usage ?? false,
  };
}
