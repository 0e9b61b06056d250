import type { Fields } from '../../protocol/request-fields.ts';
import type { GenerationRequest } from '../../text/generation/generation-request.ts';
import type { GenerationConfig } from '../../text/text-config.ts';
import { type GenerationFields, parseGenerationFields } from './generation-fields.ts';
import { FieldError } from './openai-error.ts';

/** OpenAI's own, where a completion does not say how long it may be. */
const DEFAULT_MAX_TOKENS = 16;

export type TextRequest = GenerationRequest & GenerationFields;

/** The body of /v1/completions. @throws FieldError */
export function parseCompletionRequest(body: Fields, config: GenerationConfig): TextRequest {
  const fields = parseGenerationFields(
    body,
    config,
    Math.min(DEFAULT_MAX_TOKENS, config.maxTokens),
  );
  return { ...fields, prompt: parsePrompt(body['prompt'], config), addSpecialTokens: true };
}

function parsePrompt(prompt: unknown, { maxPromptChars }: GenerationConfig): string | number[] {
  const one = Array.isArray(prompt) && typeof prompt[0] !== 'number' ? prompt[0] : prompt;
  if (one !== prompt && (prompt as unknown[]).length !== 1) {
    throw new FieldError('prompt', 'must be one prompt; send a request for each');
  }
  if (typeof one === 'string') {
    checkPromptLength(one, maxPromptChars, 'prompt');
    return one;
  }
  const isId = (id: unknown): boolean => Number.isSafeInteger(id) && (id as number) >= 0;
  if (Array.isArray(one) && one.length > 0 && one.every(isId)) return one;
  throw new FieldError('prompt', 'must be a text or a list of token ids');
}

/** @throws FieldError */
export function checkPromptLength(prompt: string, maxPromptChars: number, param: string): void {
  if (prompt.length <= maxPromptChars) return;
  throw new FieldError(
    param,
    `has ${prompt.length} characters; the most are ${maxPromptChars} (generation.maxPromptChars)`,
  );
}
