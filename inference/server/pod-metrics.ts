import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ErrorCode } from '../protocol/errors.ts';
import type { ModelCatalog, ServedModel } from '../runtime/model-catalog.ts';
import type { RunnerObserver } from '../runtime/model-runner.ts';
import { FailureCounts } from './failure-counts.ts';
import { addTritonMetrics } from './triton-metrics.ts';

const PREFIX = 'modelweir_inference_';
const TRITON_PREFIX = 'nv_inference_';
const SECONDS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const MODEL_LABELS = ['model', 'version'] as const;
type ModelLabel = (typeof MODEL_LABELS)[number];

export interface PodMetricsOptions {
  /** Whether what Triton counts too is also there under Triton's own names. */
  readonly tritonNames?: boolean;
}

/** The pod's Prometheus metrics, all named `modelweir_inference_*`. */
export class PodMetrics {
  readonly #registry = new Registry();
  readonly #catalog: () => ModelCatalog | undefined;
  readonly #batchRows: Histogram<ModelLabel>;
  readonly #queueSeconds: Histogram<ModelLabel>;
  readonly #computeSeconds: Histogram<ModelLabel>;
  readonly #workerLosses: Counter<ModelLabel>;
  readonly #moves: Counter<ModelLabel>;
  readonly #loads: Counter<'model' | 'outcome'>;
  readonly #payloads: Counter<'outcome'>;
  readonly #heldBytes: (() => number)[] = [];
  readonly #failures = new FailureCounts();
  /** Versions that have series of their own. */
  readonly #observed = new Map<string, Record<ModelLabel, string>>();
  /** Counted here and handed over when asked: the library's own counter costs a hash per request. */
  readonly #requests = new Map<string, Map<number, number>>();

