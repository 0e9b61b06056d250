/** The folder of resources that a command is given. */
import { stat } from 'node:fs/promises';
import { CommandFailure } from './failure.ts';

/** @throws CommandFailure where there is no such folder. */
export async function requireFolder(folder: string): Promise<void> {
  const isFolder = await stat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new CommandFailure(`${folder} is not a folder: give one with YAML files`, 2);
}
