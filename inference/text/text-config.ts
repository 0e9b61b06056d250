/** What a model's config.yaml may say of text, under `embeddings` and `generation`. */
import { z } from 'zod';

const count = (max: number) => z.int().min(1).max(max);
const MAX_TOKENS = 1_000_000;

/** For `task: embeddings`. */
export const embeddingsConfig = z.strictObject({
  /** How the vectors of a text's tokens become one. Not used if the model gives one vector a text. */
  pooling: z.enum(['mean', 'cls', 'last']).default('mean'),
  /** Whether vectors are scaled to length 1. */
  normalize: z.boolean().default(true),
  /** Of one text, with the tokens that the tokenizer adds. */
  maxTokens: count(MAX_TOKENS).default(512),
  /** Whether longer texts are cut; else they are refused. */
  truncate: z.boolean().default(false),
  /** Sizes that a request may ask for; the model must have been trained for shortened vectors. */
  dimensions: z.array(count(MAX_TOKENS)).default([]),
  /** The model's output to use; by default the one with a name that exporters give it, or else the first. */
  output: z.string().min(1).optional(),
  /** Texts are padded to such lengths, so that requests of about the same length share a run. */
  padToMultipleOf: count(4096).default(8),
  /** Texts that go through the model as one; a longer list is cut into such parts. */
  maxRowsPerRun: count(4096).default(32),
  maxTexts: count(65_536).default(2048),
  /** Of all texts of a request together. */
  maxChars: count(100_000_000).default(2_000_000),
  /** For the tokenizer's answer to one request. */
  tokenizeTimeoutMs: count(600_000).default(10_000),
});

/** What stands before and after the text of a message. */
const turn = z.strictObject({ before: z.string().default(''), after: z.string().default('') });

/** How messages become one prompt. */
export const chatFormat = z.strictObject({
  /** Before the first message. */
  begin: z.string().default(''),
  /** Left out: messages with this role are refused. */
  system: turn.optional(),
  user: turn.prefault({}),
  assistant: turn.prefault({}),
  /** After the last message, so that the model goes on as the assistant. */
  answer: z.string().default(''),
  /** Whether the tokenizer adds its own tokens (a beginning-of-text) to the prompt too. */
  addSpecialTokens: z.boolean().default(false),
});

/** For `task: generation`. */
export const generationConfig = z.strictObject({
  /** Of a prompt and its answer together: what the model was trained for. */
  contextTokens: count(MAX_TOKENS).default(2048),
  /** Of one answer; requests for more are refused, chats that do not say get as many. */
  maxTokens: count(MAX_TOKENS).default(512),
  /** Tokens that end an answer; by default the tokenizer's `eos_token`. */
  eosTokenIds: z.array(z.int().min(0)).default([]),
  /** Texts that end an answer, beside those of the request. */
  stop: z.array(z.string().min(1)).max(16).default([]),
  /** Answers that are written at a time, step by step in turns. */
  maxConcurrent: count(1024).default(8),
  /** Requests that wait for their turn; more get 429. */
  maxQueue: z.int().min(0).max(65_536).default(64),
  /** From a request to the end of its answer. */
  timeoutMs: count(2 ** 31 - 1).default(60_000),
  /** Of a prompt. */
  maxPromptChars: count(10_000_000).default(262_144),
  /** Without it, the model has no chat. */
  chat: chatFormat.optional(),
});

export type EmbeddingsConfig = z.output<typeof embeddingsConfig>;
export type GenerationConfig = z.output<typeof generationConfig>;
export type ChatFormat = z.output<typeof chatFormat>;
