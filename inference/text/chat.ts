/**
 * How a model's chats become prompts: as its config.yaml says, or else by the template in Jinja that came with its
 * tokenizer. It must not know HTTP.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { z } from 'zod';
import { invalid } from '../protocol/errors.ts';
import { type ChatMessage, chatPrompt } from './chat-prompt.ts';
import type { GenerationConfig } from './text-config.ts';

export interface Chat {
  /** @throws RequestError for messages that the model does not take. */
  prompt(messages: readonly ChatMessage[]): string;
  /** Whether the tokenizer adds its own tokens (a beginning-of-text) to the prompt too. */
  readonly addSpecialTokens: boolean;
}

const TEMPLATE_FILE = 'chat_template.jinja';
const SETTINGS_FILE = 'tokenizer_config.json';

const token = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
const settings = z.looseObject({
  chat_template: z
    .union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))])
    .nullish(),
  bos_token: token,
  eos_token: token,
});

/**
 * Undefined: the model has no chat. `folder` has the tokenizer's files.
 * @throws Error when there is a template that cannot be read.
 */
export async function openChat(
  folder: string,
  { chat }: GenerationConfig,
): Promise<Chat | undefined> {
  if (chat) {
    const { addSpecialTokens } = chat;
    return { prompt: (messages) => chatPrompt(messages, chat), addSpecialTokens };
  }
  const texts = settings.parse(JSON.parse(await textOf(join(folder, SETTINGS_FILE))) ?? {});
  // Newer exports have it in a file of its own, which counts.
  const source = (await textOf(join(folder, TEMPLATE_FILE), '')) || defaultOf(texts.chat_template);
  if (!source) return undefined;
  const tokens = {
    bos_token: textOfToken(texts.bos_token),
    eos_token: textOfToken(texts.eos_token),
  };
  return new TemplateChat(parse(source), tokens);
}

class TemplateChat implements Chat {
  /** A template writes all of them. */
  readonly addSpecialTokens = false;
  readonly #template: Template;
  readonly #tokens: Readonly<Record<string, string>>;

  constructor(template: Template, tokens: Readonly<Record<string, string>>) {
    this.#template = template;
    this.#tokens = tokens;
  }

  prompt(messages: readonly ChatMessage[]): string {
    // Newer clients call a system so, and most templates do not.
    const known = messages.map(({ role, content }) => {
      return { role: role === 'developer' ? 'system' : role, content };
    });
    try {
      return this.#template.render({
        ...this.#tokens,
        messages: known,
        add_generation_prompt: true,
      });
    } catch (error) {
      throw invalid(
        `"messages": the model's chat template refuses them: ${(error as Error).message}`,
      );
    }
  }
}

function parse(source: string): Template {
  try {
    return new Template(source);
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(
      `the chat template beside tokenizer.json cannot be read (${reason}): write generation.chat in config.yaml`,
    );
  }
}

function defaultOf(templates: z.output<typeof settings>['chat_template']): string | undefined {
  if (!Array.isArray(templates)) return templates ?? undefined;
  return templates.find(({ name }) => name === 'default')?.template;
}

function textOfToken(value: z.output<typeof token>): string {
  return typeof value === 'string' ? value : (value?.content ?? '');
}

async function textOf(file: string, otherwise = 'null'): Promise<string> {
  return await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return otherwise;
    throw error;
  });
}
