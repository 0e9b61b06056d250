/** How often something happened, and how long that took in all. */
export interface DurationCount {
  readonly count: number;
  readonly ns: number;
}

/** A request that was answered, in milliseconds. */
export interface AnsweredTimes {
  readonly queueMs: number;
  /** To join its run's inputs. */
  readonly inputMs: number;
  readonly computeMs: number;
  /** To take its run's outputs apart. */
  readonly outputMs: number;
}

/** What happened to one version of a model since it was loaded, in the terms of Triton's statistics. */
export class ModelStatistics {
  readonly #success = new Duration();
  readonly #fail = new Duration();
  readonly #queue = new Duration();
  readonly #input = new Duration();
  readonly #infer = new Duration();
  readonly #output = new Duration();
  readonly #batches = new Map<number, Batches>();
  #rows = 0;
  #runs = 0;
  #lastInferenceMs = 0;

  /** A run of `rows` rows; `joinMs` and `splitMs` are those around the model's own time. */
  countRun(rows: number, joinMs: number, computeMs: number, splitMs: number): void {
    this.#runs++;
    this.#lastInferenceMs = Date.now();
    let batches = this.#batches.get(rows);
    if (!batches) {
      batches = { input: new Duration(), infer: new Duration(), output: new Duration() };
      this.#batches.set(rows, batches);
    }
    batches.input.add(joinMs);
    batches.infer.add(computeMs);
    batches.output.add(splitMs);
  }

  countAnswered(rows: number, times: AnsweredTimes): void {
    this.#rows += rows;
    this.#success.add(times.queueMs + times.inputMs + times.computeMs + times.outputMs);
    this.#queue.add(times.queueMs);
    this.#input.add(times.inputMs);
    this.#infer.add(times.computeMs);
    this.#output.add(times.outputMs);
  }

  /** `tookMs` from its arrival until it failed. */
  countFailed(tookMs: number): void {
    this.#fail.add(tookMs);
  }

  /** An element of `model_stats` in Triton's answer. */
  report(name: string, version: string): ModelStatisticsReport {
    return {
      name,
      version,
      last_inference: this.#lastInferenceMs,
      inference_count: this.#rows,
      execution_count: this.#runs,
      inference_stats: {
        success: this.#success.report(),
        fail: this.#fail.report(),
        queue: this.#queue.report(),
        compute_input: this.#input.report(),
        compute_infer: this.#infer.report(),
        compute_output: this.#output.report(),
        // There is no response cache.
        cache_hit: NOTHING,
        cache_miss: NOTHING,
      },
      batch_stats: [...this.#batches]
        .sort(([a], [b]) => a - b)
        .map(([batch_size, { input, infer, output }]) => ({
          batch_size,
          compute_input: input.report(),
          compute_infer: infer.report(),
          compute_output: output.report(),
        })),
    };
  }
}

export interface ModelStatisticsReport {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since the epoch; 0 before the first. */
  readonly last_inference: number;
  /** Rows that were answered. */
  readonly inference_count: number;
  /** Runs of the model. */
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<InferenceStatistic, DurationCount>>;
  readonly batch_stats: readonly {
    readonly batch_size: number;
    readonly compute_input: DurationCount;
    readonly compute_infer: DurationCount;
    readonly compute_output: DurationCount;
  }[];
}

type InferenceStatistic =
  | 'success'
  | 'fail'
  | 'queue'
  | 'compute_input'
  | 'compute_infer'
  | 'compute_output'
  | 'cache_hit'
  | 'cache_miss';

const NOTHING: DurationCount = { count: 0, ns: 0 };

interface Batches {
  readonly input: Duration;
  readonly infer: Duration;
  readonly output: Duration;
}

class Duration {
  #count = 0;
  #ms = 0;

  add(ms: number): void {
    this.#count++;
    this.#ms += ms;
  }

  report(): DurationCount {
    return { count: this.#count, ns: Math.round(this.#ms * 1e6) };
  }
}
