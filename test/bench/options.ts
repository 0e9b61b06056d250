/** How long a benchmark runs, and how much of it. */
export interface BenchOptions {
  /** Rounds per case; the median counts. */
  readonly rounds: number;
  /** Seconds of load per round. */
  readonly seconds: number;
  /** The names of the cases that run, where a benchmark names its cases. */
  readonly only: RegExp;
}
