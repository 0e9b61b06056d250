/** How long a benchmark runs. */
export interface BenchOptions {
  /** Rounds per case; the median counts. */
  readonly rounds: number;
  /** Seconds of load per round. */
  readonly seconds: number;
}
