import type { ErrorCode } from '../../protocol/errors.ts';
import type { RunMessage, WorkerReport, WorkerSettings } from '../../runtime/worker-messages.ts';
import type { GenerationConfig } from '../text-config.ts';
import type { FinishReason, GenerationRequest } from './generation-request.ts';

/** What the thread is started with. */
export interface GenerationSettings {
  readonly worker: WorkerSettings;
  /** Of the tokenizer's files. */
  readonly folder: string;
  readonly config: GenerationConfig;
}

/** To the thread. A run is one of tensors, as for any model; ids are of answers. */
export type GenerationMessage =
  | { readonly kind: 'run'; readonly inputs: RunMessage['inputs'] }
  | { readonly kind: 'generate'; readonly id: number; readonly request: GenerationRequest }
  | { readonly kind: 'cancel'; readonly id: number }
  /** Nothing comes any more. */
  | { readonly kind: 'close' };

/** From the thread, of an answer: first `begun` or `refused`, then text, then one of the others. */
export type AnswerReport =
  | { readonly kind: 'begun'; readonly promptTokens: number }
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'finished';
      readonly reason: FinishReason;
      readonly completionTokens: number;
    }
  /** It was cancelled after so many tokens. */
  | { readonly kind: 'cancelled'; readonly completionTokens: number }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };

/** From the thread. */
export type GenerationReport =
  | WorkerReport
  | { readonly kind: 'answer'; readonly id: number; readonly report: AnswerReport };
