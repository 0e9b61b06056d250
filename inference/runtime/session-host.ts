import type { Tensor } from '../protocol/tensor.ts';
import type { UsedProvider } from './execution-provider.ts';
import type { SessionMetadata } from './model-session.ts';
import type { RunTimes } from './run-times.ts';

/** How a batch ended. `died`: the thread that had it is gone, and what it did is unknown. */
export type RunResult =
  | { readonly kind: 'done'; readonly outputs: readonly Tensor[]; readonly computeMs: number }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'died'; readonly reason: string };

/** What is known of a session once it is loaded and warm. */
export interface LoadedSession {
  readonly metadata: SessionMetadata;
  readonly provider: UsedProvider;
  /** Undefined when nobody asked. */
  readonly runTimes?: RunTimes | undefined;
}

/** Where a session lives: a worker thread, or the event loop itself for models that run in microseconds. */
export interface SessionHost {
  /** Settles once, with what was loaded or with why it cannot be. */
  readonly loaded: Promise<LoadedSession>;
  /** Settles once, when the host is no longer of use. */
  readonly ended: Promise<string>;
  /** Runs one batch; the next only after `settle` was called. The inputs' buffers may be taken away. */
  run(inputs: readonly Tensor[], settle: (result: RunResult) => void): void;
  /** Ends it once no batch is in hand. */
  close(): Promise<void>;
}
