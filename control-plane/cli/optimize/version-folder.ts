/** A new version of a model: made aside, and there as a whole or not at all. */
import { chmod, cp, mkdir, mkdtemp, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CommandFailure } from '../failure.ts';

const VERSION = /^[1-9]\d{0,14}$/;
const PUBLIC = 0o755;

export interface Staging {
  /** An empty folder beside the versions; no pod takes it for one. */
  readonly folder: string;
  /** Whether the folder of the model had to be made for it. */
  readonly isFirst: boolean;
}

/** @throws CommandFailure when the model's folder cannot be written. */
export async function stagingFolder(modelFolder: string): Promise<Staging> {
  try {
    const made = await mkdir(modelFolder, { recursive: true });
    const folder = await mkdtemp(join(modelFolder, '.optimize-'));
    await chmod(folder, PUBLIC);
    return { folder, isFirst: made !== undefined };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandFailure(`${modelFolder} cannot be written (${code})`, 2);
  }
}

/**
 * What lies beside the source's weights and belongs to them, such as a tokenizer, and its configuration where the
 * new model has none. Only of a source in the layout `NAME/VERSION/model.onnx`: any other folder may hold anything.
 */
export async function copyCompanions(
  source: string,
  external: readonly string[],
  staging: string,
): Promise<void> {
  const folder = dirname(source);
  if (!VERSION.test(basename(folder))) return;
  const weights = new Set([source, ...external.map((name) => join(folder, name))]);
  await cp(folder, staging, {
    recursive: true,
    dereference: true,
    force: false,
    filter: (path) => !weights.has(path),
  });
  const config = join(dirname(folder), 'config.yaml');
  const copy = join(dirname(staging), 'config.yaml');
  await cp(config, copy, { force: false }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** Gives the folder the number behind the highest that there is. Returns its path. */
export async function publish(staging: string): Promise<string> {
  const modelFolder = dirname(staging);
  for (;;) {
    const versions = (await readdir(modelFolder)).filter((name) => VERSION.test(name));
    const folder = join(modelFolder, String(Math.max(0, ...versions.map(Number)) + 1));
    try {
      await rename(staging, folder);
      return folder;
    } catch (error) {
      // Somebody else has taken the number meanwhile.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
  }
}

/** Leaves things as they were before. */
export async function discard({ folder, isFirst }: Staging): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  // Unless somebody has put something there meanwhile.
  if (isFirst) await rmdir(dirname(folder)).catch(() => undefined);
}

/** Bytes of a folder's files. */
export async function folderBytes(folder: string, names: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const name of names) bytes += (await stat(join(folder, name))).size;
  return bytes;
}
