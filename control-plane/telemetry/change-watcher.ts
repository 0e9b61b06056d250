/** The seam between changes and who looks on: metrics, traces, the log. Times are in performance.now(). */

/** What is done about a change, one after the other, before a proxy hears of it. */
export type Step = 'build' | 'translate' | 'publish';

/**
 * `acknowledged`: by all proxies. `refused`: at least one refused a part of it, the others have it.
 * `unwatched`: there was nobody to tell. `unpublished`: nobody was told. `late`: nobody waits any longer for
 * those that have not answered.
 */
export const OUTCOMES = ['acknowledged', 'refused', 'unwatched', 'unpublished', 'late'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Of one proxy, from the publication on. */
export interface Answer {
  readonly nodeId: string;
  readonly refused: boolean;
  readonly startMs: number;
  readonly endMs: number;
}

export interface Ending {
  readonly outcome: Outcome;
  readonly startMs: number;
  readonly endMs: number;
  /** How many were told. */
  readonly proxies: number;
  /** How many of them refused a part. */
  readonly refused: number;
  /** How many had not answered. */
  readonly waiting: number;
}

export interface ChangeWatcher {
  begin(startMs: number): ChangeWatch;
}

export interface ChangeWatch {
  step(step: Step, startMs: number, endMs: number): void;
  answered(answer: Answer): void;
  /** Once, and nothing after it. */
  ended(ending: Ending): void;
}
