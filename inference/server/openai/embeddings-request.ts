import { z } from 'zod';
import type { Fields } from '../../protocol/request-fields.ts';
import type { EmbeddingsConfig } from '../../text/text-config.ts';
import { FieldError } from './openai-error.ts';
import { parseFields } from './request-body.ts';

export interface EmbeddingsRequest {
  /** All texts, or tokens of all texts. */
  readonly input:
    | { readonly kind: 'texts'; readonly texts: readonly string[] }
    | { readonly kind: 'tokens'; readonly tokens: readonly (readonly number[])[] };
  readonly encoding: 'float' | 'base64';
  /** Undefined: as many as the model gives. */
  readonly dimensions: number | undefined;
}

const fields = z.looseObject({
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
});

/** @throws FieldError when the body asks for what the configuration does not allow. */
export function parseEmbeddingsRequest(body: Fields, config: EmbeddingsConfig): EmbeddingsRequest {
  const { encoding_format, dimensions } = parseFields(fields, body);
  if (dimensions && !config.dimensions.includes(dimensions)) {
    const allowed = config.dimensions.join(', ') || 'none, so leave it out';
    throw new FieldError('dimensions', `is ${dimensions}; this model allows ${allowed}`);
  }
  return {
    input: parseInput(body['input'], config),
    encoding: encoding_format ?? 'float',
    dimensions: dimensions ?? undefined,
  };
}

function parseInput(input: unknown, config: EmbeddingsConfig): EmbeddingsRequest['input'] {
  if (typeof input === 'string') return textsOf([input], () => 'input', config);
  if (!Array.isArray(input) || input.length === 0) {
    throw new FieldError(
      'input',
      'must be a text, token ids, or a list of these that is not empty',
    );
  }
  if (typeof input[0] === 'number') return { kind: 'tokens', tokens: [tokensOf(input, 'input')] };
  if (input.length > config.maxTexts) {
    throw new FieldError(
      'input',
      `has ${input.length} texts; the most are ${config.maxTexts} (embeddings.maxTexts)`,
    );
  }
  const nameOf = (i: number): string => `input[${i}]`;
  if (typeof input[0] === 'string') return textsOf(input, nameOf, config);
  return { kind: 'tokens', tokens: input.map((tokens, i) => tokensOf(tokens, nameOf(i))) };
}

function textsOf(
  input: readonly unknown[],
  nameOf: (i: number) => string,
  { maxChars }: EmbeddingsConfig,
): EmbeddingsRequest['input'] {
  let chars = 0;
  for (const [i, text] of input.entries()) {
    if (typeof text !== 'string')
      throw new FieldError(nameOf(i), 'must be a text, as the first is');
    if (text === '') throw new FieldError(nameOf(i), 'is empty; there is nothing to embed');
    chars += text.length;
  }
  if (chars <= maxChars) return { kind: 'texts', texts: input as string[] };
  throw new FieldError(
    'input',
    `has ${chars} characters; the most are ${maxChars} (embeddings.maxChars)`,
  );
}

function tokensOf(tokens: unknown, name: string): readonly number[] {
  if (!Array.isArray(tokens) || tokens.length === 0) {
    throw new FieldError(name, 'must be a list of token ids that is not empty, as the first is');
  }
  for (let i = 0; i < tokens.length; i++) {
    if (Number.isSafeInteger(tokens[i]) && tokens[i] >= 0) continue;
    throw new FieldError(`${name}[${i}]`, 'must be a token id');
  }
  return tokens;
}
