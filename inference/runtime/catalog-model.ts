import { readModelConfig } from '../repository/config-file.ts';
import { pickVersions } from '../repository/model-choice.ts';
import {
  DEFAULT_CONFIG,
  type ModelConfig,
  type VersionPolicy,
} from '../repository/model-config.ts';
import type { ModelFile, VersionFolder } from '../repository/model-repository.ts';
import type { ScannedModel } from '../repository/repository-scan.ts';
import type { LoadedModel } from './served-model.ts';

export type RepositoryState = 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING';

/** Reasons of a version with which nothing is wrong. */
export const UNLOADED = 'unloaded';
export const SUPERSEDED = 'another version is served';

/** A version of a model in the repository, as Triton's index has it. */
export interface RepositoryEntry {
  readonly name: string;
  readonly version: string;
  readonly state: RepositoryState;
  /** Why it is in this state; '' when it is ready and nothing is wrong. */
  readonly reason: string;
}

/** What a model needs of the catalog that it is in. */
export interface CatalogHooks {
  /** @throws Error saying why it cannot be loaded. */
  load(file: ModelFile, config: ModelConfig): Promise<LoadedModel>;
  /** Lets a version that cannot be found any more answer what it has, and closes it. */
  retire(model: LoadedModel): Promise<void>;
  /** A version came, went or failed. */
  changed(): void;
  failed(file: ModelFile, reason: string): void;
  unloaded(file: ModelFile): void;
}

interface Slot {
  readonly file: ModelFile;
  state: RepositoryState;
  reason: string;
  /** Of what was last tried; differs from the folder's when there is something new to try. */
  stamp: string;
  served: LoadedModel | undefined;
}

/** The versions of one model, and how they follow the repository. One change at a time. */
export class CatalogModel {
  readonly name: string;
  readonly #hooks: CatalogHooks;
  readonly #slots = new Map<string, Slot>();
  #turn: Promise<void> = Promise.resolve();
  #turns = 0;

  constructor(name: string, hooks: CatalogHooks) {
    this.name = name;
    this.#hooks = hooks;
  }

  /** Whether a change is under way. */
  get busy(): boolean {
    return this.#turns > 0;
  }

