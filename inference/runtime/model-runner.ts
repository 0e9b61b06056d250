/**
 * Owns one model's traffic: what waits, what runs, and who gets which rows of the result. It knows tensors
 * and hosts; it must not know HTTP, JSON or onnxruntime.
 */
import { RequestError } from '../protocol/errors.ts';
import type { Tensor } from '../protocol/tensor.ts';
import type { PaddingConfig } from '../repository/model-config.ts';
import { answerBatch, type Run } from './batch-answer.ts';
import { BatchPlan } from './batch-plan.ts';
import { BatchQueue, type QueueLimits } from './batch-queue.ts';
import { Deadlines } from './deadlines.ts';
import type { UsedProvider } from './execution-provider.ts';
import { HostPool } from './host-pool.ts';
import { ModelLoad } from './model-load.ts';
import type { SessionMetadata } from './model-session.ts';
import { ModelStatistics } from './model-statistics.ts';
import { Padding } from './padding.ts';
import { type Client, PendingRequest } from './pending-request.ts';
import { RequestIntake, type SubmitOptions } from './request-intake.ts';
import type { ExecutionPlace, RunPool } from './run-pool.ts';
import type { LoadedSession, RunResult, SessionHost } from './session-host.ts';

export interface RunnerOptions extends Omit<QueueLimits, 'levels'> {
  /** Hosts, and so runs at a time. */
  readonly workers: number;
  /** From the arrival of a request to its answer. A run that has begun is not stopped. */
  readonly requestTimeoutMs: number;
  /** Default: one. */
  readonly priorityLevels?: number | undefined;
  /** Default: the middle one. */
  readonly defaultPriority?: number | undefined;
  /** By input: dimensions to fill up so that more requests can share a run. */
  readonly pad?: Readonly<Record<string, PaddingConfig>> | undefined;
}

/** Is told what happens, for metrics and the log. */
export interface RunnerObserver {
  onQueued(waitedMs: number): void;
  onBatch(rows: number, computeMs: number): void;
  onLoss(reason: string): void;
  /** Runs that were on the event loop are in workers from now on. */
  onMove?(reason: string): void;
}