  /** `catalog` is undefined while models are being loaded. */
  constructor(catalog: () => ModelCatalog | undefined, options: PodMetricsOptions = {}) {
    this.#catalog = catalog;
    const models = (): readonly ServedModel[] => catalog()?.models ?? [];
    this.#addRequests();
    this.#addGauges(models);
    addTritonMetrics(this.#registry, PREFIX, models, this.#failures);
    if (options.tritonNames)
      addTritonMetrics(this.#registry, TRITON_PREFIX, models, this.#failures);
    this.#batchRows = this.#histogram('batch_rows', 'Rows of a run of the model.', ROWS);
    this.#queueSeconds = this.#histogram(
      'queue_seconds',
      'Time from the arrival of a request to the start of its run.',
      SECONDS,
    );
    this.#computeSeconds = this.#histogram(
      'compute_seconds',
      'Time of a run of the model.',
      SECONDS,
    );
    this.#workerLosses = this.#counter(
      'worker_losses_total',
      'Workers that ended, and attempts to replace one that failed.',
      MODEL_LABELS,
    );
    this.#moves = this.#counter(
      'execution_moves_total',
      'Times that a model left the event loop for workers.',
      MODEL_LABELS,
    );
    this.#loads = this.#counter(
      'model_loads_total',
      'Versions of models that were loaded, could not be loaded, or were unloaded.',
      ['model', 'outcome'],
    );
    this.#payloads = this.#counter(
      'payload_log_requests_total',
      'Requests for the payload log: written, dropped for want of room, or failed to be written.',
      ['outcome'],
    );
  }

  /** `model` is '' for a name that is not served, so that callers cannot make series. */
  countRequest(model: string, status: number): void {
    let codes = this.#requests.get(model);
    if (!codes) {
      codes = new Map();
      this.#requests.set(model, codes);
    }
    codes.set(status, (codes.get(status) ?? 0) + 1);
  }

  /** Beside `countRequest`, which takes no account of those whose client went away. */
  countFailure(model: string, version: string, code: ErrorCode | 'cancelled'): void {
    this.#failures.count(model, version, code);
  }

  countLoad(model: string, outcome: 'loaded' | 'failed' | 'unloaded'): void {
    this.#loads.inc({ model, outcome });
  }

  countPayload(outcome: 'written' | 'dropped' | 'failed'): void {
    this.#payloads.inc({ outcome });
  }

  /** Bytes of bodies that wait for their answers, for one more server. */
  addHeldBytes(read: () => number): void {
    this.#heldBytes.push(read);
  }

  observer(
    model: string,
    version: string,
    logLoss: (reason: string) => void,
    logMove: (reason: string) => void = () => undefined,
  ): RunnerObserver {
    const labels = { model, version };
    this.#observed.set(JSON.stringify(labels), labels);
    const [batchRows, queue, compute, losses] = [
      this.#batchRows.labels(labels),
      this.#queueSeconds.labels(labels),
      this.#computeSeconds.labels(labels),
      this.#workerLosses.labels(labels),
    ];
    return {
      onQueued: (waitedMs) => queue.observe(waitedMs / 1000),
      onBatch: (rows, computeMs) => {
        batchRows.observe(rows);
        compute.observe(computeMs / 1000);
      },
      onLoss: (reason) => {
        losses.inc();
        logLoss(reason);
      },
      onMove: (reason) => {
        this.#moves.inc(labels);
        logMove(reason);
      },
    };
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    this.#forgetGone();
    return this.#registry.metrics();
  }

  #addRequests(): void {
    const requests = this.#requests;
    new Counter({
      name: `${PREFIX}requests_total`,
      help: 'Infer requests by model and HTTP status; model "" is a name that is not served.',
      labelNames: ['model', 'code'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [model, codes] of requests) {
          for (const [code, count] of codes) this.inc({ model, code: String(code) }, count);
        }
      },
    });
  }

  #addGauges(models: () => readonly ServedModel[]): void {
    const registers = [this.#registry];
    new Gauge({
      name: `${PREFIX}queue_rows`,
      help: 'Rows that wait for a worker.',
      labelNames: MODEL_LABELS,
      registers,
      collect() {
        this.reset();
        for (const { metadata, runner } of models()) {
          this.set({ model: metadata.name, version: metadata.version }, runner.queuedRows);
        }
      },
    });
    new Gauge({
      name: `${PREFIX}provider`,
      help: 'What a version of a model runs on: 1 for its execution provider.',
      labelNames: [...MODEL_LABELS, 'provider'],
      registers,
      collect() {
        this.reset();
        for (const { metadata, provider } of models()) {
          this.set({ model: metadata.name, version: metadata.version, provider }, 1);
        }
      },
    });
    new Gauge({
      name: `${PREFIX}execution`,
      help: 'Where a version of a model runs: 1 for worker or inline.',
      labelNames: [...MODEL_LABELS, 'execution'],
      registers,
      collect() {
        this.reset();
        for (const { metadata, runner } of models()) {
          const { name: model, version } = metadata;
          this.set({ model, version, execution: runner.place }, 1);
        }
      },
    });
    const heldBytes = this.#heldBytes;
    new Gauge({
      name: `${PREFIX}held_bytes`,
      help: 'Bytes of bodies whose requests are not yet answered.',
      registers,
      collect() {
        this.set(heldBytes.reduce((sum, read) => sum + read(), 0));
      },
    });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram<ModelLabel> {
    const registers = [this.#registry];
    return new Histogram({
      name: PREFIX + name,
      help,
      buckets,
      labelNames: MODEL_LABELS,
      registers,
    });
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.#registry] });
  }

  /** Series of versions that the catalog knows no more, or a pod that reloads for months would fill up with them. */
  #forgetGone(): void {
    const index = this.#catalog()?.index();
    if (!index) return;
    const known = new Set(
      index.map(({ name, version }) => JSON.stringify({ model: name, version })),
    );
    for (const [key, labels] of this.#observed) {
      if (known.has(key)) continue;
      this.#observed.delete(key);
      this.#failures.forget(labels.model, labels.version);
      const series = [
        this.#batchRows,
        this.#queueSeconds,
        this.#computeSeconds,
        this.#workerLosses,
        this.#moves,
      ];
      for (const each of series) each.remove(labels);
    }
  }
}
