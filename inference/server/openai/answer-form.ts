/** The JSON of answers, whole or in pieces, of chats and of completions. */
import { randomUUID } from 'node:crypto';
import type { FinishReason } from '../../text/generation/generation-request.ts';

export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** How the answers of one endpoint look. */
export interface AnswerForm {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** The rest of a whole answer's choice. */
  choice(text: string): object;
  /** The rest of a chunk's choice; `text` undefined: of the last, which has none. */
  chunkChoice(text: string | undefined, isFirst: boolean): object;
  /** Whether a chunk without text comes first. */
  readonly greets: boolean;
}

export const CHAT_FORM: AnswerForm = {
  idPrefix: 'chatcmpl-',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  choice: (content) => ({ message: { role: 'assistant', content, refusal: null } }),
  chunkChoice: (content, isFirst) => ({
    delta: {
      ...(isFirst ? { role: 'assistant' } : {}),
      ...(content === undefined ? {} : { content }),
    },
  }),
  greets: true,
};

export const COMPLETION_FORM: AnswerForm = {
  idPrefix: 'cmpl-',
  object: 'text_completion',
  chunkObject: 'text_completion',
  choice: (text) => ({ text }),
  chunkChoice: (text = '') => ({ text }),
  greets: false,
};

/** Writes what belongs to one answer. */
export class AnswerTexts {
  readonly #form: AnswerForm;
  readonly #head: { readonly id: string; readonly created: number; readonly model: string };
  readonly #includeUsage: boolean;

  constructor(form: AnswerForm, model: string, includeUsage: boolean) {
    this.#form = form;
    const created = Math.floor(Date.now() / 1000);
    this.#head = { id: `${form.idPrefix}${randomUUID()}`, created, model };
    this.#includeUsage = includeUsage;
  }

  whole(text: string, reason: FinishReason, usage: Usage): string {
    const rest = { index: 0, logprobs: null, finish_reason: reason };
    return JSON.stringify({
      object: this.#form.object,
      ...this.#head,
      choices: [{ ...this.#form.choice(text), ...rest }],
      usage: usageOf(usage),
    });
  }

  /** What a stream begins with; undefined: with its first text. */
  greeting(): string | undefined {
    return this.#form.greets ? this.#chunk(this.#form.chunkChoice('', true), null) : undefined;
  }

  piece(text: string): string {
    return this.#chunk(this.#form.chunkChoice(text, false), null);
  }

  finish(reason: FinishReason): string {
    return this.#chunk(this.#form.chunkChoice(undefined, false), reason);
  }

  /** The last chunk, where the usage is wanted. */
  usage(usage: Usage): string | undefined {
    if (!this.#includeUsage) return undefined;
    const { chunkObject } = this.#form;
    return JSON.stringify({
      object: chunkObject,
      ...this.#head,
      choices: [],
      usage: usageOf(usage),
    });
  }

  #chunk(choice: object, finish_reason: FinishReason | null): string {
    return JSON.stringify({
      object: this.#form.chunkObject,
      ...this.#head,
      choices: [{ index: 0, ...choice, logprobs: null, finish_reason }],
      ...(this.#includeUsage ? { usage: null } : {}),
    });
  }
}

function usageOf({ promptTokens, completionTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
