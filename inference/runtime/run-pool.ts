import type { Tensor } from '../protocol/tensor.ts';
import type { RunResult } from './session-host.ts';

/** Where a model's runs are done: in worker threads, or on the event loop. */
export type ExecutionPlace = 'worker' | 'inline';

/** The hosts of one model, as its runner sees them. */
export interface RunPool {
  /** Called when a host has become free, or runs may have more rows than before. */
  onIdle: () => void;
  readonly place: ExecutionPlace;
  /** Whether a host is free. */
  readonly idle: boolean;
  /** Hosts that serve, busy or not. */
  readonly serving: number;
  /** Hosts that run something. */
  readonly busy: number;
  /** Of a run; infinite in workers. What is larger waits until that has changed: see `admit`. */
  readonly maxRunRows: number;
  /** Told of each request before it is queued, so that the pool can make room for one that is too large for it. */
  admit(rows: number): void;
  /** Runs on a free host; there must be one. */
  run(inputs: readonly Tensor[], settle: (result: RunResult) => void): void;
  /** Waits for the runs in hand. */
  close(): Promise<void>;
}
