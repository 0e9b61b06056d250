/** What the user may choose, with the defaults. */

export const HOST = '127.0.0.1';
export const DEFAULT_PORT = 8080;
/** Two, so that what one worker knows and the other does not shows early. */
export const ENVOY_WORKERS = 2;

export interface QuickstartOptions {
  /** Where Envoy takes model traffic. */
  readonly port: number;
  /** The others: null is any free one. */
  readonly adminPort: number | null;
  readonly xdsPort: number | null;
  readonly statusPort: number | null;
  readonly podPortA: number | null;
  readonly podPortB: number | null;
  /** Assert on what was seen, and exit. */
  readonly check: boolean;
  /** Print what the processes log. */
  readonly verbose: boolean;
}
