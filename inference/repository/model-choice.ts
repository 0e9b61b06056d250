import type { VersionPolicy } from './model-config.ts';
import { listModels, type ModelFile, type ModelFolder } from './model-repository.ts';

/** Which models are to be served, and which of their versions where that is said. */
export class ModelChoice {
  /** By name; undefined: what the model's own policy says. Undefined as a whole: every model. */
  readonly #versions: ReadonlyMap<string, readonly number[] | undefined> | undefined;

  /** A choice is `NAME` or `NAME:VERSION`; without choices all models are meant. */
  constructor(choices: readonly string[]) {
    if (choices.length === 0) return;
    const versions = new Map<string, number[] | undefined>();
    for (const choice of choices) {
      const [name = '', version] = choice.split(':');
      const known = versions.get(name);
      if (version === undefined) versions.set(name, known);
      else versions.set(name, [...(known ?? []), Number(version)]);
    }
    this.#versions = versions;
  }

  has(name: string): boolean {
    return this.#versions === undefined || this.#versions.has(name);
  }

  /** The policy of a model whose configuration has `policy`. */
  policy(name: string, policy: VersionPolicy): VersionPolicy {
    const specific = this.#versions?.get(name);
    return specific ? { specific: [...specific] } : policy;
  }

  /**
   * @throws Error saying what is missing and what there is instead.
   */
  check(models: readonly ModelFolder[], folder: string): void {
    for (const [name, versions] of this.#versions ?? []) {
      const model = models.find((each) => each.name === name);
      if (!model) {
        const known = models.map((each) => each.name).join(', ');
        throw new Error(`no model ${JSON.stringify(name)} in ${folder}: there are ${known}`);
      }
      const known = model.versions.map(({ file }) => file.version);
      for (const version of versions ?? []) {
        if (known.includes(String(version))) continue;
        throw new Error(
          `no model ${JSON.stringify(`${name}:${version}`)} in ${folder}: its versions are ${known.join(', ')}`,
        );
      }
    }
  }
}

/** The versions that a policy wants, lowest first. */
export function pickVersions<T extends { readonly file: ModelFile }>(
  versions: readonly T[],
  policy: VersionPolicy,
): readonly T[] {
  if ('all' in policy) return versions;
  if ('latest' in policy) return versions.slice(-policy.latest);
  return versions.filter(({ file }) => policy.specific.includes(Number(file.version)));
}

/**
 * The models of a folder that are chosen.
 * @throws Error when there is none, or a chosen one is missing.
 */
export async function findModels(folder: string, choice: ModelChoice): Promise<ModelFolder[]> {
  const all = await listModels(folder);
  if (all.length === 0) {
    throw new Error(
      `no models in ${folder}: expected NAME/VERSION/model.onnx, with VERSION a number from 1`,
    );
  }
  choice.check(all, folder);
  return all.filter(({ name }) => choice.has(name));
}
