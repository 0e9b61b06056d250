import { setImmediate } from 'node:timers/promises';
import { InferResponseEncoder } from '../protocol/infer-response.ts';
import type { ModelMetadata } from '../protocol/tensor.ts';
import type { ModelConfig } from '../repository/model-config.ts';
import type { ModelFile } from '../repository/model-repository.ts';
import type { TextModel } from '../text/text-model.ts';
import type { Execution, ExecutionName } from './execution.ts';
import type { ProviderName } from './execution-provider.ts';
import { ModelRunner, type RunnerObserver, type RunnerOptions } from './model-runner.ts';
import type { SessionOptions } from './model-session.ts';
import type { ModelStatistics } from './model-statistics.ts';
import { type OpenedRunner, openRunner } from './runner-opening.ts';
import type { WorkerSettings } from './worker-messages.ts';

/** A version of a model that is loaded and warm. */
export interface ServedModel {
  readonly metadata: ModelMetadata;
  readonly encoder: InferResponseEncoder;
  readonly runner: ModelRunner;
  /** Where it came from; what belongs to the model lies beside it. */
  readonly file: ModelFile;
  readonly config: ModelConfig;
  readonly statistics: ModelStatistics;
  /** What it runs on. */
  readonly provider: ProviderName;
  /** Where it was decided to run, if there was a choice. It may have moved since: see the runner's `place`. */
  readonly execution: Execution | undefined;
  /** What serves its text, if its task has to do with text. */
  readonly text: TextModel | undefined;
  /**
   * Keeps it loaded although it is replaced or unloaded meanwhile. Needed only between `find` and `submit`,
   * where they are not in one turn of the event loop. Each call needs its `release`.
   */
  readonly hold: () => void;
  readonly release: () => void;
}

/** What the command line says for every model, where a model's own configuration does not. */
export interface LoadOptions
  extends Pick<RunnerOptions, 'workers' | 'maxBatchRows' | 'maxQueueRows' | 'requestTimeoutMs'> {
  readonly session: Pick<SessionOptions, 'threadsPerRun'>;
  /** For `instances.count: auto`; default: `workers`. */
  readonly autoWorkers?: number;
  /** Default: the CPU. */
  readonly provider?: { readonly name: ProviderName; readonly allowFallback: boolean };
  /** Default: in workers. */
  readonly execution?: ExecutionName;
}

export class LoadedModel implements ServedModel {
  readonly metadata: ModelMetadata;
  readonly encoder: InferResponseEncoder;
  readonly runner: ModelRunner;
  readonly file: ModelFile;
  readonly config: ModelConfig;
  readonly statistics: ModelStatistics;
  readonly provider: ProviderName;
  readonly execution: Execution | undefined;
  readonly text: TextModel | undefined;
  /** Why it does not run on what was asked for; '' if it does. */
  readonly note: string;
  #holds = 0;
  #onReleased: () => void = () => undefined;

  private constructor(
    file: ModelFile,
    config: ModelConfig,
    { runner, execution }: OpenedRunner,
    text: TextModel | undefined,
  ) {
    this.text = text;
    this.execution = execution;
    const { inputs, outputs } = runner.metadata;
    this.metadata = { name: file.name, version: file.version, inputs, outputs };
    this.encoder = new InferResponseEncoder(this.metadata);
    this.runner = runner;
    this.file = file;
    this.config = config;
    this.statistics = runner.statistics;
    this.provider = runner.provider.name;
    this.note = runner.provider.note;
  }

  /** @throws Error saying why it cannot be loaded. */
  static async load(
    file: ModelFile,
    config: ModelConfig,
    options: LoadOptions,
    observer: RunnerObserver,
  ): Promise<LoadedModel> {
    const settings = { path: file.path, session: sessionOptions(config, options) };
    const text = config.task === 'tensors' ? undefined : await openText(file, config);
    try {
      const opened = await open(settings, config, options, text, observer);
      return new LoadedModel(file, config, opened, text);
    } catch (error) {
      await text?.close();
      throw error;
    }
  }

  readonly hold = (): void => {
    this.#holds++;
  };

  readonly release = (): void => {
    this.#holds--;
    if (this.#holds === 0) this.#onReleased();
  };

  /** Call when nobody can find it any more: it answers what it has, and then gives its memory back. */
  async retire(): Promise<void> {
    // Who found it just now may yet submit in this turn of the event loop.
    await setImmediate();
    while (this.#holds > 0 || this.runner.openRequests > 0) {
      if (this.#holds > 0) {
        await new Promise<void>((resolve) => {
          this.#onReleased = resolve;
        });
      }
      await this.runner.drained();
    }
    await this.runner.close();
    await this.text?.close();
  }
}

/** A model that writes text has a thread of its own kind. */
async function open(
  settings: WorkerSettings,
  config: ModelConfig,
  options: LoadOptions,
  text: TextModel | undefined,
  observer: RunnerObserver,
): Promise<OpenedRunner> {
  const runnerSettings = runnerOptions(config, options);
  const startHost = text?.startHost;
  if (!startHost) {
    return openRunner(settings, executionOf(config, options), runnerSettings, observer);
  }
  const runner = await ModelRunner.open(() => startHost(settings), runnerSettings, observer);
  return { runner, execution: undefined };
}

/** Loaded only for models that need it: most pods have to do with tensors alone. */
async function openText(file: ModelFile, config: ModelConfig): Promise<TextModel | undefined> {
  const { openTextModel } = await import('../text/text-model.ts');
  return openTextModel(file, config);
}

function sessionOptions(config: ModelConfig, options: LoadOptions): SessionOptions {
  const { provider, instances, warmup } = config;
  return {
    threadsPerRun: instances.threadsPerRun ?? options.session.threadsPerRun,
    warmupRows: warmup.rows,
    provider: {
      name: provider.name ?? options.provider?.name ?? 'cpu',
      deviceId: provider.deviceId,
      allowFallback: provider.allowFallback ?? options.provider?.allowFallback ?? false,
    },
  };
}

function executionOf({ execution, instances }: ModelConfig, options: LoadOptions): ExecutionName {
  const { execution: otherwise = 'worker' } = options;
  // Whoever asks for several workers wants their CPUs.
  const several = typeof instances.count === 'number' && instances.count > 1;
  return execution ?? (several && otherwise === 'auto' ? 'worker' : otherwise);
}

function runnerOptions(config: ModelConfig, options: LoadOptions): RunnerOptions {
  const { batching, instances } = config;
  const { workers, autoWorkers = workers } = options;
  const count = instances.count === 'auto' ? autoWorkers : (instances.count ?? workers);
  // One copy of a model that writes text serves all its answers, in turns.
  const single = config.task === 'generation';
  return {
    workers: single ? 1 : count,
    maxBatchRows: single ? 1 : (batching.maxRows ?? options.maxBatchRows),
    maxQueueRows: batching.maxQueueRows ?? options.maxQueueRows,
    requestTimeoutMs: options.requestTimeoutMs,
    maxDelayMs: batching.maxDelayMs,
    preferredRows: batching.preferredRows,
    priorityLevels: batching.priorityLevels,
    defaultPriority: batching.defaultPriority,
    pad: batching.pad,
  };
}
