/**
 * Owns which models this process serves, and how that follows the repository. A model that is broken takes
 * nothing from the others. It must not know HTTP or how a model runs.
 */
import { RequestError } from '../protocol/errors.ts';
import { FixedModels } from '../repository/fixed-models.ts';
import type { VersionPolicy } from '../repository/model-config.ts';
import type { ModelFile } from '../repository/model-repository.ts';
import type { ModelSource, ScannedModel } from '../repository/repository-scan.ts';
import { CatalogModel, type RepositoryEntry, SUPERSEDED, UNLOADED } from './catalog-model.ts';
import { FoundModels } from './found-models.ts';
import { LoadSlots } from './load-slots.ts';
import type { RunnerObserver } from './model-runner.ts';
import { LoadedModel, type LoadOptions, type ServedModel } from './served-model.ts';

export type { RepositoryEntry, RepositoryState } from './catalog-model.ts';
export type { ServedModel } from './served-model.ts';

/** Is told what happens to versions, for the log. */
export interface CatalogObserver {
  /** Of the runs of a version that is about to be loaded. */
  runner(file: ModelFile): RunnerObserver;
  loaded?(model: ServedModel, note: string): void;
  failed?(file: ModelFile, reason: string): void;
  unloaded?(file: ModelFile): void;
  /** The repository could not be read; what is served stays. */
  pollFailed?(reason: string): void;
}

export interface CatalogOptions extends LoadOptions {
  /** Whether every model must be ready for the pod to be. Default: one is enough. */
  readonly strictReadiness?: boolean;
  /** Whether `load` and `unload` may be called. Default: no. */
  readonly explicit?: boolean;
  /** Default: 1. */
  readonly parallelLoads?: number;
}

