/** A server of the benched models, alone on the measured core while it is loaded. */
export interface Server {
  readonly pid: number;
  readonly url: string;
  /** Host and port. */
  readonly grpcTarget: string;
}

/** The command that runs another on one core from its first moment on. */
export function onCore(
  core: number,
  command: string,
  args: readonly string[],
): { readonly command: string; readonly args: string[] } {
  return { command: 'taskset', args: ['--cpu-list', String(core), command, ...args] };
}
