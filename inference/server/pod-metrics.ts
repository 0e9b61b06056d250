import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ModelCatalog } from '../runtime/model-catalog.ts';
import type { RunnerObserver } from '../runtime/model-runner.ts';

const SECONDS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const MODEL_LABELS = ['model', 'version'] as const;

/** The pod's Prometheus metrics, all named `modelweir_inference_*`. */
export class PodMetrics {
  readonly #registry = new Registry();
  readonly #batchRows: Histogram<'model' | 'version'>;
  readonly #queueSeconds: Histogram<'model' | 'version'>;
  readonly #computeSeconds: Histogram<'model' | 'version'>;
  readonly #workerLosses: Counter<'model' | 'version'>;
  /** Counted here and handed over when asked: the library's own counter costs a hash per request. */
  readonly #requests = new Map<string, Map<number, number>>();

  /** `catalog` is undefined while models are being loaded. */
  constructor(catalog: () => ModelCatalog | undefined) {
    const registers = [this.#registry];
    const requests = this.#requests;
    new Counter({
      name: 'modelweir_inference_requests_total',
      help: 'Infer requests by model and HTTP status; model "" is a name that is not served.',
      labelNames: ['model', 'code'],
      registers,
      collect() {
        this.reset();
        for (const [model, codes] of requests) {
          for (const [code, count] of codes) this.inc({ model, code: String(code) }, count);
        }
      },
    });
    new Gauge({
      name: 'modelweir_inference_queue_rows',
      help: 'Rows that wait for a worker.',
      labelNames: MODEL_LABELS,
      registers,
      collect() {
        for (const { metadata, runner } of catalog()?.models ?? []) {
          this.set({ model: metadata.name, version: metadata.version }, runner.queuedRows);
        }
      },
    });
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name, help, buckets, labelNames: MODEL_LABELS, registers });
    this.#batchRows = histogram(
      'modelweir_inference_batch_rows',
      'Rows of a run of the model.',
      ROWS,
    );
    this.#queueSeconds = histogram(
      'modelweir_inference_queue_seconds',
      'Time from the arrival of a request to the start of its run.',
      SECONDS,
    );
    this.#computeSeconds = histogram(
      'modelweir_inference_compute_seconds',
      'Time of a run of the model.',
      SECONDS,
    );
    this.#workerLosses = new Counter({
      name: 'modelweir_inference_worker_losses_total',
      help: 'Workers that ended, and attempts to replace one that failed.',
      labelNames: MODEL_LABELS,
      registers,
    });
  }

  countRequest(model: string, status: number): void {
    let codes = this.#requests.get(model);
    if (!codes) {
      codes = new Map();
      this.#requests.set(model, codes);
    }
    codes.set(status, (codes.get(status) ?? 0) + 1);
  }

  observer(model: string, version: string, log: (reason: string) => void): RunnerObserver {
    const labels = { model, version };
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
        log(reason);
      },
    };
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
