/**
 * What the translation writes, as Istio's own tools judge it: each golden file, and what the command writes now.
 * istiod and its webhook take fields that they do not know for a warning at most, and drop the patch.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { istioProgram } from './harness/programs.ts';

const execute = promisify(execFile);
const cases = fileURLToPath(new URL('../golden/istio/cases', import.meta.url));
const main = fileURLToPath(new URL('../../control-plane/main.ts', import.meta.url));
/** Of every EnvoyFilter, whatever it says. */
const ANY_ENVOY_FILTER = 'EnvoyFilter exposes internal implementation details';

/** All that it says against them but what it says against all. */
async function findings(file: string): Promise<string[]> {
  const { stdout, stderr } = await execute(istioProgram('istioctl'), ['validate', '-f', file]);
  return `${stdout}\n${stderr}`
    .split('\n')
    .filter((line) => line.includes('* ') && !line.includes(ANY_ENVOY_FILTER));
}

async function analyze(...files: string[]): Promise<string> {
  const args = ['analyze', '--use-kube=false', ...files];
  const { stdout, stderr } = await execute(istioProgram('istioctl'), args);
  return stdout + stderr;
}

describe('istioctl finds nothing in the objects of', () => {
  for (const file of globSync(join(cases, '*/golden/istio.yaml')).toSorted()) {
    const folder = dirname(dirname(file));
    test(basename(folder).replaceAll('-', ' '), async () => {
      assert.deepEqual(await findings(file), []);
      const analysis = await analyze(file, join(folder, 'objects.yaml'));
      assert.match(analysis, /No validation issues found/);
      assert.doesNotMatch(analysis, /can't unmarshal/);
    });
  }
});

test('istioctl finds nothing in what the command writes with the modules that are built', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'modelweir-export-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'istio.yaml');
  const example = join(cases, 'two-hosts-and-a-canary');
  await execute(process.execPath, [main, 'export', '--istio', example, '-o', file]);
  assert.deepEqual(await findings(file), []);
});
