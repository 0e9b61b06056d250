/** The compiled filters in a folder, with the hashes of what they hold now. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Module, ModuleName } from '../xds/translate.ts';
import { CommandFailure } from './failure.ts';

export const MODULE_NAMES: readonly ModuleName[] = ['chain', 'batcher', 'rewriter'];

/** A folder of more is no folder of filters. */
const MAX_PREVIOUS_MODULES = 64;

export interface LoadedModule extends Module {
  readonly code: Buffer;
}

/** @throws CommandFailure naming the first file that cannot be read. */
export async function filterModules(folder: string): Promise<Record<ModuleName, Module>> {
  const { chain, batcher, rewriter } = await loadModules(folder);
  return { chain: place(chain), batcher: place(batcher), rewriter: place(rewriter) };
}

/** @throws CommandFailure naming the first file that cannot be read. */
export async function loadModules(folder: string): Promise<Record<ModuleName, LoadedModule>> {
  return {
    chain: await loadModule(folder, 'chain'),
    batcher: await loadModule(folder, 'batcher'),
    rewriter: await loadModule(folder, 'rewriter'),
  };
}

/** All modules of a folder, whatever their names: SHA-256 to code. @throws CommandFailure */
export async function previousModules(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  try {
    const files = (await readdir(folder)).filter((name) => name.endsWith('.wasm'));
    if (files.length > MAX_PREVIOUS_MODULES) throw new Error(`more than ${MAX_PREVIOUS_MODULES}`);
    const codes = await Promise.all(files.map((name) => readFile(join(folder, name))));
    return new Map(codes.map((code) => [hashOf(code), code]));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandFailure(
      `the modules of ${folder} cannot be read (${code ?? message}): correct --previous-modules`,
      1,
    );
  }
}

async function loadModule(folder: string, name: ModuleName): Promise<LoadedModule> {
  const path = join(resolve(folder), `${name}.wasm`);
  try {
    const code = await readFile(path);
    return { path, sha256: hashOf(code), code };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandFailure(
      `the filter ${path} cannot be read (${code}): build it with npm run build, or give --modules`,
      1,
    );
  }
}

function place({ path, sha256 }: LoadedModule): Module {
  return { path, sha256 };
}

function hashOf(code: Buffer): string {
  return createHash('sha256').update(code).digest('hex');
}
