import type { RequestError } from '../protocol/errors.ts';
import type { Tensor } from '../protocol/tensor.ts';
import type { Queued } from './batch-queue.ts';
import type { OriginalSizes } from './padding.ts';

/** Where the time of an answered request went. */
export interface RunTiming {
  /** From its arrival to the start of its run. */
  readonly queueMs: number;
  /** Of the run that it shared. */
  readonly computeMs: number;
  /** Rows of that run: its own and those of others. */
  readonly batchRows: number;
}

/** Who waits for an answer. Exactly one of `answer`, `fail` and `drop` is called, once. */
export interface Client {
  /** True once the connection is lost: the work is then not begun. */
  readonly gone: boolean;
  /** All outputs of the model, in the metadata's order. */
  answer(outputs: readonly Tensor[], timing: RunTiming): void;
  fail(error: RequestError): void;
  /** It was gone before its work began. */
  drop(): void;
}

/** What is known of a request when it is queued. */
export interface Submission {
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  readonly lane: string;
  readonly level: number;
  readonly sinceMs: number;
  /** The answer is worth nothing after it. */
  readonly deadlineMs: number;
  /** Undefined when nothing was filled up. */
  readonly sizes: OriginalSizes | undefined;
}

/** One request on its way through a model's queue. */
export class PendingRequest implements Queued {
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  readonly lane: string;
  readonly level: number;
  readonly sinceMs: number;
  readonly deadlineMs: number;
  readonly sizes: OriginalSizes | undefined;
  /** Ends it at its deadline, if it has one of its own. */
  timer: NodeJS.Timeout | undefined;
  readonly #client: Client;
  readonly #onSettled: (request: PendingRequest, answered: boolean) => void;
  #settled = false;

  /** `onSettled` is called once, before the client hears of it. */
  constructor(
    client: Client,
    submission: Submission,
    onSettled: (request: PendingRequest, answered: boolean) => void,
  ) {
    this.#client = client;
    this.#onSettled = onSettled;
    this.inputs = submission.inputs;
    this.rows = submission.rows;
    this.lane = submission.lane;
    this.level = submission.level;
    this.sinceMs = submission.sinceMs;
    this.deadlineMs = submission.deadlineMs;
    this.sizes = submission.sizes;
  }

  get gone(): boolean {
    return this.#settled || this.#client.gone;
  }

  /** An answer that comes after the deadline, or for nobody, is dropped. */
  answer(outputs: readonly Tensor[], timing: RunTiming): void {
    if (this.#settle(true)) this.#client.answer(outputs, timing);
  }

  fail(error: RequestError): void {
    if (this.#settle(false)) this.#client.fail(error);
  }

  drop(): void {
    if (this.#settle(false)) this.#client.drop();
  }

  #settle(answered: boolean): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#onSettled(this, answered);
    return true;
  }
}
