import { dirname } from 'node:path';
import type { ModelConfig } from '../repository/model-config.ts';
import type { ModelFile } from '../repository/model-repository.ts';
import type { SessionHost } from '../runtime/session-host.ts';
import type { WorkerSettings } from '../runtime/worker-messages.ts';
import { type Chat, openChat } from './chat.ts';
import { AnswerWriter } from './generation/answer-writer.ts';
import { TokenizerHost } from './tokenizer-host.ts';

/** What a model for text has beside its session. */
export interface TextModel {
  /** Of `task: embeddings`. */
  readonly tokenizer: TokenizerHost | undefined;
  /** Of `task: generation`. */
  readonly writer: AnswerWriter | undefined;
  /** Of `task: generation`; undefined: the model has completions only. */
  readonly chat: Chat | undefined;
  /** Where the session lives; undefined: in a host like any other model's. */
  readonly startHost: ((settings: WorkerSettings) => SessionHost) | undefined;
  /** After the model's runner is closed. */
  close(): Promise<void>;
}

/**
 * Opens what a version's task needs beside its session; undefined for `task: tensors`.
 * @throws Error when the tokenizer's files beside model.onnx are missing or cannot be used.
 */
export async function openTextModel(
  file: ModelFile,
  config: ModelConfig,
): Promise<TextModel | undefined> {
  const folder = dirname(file.path);
  if (config.task === 'embeddings') {
    const tokenizer = await TokenizerHost.open(folder, config.embeddings.tokenizeTimeoutMs);
    const close = () => tokenizer.close();
    return { tokenizer, writer: undefined, chat: undefined, startHost: undefined, close };
  }
  if (config.task === 'generation') {
    const chat = await openChat(folder, config.generation);
    const writer = new AnswerWriter(config.generation, folder);
    const startHost = (settings: WorkerSettings) => writer.startHost(settings);
    return { tokenizer: undefined, writer, chat, startHost, close: async () => undefined };
  }
  return undefined;
}