export class ModelRunner {
  readonly metadata: SessionMetadata;
  readonly provider: UsedProvider;
  readonly load: ModelLoad;
  readonly statistics = new ModelStatistics();
  readonly #options: RunnerOptions;
  readonly #observer: RunnerObserver;
  readonly #pool: RunPool;
  readonly #plan: BatchPlan;
  readonly #padding: Padding | undefined;
  readonly #intake: RequestIntake;
  readonly #queue: BatchQueue<PendingRequest>;
  /** Parts of a batch that failed as a whole: they go first, and are not joined again. */
  readonly #retries: PendingRequest[][] = [];
  readonly #deadlines: Deadlines;
  #openRequests = 0;
  #onIdle: (() => void)[] = [];
  #scheduled = false;
  /** Whether the queue was searched for those that have gone since something was taken from it. */
  #swept = false;
  #delay: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * `pool` is open, and is closed with the runner.
   * @throws Error when the options do not fit the model.
   */
  constructor(
    pool: RunPool,
    session: LoadedSession,
    options: RunnerOptions,
    observer: RunnerObserver,
  ) {
    const { metadata, provider } = session;
    this.#pool = pool;
    pool.onIdle = () => this.#dispatch();
    this.metadata = metadata;
    this.provider = provider;
    this.#options = options;
    this.#observer = observer;
    this.#plan = new BatchPlan(metadata);
    const pad = options.pad ?? {};
    this.#padding = Object.keys(pad).length > 0 ? new Padding(pad, metadata) : undefined;
    this.#intake = new RequestIntake(this.#plan, this.#padding, options);
    const { maxBatchRows } = this;
    const limits = {
      maxBatchRows,
      maxQueueRows: options.maxQueueRows,
      // Who cannot share a run has nothing to wait for.
      maxDelayMs: maxBatchRows > 1 ? options.maxDelayMs : 0,
      preferredRows: options.preferredRows,
      levels: options.priorityLevels,
    };
    this.#queue = new BatchQueue(limits, (request) => request.drop());
    this.load = new ModelLoad(maxBatchRows, performance.now());
    this.#deadlines = new Deadlines(options.requestTimeoutMs, () => {
      this.#queue.sweep();
      this.#measure();
    });
  }

  /** @throws Error when the model cannot be loaded, or the options do not fit it. */
  static async open(
    startHost: () => SessionHost,
    options: RunnerOptions,
    observer: RunnerObserver,
  ): Promise<ModelRunner> {
    const pool = new HostPool(options.workers, startHost, (reason) => observer.onLoss(reason));
    const session = await pool.open();
    try {
      return new ModelRunner(pool, session, options, observer);
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  /** False while every worker is lost and none is back yet. */
  get ready(): boolean {
    return this.#pool.serving > 0;
  }

  /** Requests without an answer yet. */
  get openRequests(): number {
    return this.#openRequests;
  }

  /** Rows that share a run at most; 1 for a model whose requests cannot. */
  get maxBatchRows(): number {
    return this.#plan.joins ? this.#options.maxBatchRows : 1;
  }

  /** Runs at a time. */
  get workers(): number {
    return this.place === 'inline' ? 1 : this.#options.workers;
  }

  get place(): ExecutionPlace {
    return this.#pool.place;
  }

  /** Requests that wait for a worker. */
  get queuedRequests(): number {
    return this.#queue.size;
  }

  /** Rows that wait for a worker. */
  get queuedRows(): number {
    return this.#queue.rows;
  }

  /**
   * Takes a request whose inputs fit the metadata; the client hears of everything else.
   * @throws RequestError when it is refused at once: inputs that disagree, a full queue, a deadline in the past.
   */
  submit(inputs: readonly Tensor[], client: Client, options: SubmitOptions = {}): void {
    if (this.#closed) {
      throw new RequestError('unavailable', 'this version of the model was unloaded; try again');
    }
    const submission = this.#intake.take(inputs, options, performance.now(), this.#pool.maxRunRows);
    const request = new PendingRequest(client, submission, this.#onSettled);
    if (!this.#offer(request)) {
      this.statistics.countFailed(0);
      throw new RequestError(
        'exhausted',
        `the queue is full: ${this.#queue.rows} of ${this.#options.maxQueueRows} rows wait (--max-queue-rows); try again later`,
      );
    }
    this.#openRequests++;
    this.#pool.admit(request.rows);
    this.#deadlines.watch(request, request.sinceMs);
    this.#measure(request.sinceMs);
    // At the end of this turn of the event loop, so that what arrived together runs together.
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#dispatch();
      });
    }
  }

  /** Settles when no request is open; at once if none is. */
  async drained(): Promise<void> {
    if (this.#openRequests > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Takes no request any more, and waits for the runs in hand. Call when no request is open. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#deadlines.stop();
    clearTimeout(this.#delay);
    await this.#pool.close();
  }

  /** Those that have gone give their places to those that come. */
  #offer(request: PendingRequest): boolean {
    if (this.#queue.offer(request)) return true;
    if (this.#swept) return false;
    this.#swept = true;
    this.#queue.sweep();
    return this.#queue.offer(request);
  }

  #dispatch(): void {
    clearTimeout(this.#delay);
    while (this.#pool.idle) {
      const nowMs = performance.now();
      const batch = this.#nextRetry() ?? this.#queue.take(nowMs, this.#pool.maxRunRows);
      if (!batch) {
        this.#dispatchLater(nowMs);
        break;
      }
      this.#swept = false;
      if (batch.length > 0) this.#run(batch, nowMs);
    }
    this.#measure();
  }

  /** What waits for more must not wait for ever. */
  #dispatchLater(nowMs: number): void {
    const dueMs = this.#queue.dueMs(this.#pool.maxRunRows);
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#delay = setTimeout(() => this.#dispatch(), Math.max(1, dueMs - nowMs));
  }

  #measure(nowMs = performance.now()): void {
    this.load.set(this.#pool.busy, this.#pool.serving, this.#queue.rows, nowMs);
  }

  #nextRetry(): PendingRequest[] | undefined {
    return this.#retries.shift()?.filter((request) => {
      if (request.gone) request.drop();
      return !request.gone;
    });
  }

  #run(batch: readonly PendingRequest[], startMs: number): void {
    let rows = 0;
    for (const request of batch) {
      rows += request.rows;
      this.#observer.onQueued(startMs - request.sinceMs);
    }
    const inputs = this.#plan.join(
      batch.map((request) => request.inputs),
      rows,
    );
    const run = { batch, rows, startMs, inputMs: performance.now() - startMs };
    this.#pool.run(inputs, (result) => this.#onResult(run, result));
  }

  #onResult(run: Run, result: RunResult): void {
    const { batch, rows } = run;
    if (result.kind === 'done') {
      this.#observer.onBatch(rows, result.computeMs);
      if (batch.length > 1 && !result.outputs.every(({ shape }) => shape[0] === rows))
        this.#split(batch);
      else this.#answer(run, result.outputs, result.computeMs);
    } else if (result.kind === 'failed') {
      if (batch.length > 1) this.#split(batch);
      else this.#fail(batch, new RequestError('internal', `the model failed: ${result.reason}`));
    } else {
      // Not tried again: what killed one worker may kill the next.
      this.#fail(
        batch,
        new RequestError('unavailable', 'the worker that ran this request ended; try again'),
      );
    }
  }

  /** One bad member is found in halves, so that it alone fails. */
  #split(batch: readonly PendingRequest[]): void {
    const middle = Math.ceil(batch.length / 2);
    this.#retries.push(batch.slice(0, middle), batch.slice(middle));
    this.#dispatch();
  }

  #answer(run: Run, outputs: readonly Tensor[], computeMs: number): void {
    const { batch, startMs } = run;
    // First, so that the load that is reported with an answer counts the answer.
    const served = batch.filter((request) => !request.gone).length;
    this.load.countServed(served, startMs, performance.now());
    answerBatch(run, outputs, computeMs, this.statistics, this.#padding);
  }

  #fail(batch: readonly PendingRequest[], error: RequestError): void {
    for (const request of batch) request.fail(error);
  }

  readonly #onSettled = (request: PendingRequest, answered: boolean): void => {
    this.#deadlines.forget(request);
    if (!answered) this.statistics.countFailed(performance.now() - request.sinceMs);
    this.#openRequests--;
    if (this.#openRequests > 0 || this.#onIdle.length === 0) return;
    for (const resolve of this.#onIdle) resolve();
    this.#onIdle = [];
  };
}