  /** Those that take requests, lowest first. */
  get served(): LoadedModel[] {
    const slots = [...this.#slots.values()].filter(({ state }) => state === 'READY');
    return slots.flatMap(({ served }) => served ?? []).sort(byVersion);
  }

  /** Lowest first. */
  entries(): RepositoryEntry[] {
    return [...this.#slots.values()]
      .sort(byVersion)
      .map(({ file, state, reason, served }) =>
        served && state === 'READY' && !served.runner.ready
          ? { ...file, state: 'UNAVAILABLE' as const, reason: 'its workers have ended' }
          : { ...file, state, reason },
      )
      .map(({ name, version, state, reason }) => ({ name, version, state, reason }));
  }

  /**
   * Brings the versions in line with their folders: new ones are loaded before old ones go, and old ones stay
   * while a new one cannot be loaded. What has failed is tried again only if it changed, or on `retry`.
   * @returns what is wrong; never throws.
   */
  follow(
    folder: ScannedModel,
    policyOf: (policy: VersionPolicy) => VersionPolicy,
    retry: boolean,
  ): Promise<string[]> {
    return this.#inTurn(() => this.#follow(folder, policyOf, retry));
  }

  /** Versions that are there but were never loaded. */
  know({ versions }: ScannedModel): void {
    for (const { file } of versions) this.#slotOf(file);
  }

  /** Settles when all versions have answered what they have. */
  unload(): Promise<void> {
    return this.#inTurn(async () => {
      await Promise.all([...this.#slots.values()].map((slot) => this.#retire(slot, UNLOADED)));
    });
  }

  async #follow(
    folder: ScannedModel,
    policyOf: (policy: VersionPolicy) => VersionPolicy,
    retry: boolean,
  ): Promise<string[]> {
    const { config, problem } = await configOf(folder);
    const wanted = pickVersions(folder.versions, policyOf(config.versions));
    const problems: string[] = [];
    if (wanted.length === 0)
      problems.push('the repository has none of the versions that it is to serve');
    for (const version of wanted) {
      const reason = await this.#followOne(folder, version, config, problem, retry);
      if (reason) problems.push(reason);
    }
    const kept = new Set(
      (problems.length > 0 ? folder.versions : wanted).map(({ file }) => file.version),
    );
    for (const slot of [...this.#slots.values()]) {
      if (kept.has(slot.file.version)) continue;
      const gone = !folder.versions.some(({ file }) => file.version === slot.file.version);
      // Not awaited: the next change must not wait for the longest request.
      void this.#retire(slot, SUPERSEDED);
      if (gone) this.#slots.delete(slot.file.version);
    }
    this.#hooks.changed();
    return problems;
  }

  async #followOne(
    folder: ScannedModel,
    { file, stamp, problem }: VersionFolder,
    config: ModelConfig,
    configProblem: string,
    retry: boolean,
  ): Promise<string> {
    const slot = this.#slotOf(file);
    const whole = `${stamp}\n${folder.config?.stamp ?? ''}`;
    if (folder.unsettled.has(file.version)) {
      if (!slot.served) slot.reason = 'its files are still being written';
      return slot.served ? '' : slot.reason;
    }
    const tried = slot.stamp === whole;
    if (tried && (slot.state === 'READY' || (!retry && slot.state === 'UNAVAILABLE'))) {
      return slot.reason;
    }
    slot.stamp = whole;
    const reason = problem || configProblem;
    if (reason) this.#fail(slot, reason);
    else await this.#load(slot, config);
    return slot.reason;
  }

  async #load(slot: Slot, config: ModelConfig): Promise<void> {
    const old = slot.served;
    if (!old) slot.state = 'LOADING';
    slot.reason = '';
    this.#hooks.changed();
    try {
      const made = await this.#hooks.load(slot.file, config);
      slot.served = made;
      slot.state = 'READY';
      slot.reason = '';
      this.#hooks.changed();
      if (old) void this.#hooks.retire(old);
    } catch (error) {
      this.#fail(slot, error instanceof Error ? error.message : String(error));
    }
  }

  /** What is served of it goes on being served. */
  #fail(slot: Slot, reason: string): void {
    slot.reason = slot.served ? `it is served from older files, because: ${reason}` : reason;
    if (!slot.served) slot.state = 'UNAVAILABLE';
    this.#hooks.failed(slot.file, reason);
    this.#hooks.changed();
  }

  async #retire(slot: Slot, reason: string): Promise<void> {
    const { served } = slot;
    slot.stamp = '';
    slot.reason = reason;
    if (!served) {
      slot.state = 'UNAVAILABLE';
      return;
    }
    slot.state = 'UNLOADING';
    slot.served = undefined;
    this.#hooks.changed();
    await this.#hooks.retire(served);
    // Unless it was loaded again meanwhile.
    if (slot.state === 'UNLOADING') slot.state = 'UNAVAILABLE';
    this.#hooks.unloaded(slot.file);
    this.#hooks.changed();
  }

  #slotOf(file: ModelFile): Slot {
    let slot = this.#slots.get(file.version);
    if (!slot) {
      slot = { file, state: 'UNAVAILABLE', reason: UNLOADED, stamp: '', served: undefined };
      this.#slots.set(file.version, slot);
    }
    return slot;
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    this.#turns++;
    const done = this.#turn.then(change);
    this.#turn = done.then(
      () => undefined,
      () => undefined,
    );
    return done.finally(() => this.#turns--);
  }
}

/** A configuration that is wrong fails the versions that would be served by default. */
async function configOf(folder: ScannedModel): Promise<{ config: ModelConfig; problem: string }> {
  if (!folder.config) return { config: DEFAULT_CONFIG, problem: '' };
  if (folder.config.problem) return { config: DEFAULT_CONFIG, problem: folder.config.problem };
  try {
    return { config: await readModelConfig(folder.config.path), problem: '' };
  } catch (error) {
    return { config: DEFAULT_CONFIG, problem: (error as Error).message };
  }
}

function byVersion(a: { readonly file: ModelFile }, b: { readonly file: ModelFile }): number {
  return Number(a.file.version) - Number(b.file.version);
}
