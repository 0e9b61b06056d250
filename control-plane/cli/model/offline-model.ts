/** A model in this process, run by the pod's own runtime: sessions in worker threads, and requests that share runs. */
import { RequestError } from '../../../inference/protocol/errors.ts';
import type { ModelMetadata, Tensor } from '../../../inference/protocol/tensor.ts';
import { ModelRunner } from '../../../inference/runtime/model-runner.ts';
import { WorkerHost } from '../../../inference/runtime/worker-host.ts';
import { CommandFailure } from '../failure.ts';
import type { FoundModel } from './find-model.ts';

export interface OfflineOptions {
  /** Threads, each with its own copy of the model. */
  readonly workers: number;
  readonly maxBatchRows: number;
  /** Rows that wait and run at one time; whoever runs more at once is refused. */
  readonly maxOpenRows: number;
}

/** Nobody waits for an answer here; this is only so that a lost worker does not hold everything for ever. */
const RUN_TIMEOUT_MS = 600_000;

const NO_OBSERVER = { onQueued() {}, onBatch() {}, onLoss() {} };

export class OfflineModel {
  readonly metadata: ModelMetadata;
  readonly #runner: ModelRunner;

  private constructor(metadata: ModelMetadata, runner: ModelRunner) {
    this.metadata = metadata;
    this.#runner = runner;
  }

  /**
   * The model's configuration counts where it says how a run is done: provider, threads, padding.
   * @throws CommandFailure when the file is no model that a pod would serve.
   */
  static async open({ name, version, path, config }: FoundModel, options: OfflineOptions) {
    const { name: provider = 'cpu', deviceId, allowFallback = false } = config.provider;
    const session = {
      threadsPerRun: config.instances.threadsPerRun ?? 1,
      provider: { name: provider, deviceId, allowFallback },
    };
    const startHost = () => new WorkerHost({ path, session });
    try {
      const runner = await ModelRunner.open(
        startHost,
        {
          workers: options.workers,
          maxBatchRows: options.maxBatchRows,
          maxQueueRows: options.maxOpenRows,
          requestTimeoutMs: RUN_TIMEOUT_MS,
          pad: config.batching.pad,
        },
        NO_OBSERVER,
      );
      const { inputs, outputs } = runner.metadata;
      return new OfflineModel({ name, version, inputs, outputs }, runner);
    } catch (error) {
      throw new CommandFailure(`${path} cannot be run: ${(error as Error).message}`, 1);
    }
  }

  /**
   * Runs one row, together with those that wait with it.
   * @returns all outputs of the metadata, or why there are none.
   */
  run(inputs: readonly Tensor[]): Promise<readonly Tensor[] | RequestError> {
    return new Promise((resolve) => {
      const client = {
        gone: false,
        answer: resolve,
        fail: resolve,
        drop: () => resolve(new RequestError('unavailable', 'it was not run')),
      };
      try {
        this.#runner.submit(inputs, client);
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        resolve(error);
      }
    });
  }

  /** Waits for the runs in hand. Call when nothing is open. */
  async close(): Promise<void> {
    await this.#runner.close();
  }
}
