import { DecayingLevel, DecayingRate } from './decaying.ts';

/** Long enough that a proxy's weights do not jump, short enough that it notices a pod that is swamped. */
export const LOAD_WINDOW_MS = 1000;

/** How busy one model is, averaged over about a second. */
export class ModelLoad {
  readonly #maxBatchRows: number;
  readonly #utilization: DecayingLevel;
  readonly #served: DecayingRate;

  constructor(maxBatchRows: number, nowMs: number) {
    this.#maxBatchRows = maxBatchRows;
    this.#utilization = new DecayingLevel(LOAD_WINDOW_MS, nowMs);
    this.#served = new DecayingRate(LOAD_WINDOW_MS, nowMs);
  }

  /** Call whenever one of them has changed. `workers` serve, `busy` of them run a batch. */
  set(busy: number, workers: number, queuedRows: number, nowMs: number): void {
    const busyShare = workers > 0 ? busy / workers : 1;
    const rounds = queuedRows / (this.#maxBatchRows * Math.max(workers, 1));
    this.#utilization.set(busyShare + rounds / (1 + rounds), nowMs);
  }

  /** Requests that shared a run, which began at `startMs` and gave answers now. */
  countServed(requests: number, startMs: number, nowMs: number): void {
    this.#served.add(requests, startMs, nowMs);
  }

  /**
   * The share of the workers that is busy, from 0 to 1, and what waits: nothing 0, a full batch for every
   * worker 0.5, ever more towards 1. That part has an end so that a balancer which divides by the sum
   * corrects a swamped pod without starving it, and does not swing.
   */
  utilization(nowMs: number): number {
    return this.#utilization.at(nowMs);
  }

  servedPerSecond(nowMs: number): number {
    return this.#served.at(nowMs);
  }
}
