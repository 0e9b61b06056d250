import type { Tensor } from '../protocol/tensor.ts';
import type { SessionOptions } from './model-session.ts';
import type { LoadedSession } from './session-host.ts';

/** What a worker thread is started with. */
export interface WorkerSettings {
  readonly path: string;
  readonly session: SessionOptions;
}

/** To the worker: one batch. A worker has at most one in hand, so messages need no numbers. */
export interface RunMessage {
  readonly inputs: readonly Tensor[];
}

/** To the worker: no batch comes any more. */
export const CLOSE_MESSAGE = 'close';

export type WorkerMessage = RunMessage | typeof CLOSE_MESSAGE;

/** From the worker: first one of `loaded` or `refused`, then one of `done` or `failed` for each batch. */
export type WorkerReport =
  | ({ readonly kind: 'loaded' } & LoadedSession)
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'done'; readonly outputs: readonly Tensor[]; readonly computeMs: number }
  | { readonly kind: 'failed'; readonly reason: string };
