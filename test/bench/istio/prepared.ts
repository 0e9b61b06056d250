/** Istio's programs are built when they are first needed, and its pods' networks live in a namespace of the kernel. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';

const MARK = 'MODELWEIR_BENCH_NETWORK';

/** Whether this process has all that a mesh of Istio's needs. */
export function isPrepared(): boolean {
  return process.env[MARK] === 'own';
}

/** Runs the same benchmarks again where all is prepared; returns the exit status. */
export async function runPrepared(args: readonly string[]): Promise<number> {
  const inNamespace = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
  const [command = '', ...rest] = [
    ...[process.execPath, join(repositoryRoot, 'scripts/bootstrap.mjs'), '--kubernetes', '--istio'],
    ...['--', ...inNamespace],
    ...[process.execPath, join(repositoryRoot, 'test/bench/main.ts'), ...args],
  ];
  const env = { ...process.env, [MARK]: 'own' };
  const child = spawn(command, rest, { cwd: repositoryRoot, stdio: 'inherit', env });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
