/** Gets the Python clients that the ring `clients` tests with into .cache: no venv, nothing outside it. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { excerpt, runQuietly } from './process.mjs';
import { Unprepared } from './unprepared.mjs';

/** In the folder: what it was made from. Where the tests look for it too (test/clients/python-checks.ts). */
const STAMP = 'modelweir-stamp';
const PIP = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];

/** Installs when the requirements or the Python are others. @throws {Unprepared} when that fails. */
export async function preparePythonClients(root, say) {
  const requirements = join(root, 'test', 'clients', 'requirements.txt');
  const folder = join(root, '.cache', 'python-clients');
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const wanted = `${hash} ${await pythonVersion()} ${process.platform}-${process.arch}`;
  if (stampOf(folder) === wanted) return;
  const started = Date.now();
  say('getting the Python clients of test/clients/requirements.txt (pip, about 90 MB; a minute)');
  await install(folder, requirements, wanted);
  say(`Python clients installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** Packages with compiled parts run under the Python that they were installed for only. */
async function pythonVersion() {
  const program = 'import sys; print("python%d.%d" % sys.version_info[:2])';
  const { code, output } = await runQuietly('python3', ['-c', program], {});
  if (code === 0) return output;
  throw new Unprepared(
    `the Python clients need python3 with pip. Trying it gave:\n${excerpt(output)}`,
  );
}

/** Into a folder of its own that is renamed, so that no half-installed client is ever run. */
async function install(folder, requirements, stamp) {
  const partial = `${folder}.partial`;
  mkdirSync(dirname(folder), { recursive: true });
  rmSync(partial, { recursive: true, force: true });
  const args = [...PIP, '--only-binary', ':all:', '--target', partial, '-r', requirements];
  const { code, output } = await runQuietly('python3', args, { cwd: dirname(folder) });
  if (code !== 0) {
    rmSync(partial, { recursive: true, force: true });
    throw new Unprepared(`pip could not get the Python clients. It says:\n${excerpt(output)}`);
  }
  writeFileSync(join(partial, STAMP), stamp);
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
}

function stampOf(folder) {
  try {
    return readFileSync(join(folder, STAMP), 'utf8');
  } catch {
    return '';
  }
}