export class ModelCatalog {
  readonly #source: ModelSource;
  readonly #options: CatalogOptions;
  readonly #observer: CatalogObserver;
  readonly #slots: LoadSlots;
  readonly #entries = new Map<string, CatalogModel>();
  /** By name: what a model's folder looked like when it was last followed. */
  readonly #stamps = new Map<string, string>();
  readonly #listeners: (() => void)[] = [];
  /** Versions that answer what they still have. */
  readonly #retiring = new Set<Promise<void>>();
  #found = new FoundModels([]);
  #poll: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(source: ModelSource, options: CatalogOptions, observer: CatalogObserver) {
    this.#source = source;
    this.#options = options;
    this.#observer = observer;
    this.#slots = new LoadSlots(options.parallelLoads ?? 1);
  }

  /**
   * Loads what was scanned.
   * @throws Error naming what is wrong when none of it can be loaded.
   */
  static async open(
    source: ModelSource,
    scanned: readonly ScannedModel[],
    options: CatalogOptions,
    observer: CatalogObserver,
  ): Promise<ModelCatalog> {
    const catalog = new ModelCatalog(source, options, observer);
    await Promise.all(scanned.map((model) => catalog.#follow(model, false)));
    const failed = catalog.index().filter(({ state }) => state !== 'READY');
    if (scanned.length > 0 && catalog.models.length === 0) {
      await catalog.close();
      const reasons = failed.map(
        ({ name, version, reason }) =>
          `model ${name}, version ${version} (${pathOf(scanned, name, version)}): ${reason}`,
      );
      throw new Error(reasons.join('\n') || 'no model could be loaded');
    }
    return catalog;
  }

  /**
   * Serves these files and never any other.
   * @throws Error naming the model that cannot be loaded.
   */
  static async load(
    files: readonly ModelFile[],
    options: CatalogOptions,
    observe: (file: ModelFile) => RunnerObserver,
  ): Promise<ModelCatalog> {
    const source = new FixedModels(files);
    const catalog = await ModelCatalog.open(source, await source.scan(), options, {
      runner: observe,
    });
    for (const { name, version, state, reason } of catalog.index()) {
      if (state === 'READY') continue;
      await catalog.close();
      throw new Error(`model ${name}, version ${version}: ${reason}`);
    }
    return catalog;
  }

  /** Every version that is served, by name. */
  get models(): readonly ServedModel[] {
    return this.#found.models;
  }

  /** One model that serves is enough, unless all must; without any, nothing may have failed. */
  get ready(): boolean {
    const serving = this.models.some(({ runner }) => runner.ready);
    if (serving && !this.#options.strictReadiness) return true;
    return this.broken.length === 0;
  }

  /** Versions that should be served and are not. */
  get broken(): RepositoryEntry[] {
    return this.index().filter(
      ({ state, reason }) => (state === 'UNAVAILABLE' || state === 'LOADING') && !IDLE.has(reason),
    );
  }

  /** Without a version, the highest one is meant. */
  find(name: string, version?: string): ServedModel | undefined {
    return this.#found.find(name, version);
  }

  /** Why `find` finds nothing, for the client. */
  refusal(name: string, version?: string): RequestError {
    const model = JSON.stringify(name);
    const known = this.#entries.get(name)?.entries() ?? [];
    const entry = known.findLast((each) => version === undefined || each.version === version);
    if (entry && entry.state !== 'READY') {
      const what = `model ${model}, version ${entry.version}, is not served at present`;
      return new RequestError(
        'unavailable',
        `${what}: ${entry.reason || entry.state.toLowerCase()}`,
      );
    }
    const versions = this.versions(name);
    return new RequestError(
      'not-found',
      versions.length === 0
        ? `model ${model} is not served here`
        : `model ${model} has no version ${JSON.stringify(version)} here; it has ${versions.join(', ')}`,
    );
  }

  /** Versions of a model that are served, lowest first; none if it is unknown. */
  versions(name: string): string[] {
    return this.#found.versions(name);
  }

  /** Called whenever a version comes, goes or fails. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Every version that is or was to be served, by name and then by version. */
  index(): RepositoryEntry[] {
    return [...this.#entries.values()].flatMap((model) => model.entries());
  }

  /**
   * Loads what the repository has of a model now, and tries again what has failed.
   * @throws RequestError naming what is wrong; what was served before is served still.
   */
  async load(name: string): Promise<void> {
    this.#checkExplicit();
    const scanned = await this.#source.scan();
    this.know(scanned);
    const model = scanned.find((each) => each.name === name);
    if (!model) {
      throw new RequestError(
        'not-found',
        `failed to load ${JSON.stringify(name)}: the repository has no such model`,
      );
    }
    // Who asks says that the files are whole.
    const problems = await this.#follow({ ...model, unsettled: new Set() }, true);
    if (problems.length === 0) return;
    throw new RequestError(
      'invalid-argument',
      `failed to load ${JSON.stringify(name)}: ${problems.join('; ')}`,
    );
  }

  /**
   * Settles when the model has answered what it has and its memory is given back.
   * @throws RequestError when it is not known.
   */
  async unload(name: string): Promise<void> {
    this.#checkExplicit();
    const model = this.#entries.get(name);
    if (!model) {
      throw new RequestError(
        'not-found',
        `failed to unload ${JSON.stringify(name)}: it was never loaded`,
      );
    }
    this.#stamps.delete(name);
    await model.unload();
  }

  /** Puts models into the index that are there, but not loaded. */
  know(scanned: readonly ScannedModel[]): void {
    for (const model of scanned) this.#entry(model.name).know(model);
  }

  /** Looks at the repository every `intervalMs` from now on. */
  poll(intervalMs: number): void {
    this.#poll = setTimeout(async () => {
      try {
        this.#followAll(await this.#source.scan());
      } catch (error) {
        this.#observer.pollFailed?.((error as Error).message);
      }
      if (!this.#closed) this.poll(intervalMs);
    }, intervalMs);
    this.#poll.unref();
  }

  /** Waits for the requests that are open. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#poll);
    await Promise.all([...this.#entries.values()].map((model) => model.unload()));
    // Of versions that were replaced before, too: a thread that ends in the middle of a run aborts the process.
    await Promise.all(this.#retiring);
  }

  #checkExplicit(): void {
    if (this.#options.explicit) return;
    throw new RequestError(
      'invalid-argument',
      'models are not loaded and unloaded by request here (--model-control explicit)',
    );
  }

  /** Not awaited: a model that takes long to load holds up no other. */
  #followAll(scanned: readonly ScannedModel[]): void {
    const chosen = scanned.filter(({ name }) => this.#source.choice.has(name));
    for (const model of chosen) {
      const stamp = stampOf(model);
      if (this.#stamps.get(model.name) === stamp || this.#entries.get(model.name)?.busy) continue;
      void this.#follow(model, false);
    }
    for (const [name, model] of this.#entries) {
      if (chosen.some((each) => each.name === name)) continue;
      this.#entries.delete(name);
      this.#stamps.delete(name);
      void model.unload();
    }
  }

  #follow(model: ScannedModel, retry: boolean): Promise<string[]> {
    this.#stamps.set(model.name, stampOf(model));
    const { choice } = this.#source;
    const policyOf = (policy: VersionPolicy) => choice.policy(model.name, policy);
    return this.#entry(model.name).follow(model, policyOf, retry);
  }

  #entry(name: string): CatalogModel {
    let entry = this.#entries.get(name);
    if (!entry) {
      entry = new CatalogModel(name, this.#hooks);
      this.#entries.set(name, entry);
    }
    return entry;
  }

  readonly #hooks = {
    load: (file: ModelFile, config: ServedModel['config']): Promise<LoadedModel> =>
      this.#slots.run(async () => {
        if (this.#closed) throw new Error('the pod is ending');
        const observer = this.#observer.runner(file);
        const model = await LoadedModel.load(file, config, this.#options, observer);
        this.#observer.loaded?.(model, model.note);
        return model;
      }),
    retire: (model: LoadedModel): Promise<void> => {
      const retiring = model.retire().finally(() => this.#retiring.delete(retiring));
      this.#retiring.add(retiring);
      return retiring;
    },
    changed: (): void => {
      this.#found = new FoundModels(this.#entries.values());
      for (const listener of this.#listeners) listener();
    },
    failed: (file: ModelFile, reason: string): void => this.#observer.failed?.(file, reason),
    unloaded: (file: ModelFile): void => this.#observer.unloaded?.(file),
  };
}

/** Reasons that are nobody's fault: nothing is wrong with such a version. */
const IDLE: ReadonlySet<string> = new Set([UNLOADED, SUPERSEDED]);

function stampOf({ versions, config, unsettled }: ScannedModel): string {
  const stamps = versions.map(({ file, stamp, problem }) => [file.version, stamp, problem]);
  return JSON.stringify([stamps, config?.stamp, config?.problem, [...unsettled]]);
}

function pathOf(scanned: readonly ScannedModel[], name: string, version: string): string {
  const model = scanned.find((each) => each.name === name);
  return model?.versions.find(({ file }) => file.version === version)?.file.path ?? '';
}
