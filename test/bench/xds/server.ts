/** What is measured: an xDS server in a process of its own on the measured core. */

export interface ChangeTimes {
  /** When the change had been made, of `sharedNowMs`. */
  readonly changedMs: number;
  /** When it was published, before any of it was sent. */
  readonly publishedMs: Promise<number>;
}

export interface XdsServer {
  readonly name: string;
  readonly pid: number;
  readonly xdsPort: number;
  /** Gives one route other weights: edits 1, 2, 3 ... in turn. */
  change(edit: number): Promise<ChangeTimes>;
  stop(): Promise<void>;
}

/** A program and its arguments on one core from its start on: it sees no other. */
export function onCore(core: number, command: string, args: readonly string[]) {
  return { command: 'taskset', args: ['--cpu-list', String(core), command, ...args] };
}
