import type { Sampling } from './sampler.ts';

/** An answer to write, as it goes to the worker. */
export interface GenerationRequest {
  /** A text, or its tokens. */
  readonly prompt: string | readonly number[];
  /** Whether the tokenizer adds its own tokens to a text. */
  readonly addSpecialTokens: boolean;
  /** Of the answer, if the request says so. */
  readonly maxTokens: number | undefined;
  /** Where the request says nothing; the context may allow fewer. */
  readonly defaultMaxTokens: number;
  readonly sampling: Sampling;
  /** Texts that end the answer and are no part of it. */
  readonly stop: readonly string[];
}

/** `stop`: the model or a stop text ended it; `length`: it has as many tokens as it may have. */
export type FinishReason = 'stop' | 'length';
