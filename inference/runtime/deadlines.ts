import { RequestError } from '../protocol/errors.ts';
import type { PendingRequest } from './pending-request.ts';

/** Timers are set for a multiple of this: Node keeps a list for each length. */
const TIMER_STEP_MS = 8;

/**
 * Fails requests at their deadlines. Those that have the server's own come in the order of their deadlines
 * and share a timer; one that its client asked for has a timer to itself.
 */
export class Deadlines {
  readonly #timeoutMs: number;
  readonly #onExpired: () => void;
  readonly #waiting = new Set<PendingRequest>();
  #timer: NodeJS.Timeout | undefined;

  /** `onExpired` is called after requests have failed. */
  constructor(timeoutMs: number, onExpired: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onExpired = onExpired;
  }

  watch(request: PendingRequest, nowMs: number): void {
    const leftMs = request.deadlineMs - nowMs;
    if (leftMs < this.#timeoutMs) {
      const steps = Math.ceil(leftMs / TIMER_STEP_MS);
      request.timer = setTimeout(() => this.#expireOne(request), steps * TIMER_STEP_MS);
      return;
    }
    this.#waiting.add(request);
    this.#timer ??= setTimeout(() => this.#expire(), this.#timeoutMs);
  }

  forget(request: PendingRequest): void {
    if (request.timer) clearTimeout(request.timer);
    else this.#waiting.delete(request);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #expireOne(request: PendingRequest): void {
    request.fail(
      new RequestError('deadline-exceeded', 'no answer before the request’s own deadline'),
    );
    this.#onExpired();
  }

  #expire(): void {
    const nowMs = performance.now();
    this.#timer = undefined;
    let expired = false;
    for (const request of this.#waiting) {
      const leftMs = request.deadlineMs - nowMs;
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
