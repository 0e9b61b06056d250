/** One child process, leader of a process group of its own, so that nothing it starts outlives it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { LineLog } from './line-log.ts';

const DEFAULT_STOP_TIMEOUT_MS = 5000;

export interface ChildSpec {
  /** For people: "control plane", "pod-a". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** How long it may take to end after SIGTERM, before SIGKILL. Default 5000. */
  readonly stopTimeoutMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it never ran; null when it did. */
  readonly startError: string | null;
}

export class Child {
  readonly name: string;
  /** 0 when it could not be started; `exited` then says why. */
  readonly pid: number;
  readonly log = new LineLog();
  /** Settles after its output has ended. Never rejects. */
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #stopTimeoutMs: number;
  #exit: Exit | null = null;

  constructor(spec: ChildSpec) {
    this.name = spec.name;
    this.#stopTimeoutMs = spec.stopTimeoutMs ?? DEFAULT_STOP_TIMEOUT_MS;
    this.#process = spawn(spec.command, [...spec.args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...spec.env },
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    });
    this.pid = this.#process.pid ?? 0;
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      const sink = this.log.sink();
      stream?.setEncoding('utf8').on('data', sink);
      stream?.on('end', () => sink(null));
    }
    this.exited = this.#waitForExit();
  }

  get hasExited(): boolean {
    return this.#exit !== null;
  }

  /**
   * The first value that `pick` finds in a line, past lines included.
   * @throws {Error} when the child ends or the time is over first.
   */
  waitForLine<T>(pick: (line: string) => T | undefined, timeoutMs: number): Promise<T> {
    for (const line of this.log.lines) {
      const found = pick(line);
      if (found !== undefined) return Promise.resolve(found);
    }
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        unfollow();
        finish();
      };
      const fail = (what: string): void => settle(() => reject(new Error(`${this.name} ${what}`)));
      const timer = setTimeout(() => fail(`said nothing of it within ${timeoutMs} ms`), timeoutMs);
      const unfollow = this.log.follow((line) => {
        const found = pick(line);
        if (found !== undefined) settle(() => resolve(found));
      });
      this.exited.then((exit) => fail(describeExit(exit)));
    });
  }

  /** SIGTERM, then SIGKILL for the whole group. Settles when it has ended; more calls do no harm. */
  async stop(): Promise<void> {
    if (this.#exit !== null || this.pid === 0) return;
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#killGroup(), this.#stopTimeoutMs);
    await this.exited;
    clearTimeout(timer);
  }

  #waitForExit(): Promise<Exit> {
    return new Promise((resolve) => {
      const settle = (exit: Exit): void => {
        this.#exit ??= exit;
        resolve(this.#exit);
      };
      this.#process.on('error', (error) => {
        if (this.pid === 0) settle({ code: null, signal: null, startError: error.message });
      });
      // What the leader started goes with it; otherwise it would also hold the output open.
      this.#process.on('exit', () => this.#killGroup());
      this.#process.on('close', (code, signal) => settle({ code, signal, startError: null }));
    });
  }

  #killGroup(): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // Nothing is left of the group.
    }
  }
}

/** "ended with exit code 1", "was killed by SIGKILL", "could not be started (...)". */
export function describeExit(exit: Exit): string {
  if (exit.startError !== null) return `could not be started (${exit.startError})`;
  if (exit.signal !== null) return `was killed by ${exit.signal}`;
  return `ended with exit code ${exit.code}`;
}
