/** Runs a script of `python/` with the installed clients; each of its checks becomes a test. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { repositoryRoot } from '../../control-plane/cli/quickstart/places.ts';
import { runProgram } from './program.ts';

/** Where scripts/bootstrap/python-clients.mjs installs. */
const PACKAGES = join(repositoryRoot, '.cache/python-clients');

interface Check {
  readonly name: string;
  /** A Python traceback; undefined: it passed. */
  readonly error?: string;
}

/** `facts` are what the script gets as `FACTS`. */
export async function runPythonChecks(t: TestContext, script: string, facts: object) {
  assert.ok(existsSync(PACKAGES), 'the Python clients are missing: npm run test:clients gets them');
  const { code, output, errors } = await runProgram({
    command: 'python3',
    args: ['-B', join(import.meta.dirname, 'python', script), JSON.stringify(facts)],
    env: { PYTHONPATH: PACKAGES },
  });
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  const checks: Check[] = lines.map((line) => JSON.parse(line)).filter((line) => 'name' in line);
  for (const { name, error } of checks) {
    await t.test(name, () => assert.ok(error === undefined, error));
  }
  assert.equal(code, 0, `${script} ended with ${code}:\n${output}\n${errors}`);
  assert.equal(lines.at(-1), JSON.stringify({ checks: checks.length }).replace(':', ': '), output);
}
