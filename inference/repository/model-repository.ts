/**
 * Owns the folder layout `NAME/VERSION/model.onnx` with an optional `NAME/config.yaml`: which models and
 * versions there are. It reads names, times and configurations; what is inside a model file is the runtime's
 * concern.
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type FolderState, stateOf } from './version-folder.ts';

export interface ModelFile {
  readonly name: string;
  readonly version: string;
  /** Of model.onnx; what belongs to it lies beside it. */
  readonly path: string;
}

export interface VersionFolder extends FolderState {
  readonly file: ModelFile;
}

export interface ModelFolder {
  readonly name: string;
  /** Lowest first; each has a model.onnx. */
  readonly versions: readonly VersionFolder[];
  /** Of `config.yaml`; undefined when there is none. */
  readonly config: (FolderState & { readonly path: string }) | undefined;
}

const MODEL_FILE = 'model.onnx';
const CONFIG_FILE = 'config.yaml';
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const VERSION = /^[1-9][0-9]{0,15}$/;

/**
 * Every model of the folder that has a version, by name.
 * @throws Error of the file system when the folder cannot be read.
 */
export async function listModels(folder: string): Promise<ModelFolder[]> {
  const root = await realpath(folder);
  const models: ModelFolder[] = [];
  for (const name of (await subfolders(folder)).filter((entry) => MODEL_NAME.test(entry)).sort()) {
    const model = await readModel(folder, name, root);
    if (model.versions.length > 0) models.push(model);
  }
  return models;
}

async function readModel(folder: string, name: string, root: string): Promise<ModelFolder> {
  const versions: VersionFolder[] = [];
  const found = await subfolders(join(folder, name)).catch(() => []);
  for (const version of found
    .filter((entry) => VERSION.test(entry))
    .sort((a, b) => Number(a) - Number(b))) {
    const parent = join(folder, name, version);
    const path = join(parent, MODEL_FILE);
    if (!(await isFile(path))) continue;
    const state = await stateOf(parent, root).catch(unreadable);
    versions.push({ ...state, file: { name, version, path } });
  }
  const path = join(folder, name, CONFIG_FILE);
  const config = (await isFile(path))
    ? { ...(await stateOf(path, root).catch(unreadable)), path }
    : undefined;
  return { name, versions, config };
}

/** Its files come and go, or must not be read: it is looked at again. */
function unreadable(error: Error): FolderState {
  return { stamp: '', changedMs: Date.now(), problem: error.message };
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
