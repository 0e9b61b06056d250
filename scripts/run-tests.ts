/**
 * Runs the rings of tests, fastest first: `node scripts/run-tests.ts [RING ...]`. Without a name all
 * that need nothing but this checkout. One process of Node's own runner does the work, so its closing
 * lines count every test.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const RINGS = ['unit', 'golden', 'contract', 'wasm', 'envoy', 'e2e'];
/** Need programs of others, which are bigger than all the rest: they run only when named. */
const NAMED_RINGS = ['clients', 'kubernetes', 'istio'];
/** Makes network namespaces for pods, in one of its own: nothing of them is left on the machine. */
const NAMESPACED_RING = 'istio';
const IN_NAMESPACE = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
/** A test that hangs is a failure, and says so long before CI's own limit. */
const TEST_TIMEOUT_MS = 240_000;

const wanted = process.argv.slice(2);
const known = [...RINGS, ...NAMED_RINGS];
const unknown = wanted.filter((ring) => !known.includes(ring));
if (unknown.length > 0) {
  console.error(`unknown ring ${unknown.join(', ')}: choose from ${known.join(', ')}`);
  process.exit(2);
}
const rings = wanted.length > 0 ? wanted : RINGS;
const files = rings.flatMap((ring) => testFiles(ring));
console.log(`Running ${files.length} test files of ${rings.join(', ')} ...`);
const options = ['--test', `--test-timeout=${TEST_TIMEOUT_MS}`, '--test-concurrency=2'];
const [command = '', ...args] = [
  ...(rings.includes(NAMESPACED_RING) ? IN_NAMESPACE : []),
  ...[process.execPath, ...options, ...files],
];
const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));

function testFiles(ring: string): string[] {
  const found = globSync(`test/${ring}/**/*.test.ts`, { cwd: root }).toSorted();
  if (found.length === 0) {
    console.error(`ring ${ring} has no tests: a ring that runs nothing proves nothing`);
    process.exit(1);
  }
  return found.map((file) => path.join(root, file));
}
