import type { Tensor } from '../protocol/tensor.ts';
import { HostPool } from './host-pool.ts';
import type { RunPool } from './run-pool.ts';
import type { RunResult, SessionHost } from './session-host.ts';
import { SlowRuns } from './slow-runs.ts';

export interface InlinePoolOptions {
  /** Of a run, as long as it is on the event loop. */
  readonly maxRunRows: number;
  /** Longer runs are slow; too many of them move the model. */
  readonly slowMs: number;
  /** Makes the pool for a model that must leave the event loop. */
  readonly workers: () => HostPool;
  /** Is told why the model leaves it. */
  readonly onMove: (reason: string) => void;
  /** Is told why that failed; it is tried again. */
  readonly onLoss: (reason: string) => void;
}

const RETRY_MS = 1000;

/**
 * Runs a model on the event loop, until runs there are slow or a request is too large to be tried: from then on
 * in workers. Requests stay in their queue meanwhile; those that are small and not slow go on being run.
 */
export class InlinePool implements RunPool {
  onIdle: () => void = () => undefined;
  readonly #options: InlinePoolOptions;
  readonly #slowRuns: SlowRuns;
  #pool: HostPool;
  #place: RunPool['place'] = 'inline';
  #moving: Promise<void> | undefined;
  /** Nothing more is run here: a run has been so long that the next might be, too. */
  #paused = false;
  #closing = false;
  #retry: NodeJS.Timeout | undefined;

  private constructor(options: InlinePoolOptions, startHost: StartInline) {
    this.#options = options;
    this.#slowRuns = new SlowRuns(options.slowMs);
    const host = (): SessionHost => startHost((...times) => this.#onRun(...times));
    this.#pool = this.#follow(new HostPool(1, host, options.onLoss));
  }

  /** @throws Error when the session cannot be created here. */
  static async open(options: InlinePoolOptions, startHost: StartInline): Promise<InlinePool> {
    const pool = new InlinePool(options, startHost);
    await pool.#pool.open();
    return pool;
  }

  get place(): RunPool['place'] {
    return this.#place;
  }

  get idle(): boolean {
    return !this.#paused && this.#pool.idle;
  }

  get serving(): number {
    return this.#pool.serving;
  }

  get busy(): number {
    return this.#pool.busy;
  }

  get maxRunRows(): number {
    return this.#place === 'inline' ? this.#options.maxRunRows : Number.POSITIVE_INFINITY;
  }

  admit(rows: number): void {
    if (rows > this.maxRunRows) {
      this.#move(
        `a request has ${rows} rows; runs there have at most ${this.#options.maxRunRows}`,
        false,
      );
    }
  }

  run(inputs: readonly Tensor[], settle: (result: RunResult) => void): void {
    this.#pool.run(inputs, settle);
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#retry);
    await this.#moving;
    await this.#pool.close();
  }

  #onRun(runMs: number, threadMs: number): void {
    const problem = this.#slowRuns.add(runMs, threadMs);
    if (problem !== undefined) this.#move(problem, true);
  }

  #move(reason: string, pause: boolean): void {
    if (this.#place === 'worker' || this.#closing) return;
    this.#paused ||= pause;
    if (this.#moving) return;
    this.#options.onMove(reason);
    this.#moving = this.#moveToWorkers();
  }

  async #moveToWorkers(): Promise<void> {
    const workers = this.#options.workers();
    try {
      await workers.open();
    } catch (error) {
      this.#options.onLoss(`no worker can be started: ${(error as Error).message}`);
      this.#tryAgain();
      return;
    }
    const inline = this.#pool;
    this.#pool = this.#follow(workers);
    this.#place = 'worker';
    this.#paused = false;
    this.onIdle();
    await inline.close();
  }

  /** A slow answer is better than none. */
  #tryAgain(): void {
    this.#paused = false;
    this.onIdle();
    if (this.#closing) return;
    this.#retry = setTimeout(() => {
      this.#moving = this.#moveToWorkers();
    }, RETRY_MS);
  }

  #follow(pool: HostPool): HostPool {
    pool.onIdle = () => this.onIdle();
    return pool;
  }
}

/** Is told of each run: how long it held up the event loop, and how long the thread worked for it. */
export type OnRun = (runMs: number, threadMs: number) => void;

/** Starts a session on the event loop. */
export type StartInline = (onRun: OnRun) => SessionHost;
