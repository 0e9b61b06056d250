/** Gets MLServer and onnxruntime for Python into .cache when they are not there: no venv, nothing outside it. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';

const REQUIREMENTS = join(import.meta.dirname, 'mlserver', 'requirements.txt');
const FOLDER = join(repositoryRoot, '.cache', 'mlserver');
/** In the folder: what it was made from. */
const STAMP = 'modelweir-stamp';
const INSTALL_TIMEOUT_MS = 900_000;
const ERROR_CHARACTERS = 1000;

const run = promisify(execFile);

/**
 * @returns the folder for PYTHONPATH.
 * @throws {Error} when Python, pip or what pip gets cannot be had, with what pip says.
 */
export async function pythonPackages(): Promise<string> {
  const wanted = `${await hashOfRequirements()} ${await pythonVersion()}`;
  if ((await readFile(join(FOLDER, STAMP), 'utf8').catch(() => '')) === wanted) return FOLDER;
  console.error(
    'getting MLServer and onnxruntime for Python (pip, about 400 MB; a minute or two) ...',
  );
  await install(wanted);
  return FOLDER;
}

async function hashOfRequirements(): Promise<string> {
  return createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex');
}

async function pythonVersion(): Promise<string> {
  const { stdout } = await run('python3', ['-c', 'import sys; print(sys.version)']);
  return stdout.trim();
}

/** Into a folder of its own that is renamed, so that nothing half installed is ever run. */
async function install(stamp: string): Promise<void> {
  const partial = `${FOLDER}.${process.pid}.partial`;
  await mkdir(dirname(FOLDER), { recursive: true });
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary'];
  try {
    await run('python3', [...args, ':all:', '--target', partial, '-r', REQUIREMENTS], {
      timeout: INSTALL_TIMEOUT_MS,
    });
    await writeFile(join(partial, STAMP), stamp);
    await rm(FOLDER, { recursive: true, force: true });
    await rename(partial, FOLDER);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw new Error(`pip cannot install them: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  const stderr = (error as { readonly stderr?: string }).stderr;
  return (stderr || String(error)).trim().slice(-ERROR_CHARACTERS);
}
