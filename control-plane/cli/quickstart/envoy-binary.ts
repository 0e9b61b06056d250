/** Finds the Envoy to run: ENVOY_BIN, else the one that scripts/bootstrap.mjs got, else one on PATH. */
import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { CommandFailure } from '../failure.ts';
import { repositoryRoot } from './places.ts';

const VERSION_TIMEOUT_MS = 20_000;

export interface EnvoyBinary {
  readonly path: string;
  /** `1.40.0` */
  readonly version: string;
  /** What to tell the user about this version; null when it is the pinned one. */
  readonly warning: string | null;
}

/** @throws {CommandFailure} when there is none, or the one named does not run. */
export async function findEnvoy(environment = process.env): Promise<EnvoyBinary> {
  const pin = readPin();
  const path = locate(environment, pin.version);
  const version = await versionOf(path);
  return { path, version, warning: judge(path, version, pin) };
}

interface Pin {
  readonly version: string;
  readonly oldest: string;
}

function readPin(): Pin {
  return JSON.parse(readFileSync(join(repositoryRoot, 'scripts', 'envoy-pin.json'), 'utf8'));
}

function locate(environment: NodeJS.ProcessEnv, version: string): string {
  const named = environment['ENVOY_BIN'];
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return named;
    throw new CommandFailure(
      `ENVOY_BIN names ${named}, which is not an executable file. Correct it, or unset it to use Envoy ${version}.`,
      1,
    );
  }
  const cached = join(repositoryRoot, '.cache', `envoy-${version}`, 'envoy', '_bin', 'envoy');
  const onPath = (environment['PATH'] ?? '').split(delimiter).map((part) => join(part, 'envoy'));
  const found = [cached, ...onPath].find(isExecutable);
  if (found !== undefined) return found;
  throw new CommandFailure(
    `no Envoy found. \`node scripts/bootstrap.mjs -- true\` gets version ${version}; or set ENVOY_BIN to one that you have.`,
    1,
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

async function versionOf(path: string): Promise<string> {
  let output: string;
  try {
    const options = { timeout: VERSION_TIMEOUT_MS };
    output = (await promisify(execFile)(path, ['--version'], options)).stdout;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`${path} does not run: ${reason}`, 1);
  }
  // "envoy  version: 9e5580.../1.40.0/Clean/RELEASE/BoringSSL"
  const version = /version:\s*[^/\s]+\/(\d+\.\d+\.\d+)/.exec(output)?.[1];
  if (version !== undefined) return version;
  throw new CommandFailure(`${path} does not say that it is an Envoy: ${output.trim()}`, 1);
}

function judge(path: string, version: string, pin: Pin): string | null {
  if (isOlder(version, pin.oldest)) {
    return `${path} is Envoy ${version}. Modelweir's filters need ${pin.oldest} or newer: routing by a model that the body names will not work.`;
  }
  const [major, minor] = pin.version.split('.');
  if (version.startsWith(`${major}.${minor}.`)) return null;
  return `${path} is Envoy ${version}. Modelweir is tested with ${pin.version}.`;
}

function isOlder(version: string, than: string): boolean {
  const left = version.split('.').map(Number);
  const right = than.split('.').map(Number);
  const at = left.findIndex((part, index) => part !== right[index]);
  return at >= 0 && (left[at] ?? 0) < (right[at] ?? 0);
}
