import { findModels, type ModelChoice } from './model-choice.ts';
import { listModels, type ModelFolder } from './model-repository.ts';

/** A model as it is to be served, in one look at the repository. */
export interface ScannedModel extends ModelFolder {
  /** Versions whose files, or whose configuration, may still be being written. */
  readonly unsettled: ReadonlySet<string>;
}

/** Where models come from. */
export interface ModelSource {
  /** How the versions of a model are chosen, beside its own policy. */
  readonly choice: ModelChoice;
  scan(): Promise<ScannedModel[]>;
}

export interface ScanOptions {
  readonly folder: string;
  readonly choice: ModelChoice;
  /** Files that have not changed for so long are whole; 0: all are. */
  readonly settleMs: number;
}

/** At the start nobody wants to wait for long. */
const FIRST_SETTLE_MS = 250;

/**
 * Looks at a repository again and again. A version is settled when its files have not changed between two
 * looks, or not for `settleMs`.
 */
export class RepositoryScanner implements ModelSource {
  readonly choice: ModelChoice;
  readonly #options: ScanOptions;
  /** By model and version: what the last look saw. */
  #stamps: ReadonlyMap<string, string> = new Map();

  constructor(options: ScanOptions) {
    this.#options = options;
    this.choice = options.choice;
  }

  /**
   * The first look: waits a little for what is being written.
   * @throws Error when there is nothing to serve, or a chosen model is missing.
   */
  async first(): Promise<ScannedModel[]> {
    const { folder, choice, settleMs } = this.#options;
    const models = this.#compare(await findModels(folder, choice));
    if (models.every(({ unsettled }) => unsettled.size === 0)) return models;
    await new Promise((resolve) => setTimeout(resolve, Math.min(settleMs, FIRST_SETTLE_MS)));
    return this.#compare(await findModels(folder, choice));
  }

  /** @throws Error of the file system when the folder cannot be read. */
  async scan(): Promise<ScannedModel[]> {
    return this.#compare(await listModels(this.#options.folder));
  }

  #compare(models: readonly ModelFolder[]): ScannedModel[] {
    const stamps = new Map<string, string>();
    const nowMs = Date.now();
    const scanned = models.map((model) => {
      const unsettled = new Set<string>();
      for (const { file, stamp, changedMs } of model.versions) {
        const key = `${file.name}:${file.version}`;
        const whole = `${stamp}\n${model.config?.stamp ?? ''}`;
        const lastMs = Math.max(changedMs, model.config?.changedMs ?? 0);
        const { settleMs } = this.#options;
        const old = settleMs === 0 || nowMs - lastMs >= settleMs;
        if (!old && this.#stamps.get(key) !== whole) unsettled.add(file.version);
        stamps.set(key, whole);
      }
      return { ...model, unsettled };
    });
    this.#stamps = stamps;
    return scanned;
  }
}
