/** Runs a client's program to its end, within a limit of time. */
import { spawn } from 'node:child_process';

const TIMEOUT_MS = 120_000;

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Its standard input; default: none. */
  readonly input?: string | Uint8Array;
  /** Added to this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ProgramOutcome {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/**
 * @throws {Error} when there is no such program, as a client that cannot run is a failed test, and when it
 * does not end within two minutes: it is killed then.
 */
export function runProgram(options: ProgramOptions): Promise<ProgramOutcome> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const env = { ...process.env, ...options.env };
    const child = spawn(options.command, options.args, { env, signal, killSignal: 'SIGKILL' });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('error', (error) => {
      reject(
        new Error(`${options.command} cannot run: install it for this ring`, { cause: error }),
      );
    });
    child.on('close', (code) => resolve({ code, output, errors }));
    // A program that ends before it has read everything is judged by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  });
}
