/**
 * Owns one model's traffic: what waits, what runs, and who gets which rows of the result. It knows tensors
 * and hosts; it must not know HTTP, JSON or onnxruntime.
 */
import { invalid, RequestError } from '../protocol/errors.ts';
import type { Tensor } from '../protocol/tensor.ts';
import { BatchPlan, sliceRows } from './batch-plan.ts';
import { BatchQueue, type QueueLimits } from './batch-queue.ts';
import { HostPool } from './host-pool.ts';
import { ModelLoad } from './model-load.ts';
import type { SessionMetadata } from './model-session.ts';
import { type Client, Deadlines, PendingRequest } from './pending-request.ts';
import type { RunResult, SessionHost } from './session-host.ts';

export interface RunnerOptions extends QueueLimits {
  /** Hosts, and so runs at a time. */
  readonly workers: number;
  /** From the arrival of a request to its answer. A run that has begun is not stopped. */
  readonly requestTimeoutMs: number;
}

/** Is told what happens, for metrics and the log. */
export interface RunnerObserver {
  onQueued(waitedMs: number): void;
  onBatch(rows: number, computeMs: number): void;
  onLoss(reason: string): void;
}

export class ModelRunner {
  readonly metadata: SessionMetadata;
  readonly load: ModelLoad;
  readonly #options: RunnerOptions;
  readonly #observer: RunnerObserver;
  readonly #pool: HostPool;
  readonly #plan: BatchPlan;
  readonly #queue: BatchQueue<PendingRequest>;
  /** Parts of a batch that failed as a whole: they go first, and are not joined again. */
  readonly #retries: PendingRequest[][] = [];
  readonly #deadlines: Deadlines;
  #scheduled = false;

  private constructor(
    pool: HostPool,
    metadata: SessionMetadata,
    options: RunnerOptions,
    observer: RunnerObserver,
  ) {
    this.#pool = pool;
    pool.onIdle = () => this.#dispatch();
    this.metadata = metadata;
    this.#options = options;
    this.#observer = observer;
    this.#plan = new BatchPlan(metadata);
    const maxBatchRows = this.#plan.joins ? options.maxBatchRows : 1;
    const limits = { maxBatchRows, maxQueueRows: options.maxQueueRows };
    this.#queue = new BatchQueue(limits, (request) => this.#drop(request));
    this.load = new ModelLoad(maxBatchRows, performance.now());
    this.#deadlines = new Deadlines(options.requestTimeoutMs, () => {
      this.#queue.sweep();
      this.#measure();
    });
  }

  /** @throws Error when the model cannot be loaded. */
  static async open(
    startHost: () => SessionHost,
    options: RunnerOptions,
    observer: RunnerObserver,
  ): Promise<ModelRunner> {
    const pool = new HostPool(options.workers, startHost, (reason) => observer.onLoss(reason));
    return new ModelRunner(pool, await pool.open(), options, observer);
  }

  /** False while every worker is lost and none is back yet. */
  get ready(): boolean {
    return this.#pool.serving > 0;
  }

  /** Rows that wait for a worker. */
  get queuedRows(): number {
    return this.#queue.rows;
  }

  /**
   * Takes a request whose inputs fit the metadata; the client hears of everything else.
   * @throws RequestError when it is refused at once: rows that disagree, or a full queue.
   */
  submit(inputs: readonly Tensor[], client: Client): void {
    const rows = this.#plan.rows(inputs);
    if (typeof rows === 'string') throw invalid(rows);
    const { maxQueueRows } = this.#options;
    if (rows > maxQueueRows) {
      throw new RequestError(
        'too-large',
        `the request has ${rows} rows; at most ${maxQueueRows} may wait (--max-queue-rows): send fewer at a time`,
      );
    }
    const request = new PendingRequest(
      client,
      inputs,
      rows,
      this.#plan.lane(inputs),
      performance.now(),
    );
    if (!this.#queue.offer(request)) {
      throw new RequestError(
        'exhausted',
        `the queue is full: ${this.#queue.rows} of ${maxQueueRows} rows wait (--max-queue-rows); try again later`,
      );
    }
    this.#deadlines.watch(request);
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

  /** Waits for the runs in hand. Call when no request is open. */
  async close(): Promise<void> {
    this.#deadlines.stop();
    await this.#pool.close();
  }

  #dispatch(): void {
    while (this.#pool.idle) {
      const batch = this.#nextRetry() ?? this.#queue.take();
      if (batch.length > 0) this.#run(batch);
      else if (this.#retries.length === 0 && this.#queue.empty) break;
    }
    this.#measure();
  }

  #measure(nowMs = performance.now()): void {
    this.load.set(this.#pool.busy, this.#pool.serving, this.#queue.rows, nowMs);
  }

  #nextRetry(): PendingRequest[] | undefined {
    return this.#retries.shift()?.filter((request) => {
      if (request.gone) this.#drop(request);
      return !request.gone;
    });
  }

  #run(batch: readonly PendingRequest[]): void {
    const now = performance.now();
    let rows = 0;
    for (const request of batch) {
      rows += request.rows;
      this.#observer.onQueued(now - request.sinceMs);
    }
    const inputs = this.#plan.join(
      batch.map((request) => request.inputs),
      rows,
    );
    this.#pool.run(inputs, (result) => this.#onResult(batch, rows, now, result));
  }

  #onResult(
    batch: readonly PendingRequest[],
    rows: number,
    startMs: number,
    result: RunResult,
  ): void {
    if (result.kind === 'done') {
      this.#observer.onBatch(rows, result.computeMs);
      if (batch.length > 1 && !result.outputs.every(({ shape }) => shape[0] === rows))
        this.#split(batch);
      else this.#answer(batch, startMs, result.outputs);
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

  #answer(batch: readonly PendingRequest[], startMs: number, outputs: readonly Tensor[]): void {
    // First, so that the load that is reported with an answer counts the answer.
    const served = batch.filter((request) => !request.gone).length;
    this.load.countServed(served, startMs, performance.now());
    let start = 0;
    for (const request of batch) {
      this.#deadlines.forget(request);
      const { rows } = request;
      const alone = batch.length === 1;
      request.answer(alone ? outputs : outputs.map((output) => sliceRows(output, start, rows)));
      start += rows;
    }
  }

  #drop(request: PendingRequest): void {
    this.#deadlines.forget(request);
    request.drop();
  }

  #fail(batch: readonly PendingRequest[], error: RequestError): void {
    for (const request of batch) {
      this.#deadlines.forget(request);
      request.fail(error);
    }
  }
}
