import { RequestError } from '../protocol/errors.ts';
import type { Tensor } from '../protocol/tensor.ts';
import type { Queued } from './batch-queue.ts';

/** Who waits for an answer. Exactly one of `answer`, `fail` and `drop` is called, once. */
export interface Client {
  /** True once the connection is lost: the work is then not begun. */
  readonly gone: boolean;
  /** All outputs of the model, in the metadata's order. */
  answer(outputs: readonly Tensor[]): void;
  fail(error: RequestError): void;
  /** It was gone before its work began. */
  drop(): void;
}

/** One request on its way through a model's queue. */
export class PendingRequest implements Queued {
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  readonly lane: string;
  readonly sinceMs: number;
  readonly #client: Client;
  #settled = false;

  constructor(
    client: Client,
    inputs: readonly Tensor[],
    rows: number,
    lane: string,
    sinceMs: number,
  ) {
    this.#client = client;
    this.inputs = inputs;
    this.rows = rows;
    this.lane = lane;
    this.sinceMs = sinceMs;
  }

  get gone(): boolean {
    return this.#settled || this.#client.gone;
  }

  /** An answer that comes after the deadline, or for nobody, is dropped. */
  answer(outputs: readonly Tensor[]): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#client.answer(outputs);
  }

  fail(error: RequestError): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#client.fail(error);
  }

  drop(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#client.drop();
  }
}

/** Requests in the order in which they came, and so of their deadlines; one timer for all. */
export class Deadlines {
  readonly #timeoutMs: number;
  readonly #onExpired: () => void;
  readonly #waiting = new Set<PendingRequest>();
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number, onExpired: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onExpired = onExpired;
  }

  watch(request: PendingRequest): void {
    this.#waiting.add(request);
    this.#timer ??= setTimeout(() => this.#expire(), this.#timeoutMs);
  }

  forget(request: PendingRequest): void {
    this.#waiting.delete(request);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #expire(): void {
    const now = performance.now();
    this.#timer = undefined;
    let expired = false;
    for (const request of this.#waiting) {
      const leftMs = request.sinceMs + this.#timeoutMs - now;
      if (leftMs >= 1) {
        this.#timer = setTimeout(() => this.#expire(), leftMs);
        break;
      }
      this.#waiting.delete(request);
      expired = true;
      request.fail(
        new RequestError(
          'deadline-exceeded',
          `no answer within ${this.#timeoutMs} ms (--request-timeout-ms)`,
        ),
      );
    }
    if (expired) this.#onExpired();
  }
}
