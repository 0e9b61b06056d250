/** Makes node_modules match package-lock.json. */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { excerpt, runQuietly } from './process.mjs';
import { Unprepared } from './unprepared.mjs';

const OFFLINE =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH)\b/;

/** Installs only when node_modules was made from another lock, or on another kind of machine. */
export async function preparePackages(root, say) {
  const stampFile = join(root, 'node_modules', '.modelweir-stamp');
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const machine = `${process.platform}-${process.arch}`;
  const wanted = `${createHash('sha256').update(lock).digest('hex')} ${machine}`;
  const stamp = readOr(stampFile, '');
  if (stamp === wanted) return;
  const sameMachine = stamp === '' || stamp.endsWith(` ${machine}`);
  if (!(sameMachine && isInstalled(root, JSON.parse(lock)))) {
    rmSync(stampFile, { force: true });
    await install(root, say);
  }
  writeFileSync(stampFile, wanted);
}

async function install(root, say) {
  const started = Date.now();
  say('installing the packages of package-lock.json (npm ci; a minute or two the first time)');
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  args.push('--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=10000');
  const { code, output } = await runNpm(root, args);
  if (code !== 0) throw new Unprepared(explain(code, output));
  say(`packages installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** Runs npm with the machine's own Node: the one in node_modules goes away while npm works. */
export function runNpm(root, args) {
  const inside = join(root, 'node_modules');
  const path = (process.env.PATH ?? '').split(delimiter).filter((part) => !part.startsWith(inside));
  const env = {
    ...process.env,
    PATH: path.join(delimiter),
    // Its install script downloads CUDA libraries; the CPU library is in the package.
    ONNXRUNTIME_NODE_INSTALL: 'skip',
  };
  return runQuietly('npm', args, { cwd: root, env });
}

function explain(code, output) {
  if (code === 127) return `${output}. Install npm (it comes with Node) and run this again.`;
  const reason = OFFLINE.test(output)
    ? 'npm cannot reach its registry: check the network, the proxy settings, and `npm config get registry`'
    : `npm ci failed with exit code ${code}`;
  return `${reason}. It says:\n${excerpt(output, 'start')}`;
}

/**
 * Whether npm itself says that these packages are there: after a plain `npm ci` or `npm install`
 * there is nothing to do. Packages for other machines are optional and may be missing.
 */
function isInstalled(root, lock) {
  const record = readOr(join(root, 'node_modules', '.package-lock.json'), '');
  if (record === '') return false;
  const installed = JSON.parse(record).packages;
  const { '': _project, ...wanted } = lock.packages;
  return (
    Object.keys(installed).every((path) => path in wanted) &&
    Object.entries(wanted).every(([path, { version, optional }]) =>
      path in installed ? installed[path].version === version : optional === true,
    )
  );
}

function readOr(file, fallback) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return fallback;
  }
}
