import { z } from 'zod';
import type { Fields } from '../../protocol/request-fields.ts';
import type { Chat } from '../../text/chat.ts';
import type { GenerationConfig } from '../../text/text-config.ts';
import { checkPromptLength, type TextRequest } from './completion-request.ts';
import { parseGenerationFields } from './generation-fields.ts';
import { FieldError } from './openai-error.ts';
import { parseFields } from './request-body.ts';

const part = z.looseObject({
  type: z.literal('text', { error: 'this model takes text only' }),
  text: z.string(),
});

const fields = z.looseObject({
  messages: z
    .array(
      z.looseObject({
        role: z.string(),
        content: z.union([z.string(), z.array(part)], { error: 'must be a text' }),
      }),
    )
    .min(1),
});

/** The body of /v1/chat/completions. @throws FieldError, or RequestError when the model has no chat. */
export function parseChatRequest(
  body: Fields,
  config: GenerationConfig,
  chat: Chat | undefined,
): TextRequest {
  if (!chat) {
    throw new FieldError(
      'model',
      'has no chat format (generation.chat in its config.yaml, or a chat template with its tokenizer); ask /v1/completions',
    );
  }
  const messages = parseFields(fields, body).messages.map(({ role, content }) => ({
    role,
    content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
  }));
  const prompt = chat.prompt(messages);
  checkPromptLength(prompt, config.maxPromptChars, 'messages');
  return {
    ...parseGenerationFields(body, config, config.maxTokens),
    prompt,
    addSpecialTokens: chat.addSpecialTokens,
  };
}
