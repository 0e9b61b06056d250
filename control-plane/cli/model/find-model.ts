/** The model that a command is given, by its path or by its name in a repository, with its configuration. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { readModelConfig } from '../../../inference/repository/config-file.ts';
import { DEFAULT_CONFIG, type ModelConfig } from '../../../inference/repository/model-config.ts';
import { listModels, type ModelFile } from '../../../inference/repository/model-repository.ts';
import { CommandFailure } from '../failure.ts';

export interface FoundModel extends ModelFile {
  /** Of the `config.yaml` beside the version's folder; what a pod does without one where there is none. */
  readonly config: ModelConfig;
}

/**
 * `model`: the path of an ONNX file or of the folder of a version, else `NAME` (its highest version) or `NAME:VERSION` of
 * the repository.
 * @throws CommandFailure saying what there is instead.
 */
export async function findModel(
  model: string,
  repository: string | undefined,
): Promise<FoundModel> {
  const path = await onnxFile(model);
  const file = path === null ? await fromRepository(model, repository) : { ...namesOf(path), path };
  return { ...file, config: await configOf(file.path) };
}

async function fromRepository(model: string, repository: string | undefined): Promise<ModelFile> {
  if (repository === undefined) {
    throw new CommandFailure(
      `there is no file ${model}; for a model of a repository give --repository too`,
      2,
    );
  }
  const models = await listModels(repository).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(`${repository} cannot be read (${error.code})`, 2);
  });
  const [name = '', version] = model.split(':');
  const files = models.find((each) => each.name === name)?.versions.map(({ file }) => file) ?? [];
  const found = version === undefined ? files.at(-1) : files.find((f) => f.version === version);
  if (found !== undefined) return found;
  const known =
    files.length > 0
      ? `its versions are ${files.map((file) => file.version).join(', ')}`
      : `there are ${models.map((each) => each.name).join(', ') || 'none'}`;
  throw new CommandFailure(`no model ${model} in ${repository}: ${known}`, 2);
}

async function onnxFile(path: string): Promise<string | null> {
  for (const candidate of [path, join(path, 'model.onnx')]) {
    const found = await stat(candidate).catch(() => null);
    if (found?.isFile()) return resolve(candidate);
  }
  return null;
}

/** From the layout `NAME/VERSION/model.onnx` where it has that, else from the file's own name. */
function namesOf(path: string): Pick<ModelFile, 'name' | 'version'> {
  const version = basename(dirname(path));
  return /^[1-9]\d*$/.test(version)
    ? { name: basename(dirname(dirname(path))), version }
    : { name: basename(path).replace(/\.onnx$/, ''), version: '1' };
}

async function configOf(path: string): Promise<ModelConfig> {
  const file = join(dirname(dirname(path)), 'config.yaml');
  try {
    return await readModelConfig(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return DEFAULT_CONFIG;
    throw new CommandFailure(`${file}: ${(error as Error).message}`, 2);
  }
}
