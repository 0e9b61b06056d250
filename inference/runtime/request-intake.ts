import { invalid, RequestError } from '../protocol/errors.ts';
import type { Tensor } from '../protocol/tensor.ts';
import type { BatchPlan } from './batch-plan.ts';
import type { Padding } from './padding.ts';
import type { Submission } from './pending-request.ts';

/** What a client may say of one request. */
export interface SubmitOptions {
  /** From 1, the most urgent, to the number of levels that the model has; 0 and undefined: the default. */
  readonly priority?: number | undefined;
  /** In the time of performance.now(): the answer is worth nothing after it. */
  readonly deadlineMs?: number | undefined;
}

export interface IntakeOptions {
  readonly maxQueueRows: number;
  readonly requestTimeoutMs: number;
  readonly priorityLevels?: number | undefined;
  readonly defaultPriority?: number | undefined;
}

/** Turns a request whose inputs fit the metadata into what can be queued, or refuses it. */
export class RequestIntake {
  readonly #plan: BatchPlan;
  readonly #padding: Padding | undefined;
  readonly #options: IntakeOptions;
  readonly #levels: number;
  readonly #defaultLevel: number;

  constructor(plan: BatchPlan, padding: Padding | undefined, options: IntakeOptions) {
    this.#plan = plan;
    this.#padding = padding;
    this.#options = options;
    this.#levels = options.priorityLevels ?? 1;
    this.#defaultLevel = (options.defaultPriority ?? Math.ceil(this.#levels / 2)) - 1;
  }

  /**
   * Requests of more than `maxRunRows` go in a lane of their own, so that they hold nobody up.
   * @throws RequestError naming what is wrong with it.
   */
  take(
    inputs: readonly Tensor[],
    options: SubmitOptions,
    nowMs: number,
    maxRunRows = Number.POSITIVE_INFINITY,
  ): Submission {
    const rows = this.#plan.rows(inputs);
    if (typeof rows === 'string') throw invalid(rows);
    const { maxQueueRows, requestTimeoutMs } = this.#options;
    if (rows > maxQueueRows) {
      throw new RequestError(
        'too-large',
        `the request has ${rows} rows; at most ${maxQueueRows} may wait (--max-queue-rows): send fewer at a time`,
      );
    }
    const deadlineMs = nowMs + requestTimeoutMs;
    const own = options.deadlineMs;
    if (own !== undefined && own <= nowMs) {
      throw new RequestError('deadline-exceeded', 'the request came after its own deadline');
    }
    const padded = this.#padding?.fill(inputs);
    if (typeof padded === 'string') throw invalid(padded);
    const filled = padded?.inputs ?? inputs;
    return {
      inputs: filled,
      rows,
      lane: this.#plan.lane(filled) + (rows > maxRunRows ? ' large' : ''),
      level: this.#level(options.priority),
      sinceMs: nowMs,
      deadlineMs: own === undefined ? deadlineMs : Math.min(own, deadlineMs),
      sizes: padded?.sizes,
    };
  }

  /** Those beyond the last level are in the last, so that a client needs not know how many there are. */
  #level(priority: number | undefined): number {
    if (priority === undefined || priority === 0) return this.#defaultLevel;
    if (!Number.isSafeInteger(priority) || priority < 0) {
      throw invalid(`priority is ${priority}; it must be an integer from 1, the most urgent`);
    }
    return Math.min(priority, this.#levels) - 1;
  }
}
