/** How long a benchmark runs, and how much of it. */
export interface BenchOptions {
  /** Rounds per case; the median counts. */
  readonly rounds: number;
  /** Seconds of load per round. */
  readonly seconds: number;
  /** The names of the cases that run, where a benchmark names its cases. */
  readonly only: RegExp;
  /** Likewise, by their names; empty means all. */
  readonly cases: readonly string[];
  /** How many connections, where a benchmark varies that; empty means all that it has. */
  readonly connections: readonly number[];
  /** Whether an xDS server and its clients have certificates. */
  readonly tls: boolean;
  /** A share of the sizes, to try a benchmark out. */
  readonly scale: number;
}
