/** The compiled filters in a folder, with the hashes of what they hold now. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Module, ModuleName } from '../xds/translate.ts';
import { CommandFailure } from './failure.ts';

/** @throws CommandFailure naming the first file that cannot be read. */
export async function filterModules(folder: string) {
  return {
    chain: await filterModule(folder, 'chain'),
    batcher: await filterModule(folder, 'batcher'),
    rewriter: await filterModule(folder, 'rewriter'),
  };
}

async function filterModule(folder: string, name: ModuleName): Promise<Module> {
  const path = join(resolve(folder), `${name}.wasm`);
  try {
    const bytes = await readFile(path);
    return { path, sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandFailure(
      `the filter ${path} cannot be read (${code}): build it with npm run build, or give --modules`,
      1,
    );
  }
}
