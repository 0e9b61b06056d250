import { ModelChoice } from './model-choice.ts';
import type { ModelFile } from './model-repository.ts';
import type { ModelSource, ScannedModel } from './repository-scan.ts';

/** Files that are served as they are, without a folder that is looked at. */
export class FixedModels implements ModelSource {
  readonly choice: ModelChoice;
  readonly #models: ScannedModel[];

  constructor(files: readonly ModelFile[]) {
    this.choice = new ModelChoice(files.map(({ name, version }) => `${name}:${version}`));
    const names = [...new Set(files.map(({ name }) => name))];
    this.#models = names.map((name) => ({
      name,
      config: undefined,
      unsettled: new Set<string>(),
      versions: files
        .filter((file) => file.name === name)
        .map((file) => ({ file, stamp: file.path, changedMs: 0, problem: '' })),
    }));
  }

  async scan(): Promise<ScannedModel[]> {
    return this.#models;
  }
}
