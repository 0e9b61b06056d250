/**
 * Owns the folder layout `NAME/VERSION/model.onnx`: which models and versions there are, and which are
 * to be served. It reads names only; what is inside a model file is the runtime's concern.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface ModelFile {
  readonly name: string;
  readonly version: string;
  readonly path: string;
}

const MODEL_FILE = 'model.onnx';
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const VERSION = /^[1-9][0-9]{0,15}$/;

/**
 * The files to serve. A choice is `NAME` (its highest version) or `NAME:VERSION`; without choices, every
 * model's highest version.
 * @throws Error saying what is missing and what there is instead.
 */
export async function findModels(folder: string, choices: readonly string[]): Promise<ModelFile[]> {
  const all = await listModels(folder);
  if (all.length === 0) {
    throw new Error(
      `no models in ${folder}: expected NAME/VERSION/${MODEL_FILE}, with VERSION a number from 1`,
    );
  }
  const names = [...new Set(all.map(({ name }) => name))];
  const chosen = (choices.length > 0 ? choices : names).map((choice) => pick(all, choice, folder));
  return [...new Set(chosen)];
}

/** Every model file of the folder, by name and then by version, lowest first. */
export async function listModels(folder: string): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  for (const name of (await subfolders(folder)).filter((entry) => MODEL_NAME.test(entry)).sort()) {
    const versions = (await subfolders(join(folder, name))).filter((entry) => VERSION.test(entry));
    for (const version of versions.sort((a, b) => Number(a) - Number(b))) {
      const path = join(folder, name, version, MODEL_FILE);
      if (await isFile(path)) files.push({ name, version, path });
    }
  }
  return files;
}

function pick(all: readonly ModelFile[], choice: string, folder: string): ModelFile {
  const [name, version] = choice.split(':');
  const versions = all.filter((file) => file.name === name);
  const found =
    version === undefined ? versions.at(-1) : versions.find((file) => file.version === version);
  if (found) return found;
  const known =
    versions.length > 0
      ? `its versions are ${versions.map((file) => file.version).join(', ')}`
      : `there are ${[...new Set(all.map((file) => file.name))].join(', ')}`;
  throw new Error(`no model ${JSON.stringify(choice)} in ${folder}: ${known}`);
}

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  // Links are followed: mounted volumes (ConfigMaps, caches) are made of them.
  return entries
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map(({ name }) => name);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
