import { InferResponseEncoder } from '../protocol/infer-response.ts';
import type { ModelMetadata } from '../protocol/tensor.ts';
import type { ModelFile } from '../repository/model-repository.ts';
import { ModelRunner, type RunnerObserver, type RunnerOptions } from './model-runner.ts';
import type { SessionOptions } from './model-session.ts';
import { WorkerHost } from './worker-host.ts';

/** A version of a model that is loaded and warm. */
export interface ServedModel {
  readonly metadata: ModelMetadata;
  readonly encoder: InferResponseEncoder;
  readonly runner: ModelRunner;
}

export interface CatalogOptions extends RunnerOptions {
  readonly session: SessionOptions;
}

/** The models that this process serves. Without a version, the highest one is meant. */
export class ModelCatalog {
  readonly #models: readonly ServedModel[];

  private constructor(models: readonly ServedModel[]) {
    this.#models = models;
  }

  /** @throws Error naming the model that cannot be loaded. */
  static async load(
    files: readonly ModelFile[],
    options: CatalogOptions,
    observe: (file: ModelFile) => RunnerObserver,
  ): Promise<ModelCatalog> {
    const models: ServedModel[] = [];
    for (const file of files) models.push(await load(file, options, observe(file)));
    return new ModelCatalog(models);
  }

  get models(): readonly ServedModel[] {
    return this.#models;
  }

  get ready(): boolean {
    return this.#models.every(({ runner }) => runner.ready);
  }

  find(name: string, version?: string): ServedModel | undefined {
    const versions = this.#models.filter(({ metadata }) => metadata.name === name);
    if (version !== undefined) return versions.find(({ metadata }) => metadata.version === version);
    return versions.sort((a, b) => Number(a.metadata.version) - Number(b.metadata.version)).at(-1);
  }

  /** Versions of a model, lowest first; none if it is unknown. */
  versions(name: string): string[] {
    const found = this.#models.filter(({ metadata }) => metadata.name === name);
    return found.map(({ metadata }) => metadata.version).sort((a, b) => Number(a) - Number(b));
  }

  async close(): Promise<void> {
    await Promise.all(this.#models.map(({ runner }) => runner.close()));
  }
}

async function load(
  file: ModelFile,
  options: CatalogOptions,
  observer: RunnerObserver,
): Promise<ServedModel> {
  const startHost = () => new WorkerHost({ path: file.path, session: options.session });
  try {
    const runner = await ModelRunner.open(startHost, options, observer);
    const { inputs, outputs } = runner.metadata;
    const metadata = { name: file.name, version: file.version, inputs, outputs };
    return { metadata, encoder: new InferResponseEncoder(metadata), runner };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`model ${file.name}, version ${file.version} (${file.path}): ${reason}`);
  }
}
