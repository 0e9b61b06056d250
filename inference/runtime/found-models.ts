import type { CatalogModel } from './catalog-model.ts';
import type { ServedModel } from './served-model.ts';

interface Versions {
  readonly highest: ServedModel;
  /** Lowest first. */
  readonly byVersion: ReadonlyMap<string, ServedModel>;
}

/** What can be found at one moment: it is asked on each request, and made anew on each change. */
export class FoundModels {
  /** Every version, by name. */
  readonly models: readonly ServedModel[];
  readonly #byName: ReadonlyMap<string, Versions>;

  constructor(entries: Iterable<CatalogModel>) {
    const byName = new Map<string, Versions>();
    const models: ServedModel[] = [];
    for (const { name, served } of entries) {
      const highest = served.at(-1);
      if (!highest) continue;
      models.push(...served);
      const byVersion = new Map(served.map((model) => [model.metadata.version, model]));
      byName.set(name, { highest, byVersion });
    }
    this.models = models;
    this.#byName = byName;
  }

  /** Without a version, the highest one is meant. */
  find(name: string, version?: string): ServedModel | undefined {
    const found = this.#byName.get(name);
    return version === undefined ? found?.highest : found?.byVersion.get(version);
  }

  /** Lowest first; none if the model is unknown. */
  versions(name: string): string[] {
    return [...(this.#byName.get(name)?.byVersion.keys() ?? [])];
  }
}
